"""`import ipykernel` finds ours: the real one's objects need a kernel of its own. What ours does
not have is looked for in the real one, where that is installed. `import comm` finds the real one,
and ours only where there is none."""

import importlib.machinery
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def ours(name, more=()):
    directory = os.path.join(HERE, name)
    return importlib.util.spec_from_file_location(
        name, os.path.join(directory, "__init__.py"), submodule_search_locations=[directory, *more]
    )


class Ipykernel:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "ipykernel":
            return None
        real = importlib.machinery.PathFinder.find_spec(name)
        return ours(name, real.submodule_search_locations or () if real else ())


class Comm:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return ours(name) if name == "comm" else None


class Pdb:
    """The first import of pdb, which is slow and rare: it gets IPython's debugger."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "pdb":
            return None
        sys.meta_path.remove(cls)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            use_ipythons(module)

        spec.loader.exec_module = exec_module
        return spec


def use_ipythons(pdb):
    """The standard one asks again after an interrupt, for ever."""
    from IPython.core import debugger

    debugger.Pdb = pdb.Pdb = debugger.InterruptiblePdb
    pdb.set_trace = debugger.set_trace


def install():
    find_ours()
    if "pdb" in sys.modules:
        use_ipythons(sys.modules["pdb"])
    elif Pdb not in sys.meta_path:
        sys.meta_path.insert(0, Pdb)


def find_ours():
    """From now on, the packages beside this file are found."""
    if Ipykernel not in sys.meta_path:
        sys.meta_path.insert(0, Ipykernel)
        sys.meta_path.append(Comm)
