"""The modules of this package as they were when the kernel began.

A kernel lives through an upgrade of kmux, or its removal, and what it has not imported until then
would come from files that do not fit the rest of it.
"""

import importlib.machinery
import importlib.util
import os
import sys
from pkgutil import get_importer


class Source(importlib.machinery.SourceFileLoader):
    """A module's file, and the loader of what it was."""

    def __init__(self, path):
        super().__init__("", path)
        with open(path, "rb") as file:
            self.stamp = stamp(os.fstat(file.fileno()))
            self.text = file.read()

    def is_there(self):
        try:
            return stamp(os.stat(self.path)) == self.stamp
        except OSError:
            return False

    def spec(self, name):
        self.name = name
        inside = [os.path.dirname(self.path)] if os.path.basename(self.path) == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, self.path, loader=self, submodule_search_locations=inside)

    # What importlib asks of a loader of its kind.

    def get_data(self, path):
        return self.text

    def path_stats(self, path):
        raise OSError("Bytecode that lies there is of another version.")


class Finder:
    """What importlib looks for in one directory: as usual, while its file is the one that it was."""

    def __init__(self, directory, sources):
        self.usual, self.sources = get_importer(directory), sources

    def find_spec(self, name, target=None):
        source = self.sources.get(name.rpartition(".")[2])
        if source is None or source.is_there():
            return self.usual.find_spec(name, target)
        return source.spec(name)

    def invalidate_caches(self):
        self.usual.invalidate_caches()


def stamp(stat):
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def keep():
    """From now on; what is imported already needs no keeping."""
    (home,) = sys.modules[__package__].__path__
    imported = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for directory, folders, files in os.walk(home):
        folders[:] = [folder for folder in folders if folder != "__pycache__"]
        paths = {file[:-3]: os.path.join(directory, file) for file in files if file.endswith(".py")}
        paths.update((folder, os.path.join(directory, folder, "__init__.py")) for folder in folders)
        sources = {name: Source(path) for name, path in paths.items() if path not in imported and os.path.exists(path)}
        sys.path_importer_cache[directory] = Finder(directory, sources)
