"""What systemd says of the units, without any being started."""

import os
import subprocess

import pytest
from guest import UNITS
from kmuxd import BIN

SHARED = sorted(p for p in UNITS.iterdir() if p.suffix in (".service", ".socket", ".slice"))


@pytest.fixture
def units(tmp_path):
    """As they are installed, with the programs that were built."""
    for each in SHARED:
        (tmp_path / each.name).write_text(each.read_text().replace("/usr/bin/kmux", f"{BIN.resolve()}/kmux"))
    return tmp_path


def verify(*files):
    done = subprocess.run(["systemd-analyze", "--recursive-errors=yes", "--man=no", *files], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", "/tmp")})
    return done.returncode, done.stdout + done.stderr


def test_they_are_clean(units):
    assert verify("verify", *units.iterdir()) == (0, "")


def test_each_way_of_running_it_is_clean(tmp_path):
    for place, how in (("alone", ()), ("user", ("--user",))):
        unit = tmp_path / "kmuxd.service"
        unit.write_text((UNITS / place / "kmuxd.service").read_text().replace("/usr/bin/kmux", f"{BIN.resolve()}/kmux"))
        assert verify(*how, "verify", unit) == (0, ""), place


def test_a_mistake_would_be_seen(units):
    (units / "kmuxd.service").write_text((units / "kmuxd.service").read_text() + "\n[Service]\nNoSuchThing=yes\n")
    assert verify("verify", units / "kmuxd.service") != (0, "")


@pytest.mark.parametrize("unit, most", [("kmuxd", 20), ("kmux-spawn", 45)])
def test_what_is_left_exposed(units, unit, most):
    """In tenths."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", units / f"{unit}.service"]
    done = subprocess.run([*command, f"--threshold={most}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout.splitlines()[-1]
