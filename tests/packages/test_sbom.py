"""The bill of materials: whole, true, and as CycloneDX has it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BUILD, PACKAGES

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".cache/packages-tools/bin"
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(str(problem) if problem else 0)
"""


@pytest.fixture(scope="module")
def file():
    (found,) = PACKAGES.glob("*.cdx.json")
    return found


@pytest.fixture(scope="module")
def bill(file):
    return json.loads(file.read_text())


def valid(file):
    ran = subprocess.run([TOOLS / "python", "-c", VALIDATE, file], capture_output=True, text=True)
    return ran.returncode == 0


def test_it_is_as_the_schema_has_it(file, tmp_path):
    assert valid(file)
    broken = tmp_path / "broken.json"
    broken.write_text(file.read_text().replace('"type": "library"', '"type": "book"'))
    assert not valid(broken), "or the check could not fail"


def test_it_names_what_dpkg_knows_of_the_programs(bill):
    uses = {each["name"]: [p["value"] for p in each["properties"] if p["name"] == "kmux:use"] for each in bill["components"]}
    versions = {each["name"]: each["version"] for each in bill["components"]}
    assert "loaded" in uses["libzmq5"] and "loaded" in uses["libssl3"] and "loaded" in uses["libsodium23"], "also what libzmq loads"
    assert uses["libcli11-dev"] == ["compiled in"] and uses["rapidjson-dev"] == ["compiled in"]
    assert not [name for name in uses if re.search("gtest|gmock|benchmark", name)], "those are for tests"
    (package,) = PACKAGES.glob("kmux_*.deb")
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
    linked = {word for word in re.findall(r"\blib[\w.+-]+", depends) if not word.startswith("libspdlog")}
    assert linked <= set(uses), "what the package depends on"
    installed = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "libzmq5"], capture_output=True, text=True, check=True).stdout
    assert versions["libzmq5"] == installed


def test_its_graph_is_whole(bill):
    references = {each["bom-ref"] for each in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    edges = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert set(edges) == references and {to for ends in edges.values() for to in ends} <= references
    reached, wanted = set(), {bill["metadata"]["component"]["bom-ref"]}
    while wanted:
        reached |= wanted
        wanted = {to for each in wanted for to in edges[each]} - reached
    assert reached == references, "all is there for a reason"


def test_the_same_build_makes_the_same_bytes(file, bill, tmp_path):
    tree = tmp_path / "tree"
    for package in [*PACKAGES.glob("kmux_*.deb"), *PACKAGES.glob("kmux-spawn_*.deb")]:
        subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
    again = subprocess.run([sys.executable, ROOT / "packaging/sbom.py", BUILD, tree], capture_output=True, text=True, check=True,
                           env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": subprocess.run(
                               ["dpkg-parsechangelog", "-l", ROOT / "debian/changelog", "-S", "Timestamp"], capture_output=True, text=True, check=True).stdout.strip()})
    assert json.loads(again.stdout) == bill
