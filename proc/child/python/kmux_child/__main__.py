"""python -m kmux_child -f CONNECTION_FILE, or python DIRECTORY -f CONNECTION_FILE."""

import os
import sys


def import_package():
    """Where this directory itself was run: the package, without its parent on the module path."""
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        "kmux_child", os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["kmux_child"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    if not __package__:
        import_package()
    if sys.path and not getattr(sys.flags, "safe_path", False):
        sys.path[0] = ""  # what cells import is looked for where they run
    from kmux_child.main import main

    sys.exit(main(sys.argv[1:]))
