"""compose.yaml is one, what it says of kmux is true of the image, and its users have JupyterLab with it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from containers import IN_STORAGE, build
from kmuxd import BIN

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".cache/packages-tools/bin/check-jsonschema"


def valid(file):
    return subprocess.run([CHECK, "--builtin-schema", "vendor.compose-spec", file], capture_output=True).returncode == 0


def test_it_is_as_the_specification_has_it(tmp_path):
    assert valid(ROOT / "compose.yaml")
    broken = tmp_path / "compose.yaml"
    broken.write_text((ROOT / "compose.yaml").read_text().replace("read_only: true", "read_only: [always]"))
    assert not valid(broken), "or the check could not fail"


@pytest.fixture
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_what_is_built_is_there(services):
    for each in services.values():
        assert (ROOT / each["build"] / "Dockerfile").is_file()


def test_kmux_writes_where_it_may(services):
    image = (ROOT / "Dockerfile").read_text()
    state, runtime = (re.search(rf"{name}=(\S+)", image)[1] for name in ("KMUX_STATE_DIR", "KMUX_RUNTIME_DIR"))
    kmux = services["kmux"]
    assert kmux["read_only"] is True and kmux["volumes"] == [f"journals:{state}"]
    assert runtime.startswith(kmux["tmpfs"][0] + "/")


def test_the_environment_is_a_configuration(services):
    image = dict(re.findall(r"(KMUX_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))
    hub = {name: value.replace("${KMUX_HUB_TOKEN}", "a-secret-of-both") for name, value in services["kmux"]["environment"].items()}
    assert len(image) >= 4 and hub["JUPYTERHUB_API_TOKEN"] == "a-secret-of-both"
    for more in ({}, hub):
        said = {"PATH": "/usr/bin", "HOME": "/nonexistent", **image, **more}
        check = subprocess.run([BIN / "kmuxd", "--check-config"], capture_output=True, text=True, env=said)
        assert check.stdout == "The configuration is good.\n", check.stderr
    used = subprocess.run([BIN / "kmuxd", "--print-config"], capture_output=True, text=True, env=said).stdout
    assert 'base_url = "/services/kmux/"' in used and 'listen = ["0.0.0.0:8888"]' in used


@pytest.mark.timeout(1200)
def test_its_users_have_jupyterlab_whose_kernels_are_in_kmux(services, tmp_path):
    """The very images that it names; only their network is the test's."""
    build(ROOT / services["hub"]["build"], "localhost/" + services["hub"]["image"])
    session = Path(__file__).parent / "composed.py"
    ran = subprocess.run([*IN_STORAGE, "unshare", "--net", "--mount", sys.executable, session, tmp_path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
