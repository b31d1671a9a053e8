"""What ./dev test has made of the build, before these tests: an installation, packages, an image."""

import subprocess
import sys
from pathlib import Path

import pytest
from kmuxd import BIN

sys.path.append(str(Path(__file__).parents[1] / "system"))

BUILD = BIN.parent
PACKAGES = Path(__file__).parents[2] / "build/packages"


def install(prefix, *flags, destination=None):
    environment = {} if destination is None else {"DESTDIR": str(destination)}
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix, *flags], check=True, capture_output=True,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment})


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Where `cmake --install --prefix` has put everything."""
    place = tmp_path_factory.mktemp("prefix")
    install(place)
    return place
