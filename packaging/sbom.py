"""python sbom.py BUILD TREE…: what is in a package, as a software bill of materials (CycloneDX 1.5, JSON).

BUILD is the build directory, each TREE what goes into a package (debian/kmux). Debian's packages are asked
of dpkg: those whose shared libraries the programs load, directly or through others, and those whose headers
were compiled in. The standard library, readelf, ldd and ninja are enough. The same build on the same
system makes the same bytes; SOURCE_DATE_EPOCH is the time that it has.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What we ship is made of these folders; tests/ is compiled by the way.
OURS = ("config/", "protocol/", "proc/", "daemon/")
#: Licences which Debian's copyright files name as SPDX does, or nearly.
SPDX = {"Apache-2.0": "Apache-2.0", "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause", "BSL-1.0": "BSL-1.0",
        "Expat": "MIT", "GPL-2+": "GPL-2.0-or-later", "GPL-3+": "GPL-3.0-or-later", "ISC": "ISC",
        "LGPL-2.1+": "LGPL-2.1-or-later", "MIT": "MIT", "MPL-2.0": "MPL-2.0", "Zlib": "Zlib"}


def run(*words, check=True):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise ValueError(f"{words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def programs_in(tree):
    """Executables and shared objects."""
    found = (path for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in found if path.open("rb").read(4) == b"\x7fELF"]


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", path))


def loaded(path):
    """Name → file of all that the dynamic linker loads for it."""
    text = run("ldd", path)
    missing = re.findall(r"(\S+) => not found", text)
    if missing:
        raise ValueError(f"{path} needs {', '.join(missing)}, which are not installed")
    return {name: os.path.realpath(file) for name, file in re.findall(r"(\S+) => (/\S+)", text)}


def compiled_in(build):
    """The system's headers that our objects were made of."""
    headers, ours = set(), False
    for line in run("ninja", "-C", build, "-t", "deps").splitlines():
        if not line.startswith(" "):
            ours = line.startswith(OURS)
        elif ours and line.strip().startswith("/usr/"):
            headers.add(os.path.realpath(line.strip()))
    if not headers:
        raise ValueError(f"{build} was not built here: ninja knows of no headers")
    return headers


def packages_of(files):
    """File → (package, its names). dpkg's lists have libraries in /lib that are in /usr/lib now."""
    owners = {}
    names = sorted({name for file in files for name in (file, file.removeprefix("/usr"))})
    for start in range(0, len(names), 500):
        for line in run("dpkg-query", "-S", *names[start:start + 500], check=False).splitlines():
            package, separator, file = line.rpartition(": ")
            if separator and not line.startswith("diversion "):
                owners[file] = package.split(",")[0].partition(":")[0]
    found = {file: owners.get(file) or owners.get(file.removeprefix("/usr")) for file in files}
    strays = [file for file, package in found.items() if package is None]
    if strays:
        raise ValueError(f"these belong to no Debian package: {' '.join(strays[:5])}")
    return found


def licenses_of(package):
    try:
        text = Path("/usr/share/doc", package, "copyright").read_text(errors="replace")
    except OSError:
        return []
    # Names, or a few with "or" between them; some files have a sentence there.
    names = sorted({name for name in re.findall(r"(?m)^License: *(\w\S*(?: \S+){0,7}?)\s*$", text) if name[-1] not in ".,;"})
    return [{"license": {"id": SPDX[name]} if name in SPDX else {"name": name}} for name in names]


def release():
    fields = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text()))
    return f"{fields['ID']}-{fields.get('VERSION_ID', 'unstable')}", fields["ID"]


class Bill:
    """Collects Debian packages, how each is used, and which loads which."""

    def __init__(self):
        self.uses, self.edges = {}, {}

    def use(self, package, how):
        self.uses.setdefault(package, set()).add(how)

    def add_program(self, program):
        """Its libraries; the names of the packages that it is linked with itself."""
        files = loaded(program)
        owners = packages_of(files.values())
        package = {name: owners[file] for name, file in files.items()}
        for name, file in files.items():
            self.use(package[name], "loaded")
            self.edges.setdefault(package[name], set()).update(
                package[each] for each in needed(file) if package.get(each, package[name]) != package[name])
        return {package[name] for name in needed(program) if name in package}

    def components(self):
        distribution, name = release()
        out = []
        for package in sorted(self.uses):
            version, architecture, source = run(
                "dpkg-query", "-W", "-f=${Version} ${Architecture} ${source:Package}\n", package).splitlines()[0].split()
            reference = f"pkg:deb/{name}/{package}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}&distro={distribution}"
            out.append({
                "type": "library", "bom-ref": reference, "name": package, "version": version, "purl": reference,
                "scope": "required", "licenses": licenses_of(package),
                "properties": [{"name": "kmux:source-package", "value": source},
                               *({"name": "kmux:use", "value": how} for how in sorted(self.uses[package]))]})
        return out


def version():
    return re.search(r"project\(kmux VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]


def make_bill(build, trees):
    bill, direct = Bill(), set()
    for tree in trees:
        for program in programs_in(tree):
            direct |= bill.add_program(program)
    if not direct:
        raise ValueError("there is no program in " + ", ".join(map(str, trees)))
    for package in set(packages_of(compiled_in(build)).values()):
        bill.use(package, "compiled in")
        direct.add(package)
    components = bill.components()
    reference = {each["name"]: each["bom-ref"] for each in components}
    ours = {"type": "application", "bom-ref": f"kmux@{version()}", "name": "kmux", "version": version(),
            "licenses": [{"license": {"id": "BSD-3-Clause"}}], "purl": f"pkg:generic/kmux@{version()}"}
    edges = [{"ref": ours["bom-ref"], "dependsOn": sorted(reference[each] for each in direct)}]
    edges += [{"ref": reference[each], "dependsOn": sorted(reference[other] for other in bill.edges.get(each, ()))}
              for each in sorted(reference)]
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    content = {"metadata": {"timestamp": when.isoformat().replace("+00:00", "Z"), "component": ours},
               "components": components, "dependencies": edges}
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{number}", "version": 1, **content}


def main():
    parser = argparse.ArgumentParser(description="Writes a software bill of materials to stdout.")
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("trees", type=Path, nargs="+", metavar="TREE")
    options = parser.parse_args()
    try:
        bill = make_bill(options.build, options.trees)
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"sbom.py: {problem}\n")
        return 1
    json.dump(bill, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
