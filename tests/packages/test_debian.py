"""The Debian packages: what is in them, and their life on a system."""

import re
import subprocess
from pathlib import Path

import pytest
import websocket
from conftest import PACKAGES
from guest import run_in_guest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def package():
    (found,) = PACKAGES.glob("kmux_*.deb")
    return found


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


def test_lintian_finds_no_error(package):
    ran = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *PACKAGES.glob("kmux*_*.deb")],
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_package_says_what_it_is(package):
    version = re.search(r"project\(kmux VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert field(package, "Version") == version, "debian/changelog and CMakeLists.txt"
    depends = re.findall(r"[\w.+-]+", re.sub(r"\(.*?\)", "", field(package, "Depends")))
    assert {"libc6", "libzmq5", "libssl3", "python3"} <= set(depends)
    kept = subprocess.run(["dpkg-deb", "-I", package, "conffiles"], capture_output=True, text=True, check=True).stdout
    assert kept.split() == ["/etc/kmux/kmuxd.toml"]
    lists = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert all(line.split()[1] == "root/root" for line in lists.splitlines())


def newer(package, directory):
    """The same in a later version."""
    tree, out = directory / "later", directory / "new.deb"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+later", control.read_text()))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, out], check=True, capture_output=True)
    return out


@pytest.mark.timeout(800)
def test_its_life_on_a_booted_system(package, tmp_path):
    old = tmp_path / "old.deb"
    old.write_bytes(package.read_bytes())
    files = [old, newer(package, tmp_path), HERE / "guest/cell.py", Path(websocket.__file__).parent]
    said = run_in_guest(tmp_path, HERE / "guest/upgrade.sh", files)
    assert said["installed"] == "enabled active, disabled" and said["user"] == "kmux"
    assert said["compiled"] == "1" and said["by default"] == "no echo kernel"
    assert said["upgraded"] == field(package, "Version") + "+later, another kmuxd"
    assert said["kernel"] == "it works, 0 restarts" and said["lines"] == "all of them"
    assert said["configuration"] == "echo = true"
    assert said["removed"] == "inactive, 0 programs, 0 left of Python"
    assert {"kmuxd.toml", "kernels"} <= set(said["kept"].split())
    assert said["purged"] == "0 left, user kmux"


@pytest.mark.timeout(800)
def test_a_shared_host_is_one_more_package(package, tmp_path):
    (helper,) = PACKAGES.glob("kmux-spawn_*.deb")
    files = [tmp_path / "kmux.deb", tmp_path / "kmux-spawn.deb"]
    for file, made in zip(files, (package, helper)):
        file.write_bytes(made.read_bytes())
    said = run_in_guest(tmp_path, HERE / "guest/shared_host.sh", files)
    assert said["installed"] == "active active, kmux-spawn.toml kmuxd.toml tokens"
    assert said["kernel"] == "201 of ann in kmux-kernels.slice"
    assert said["upgraded"] == "it goes on"
    assert said["removed"] == "active, no kernel, alone"
