"""A Jupyter kernel for Python: IPython between the two loops of kmux::child.

It does not depend on ipykernel, pyzmq or tornado; the environment needs IPython.
"""

__version__ = "0.1.0"


def __getattr__(name):
    if name == "embed_kernel":  # when it is wanted: importing the package is to stay cheap
        from kmux_child.embed import embed_kernel

        return embed_kernel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
