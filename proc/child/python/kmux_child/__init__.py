"""A Jupyter kernel for Python: IPython between the two loops of kmux::child.

It does not depend on ipykernel, pyzmq or tornado; the environment needs IPython.
"""

__version__ = "0.1.0"
