"""A kmuxd of its own for each test that asks for one."""

import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kmuxd import Daemon  # noqa: E402

# A shell's background job ignores SIGINT, and so would all that it starts; a handler is no inheritance.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def make_daemon(tmp_path):
    made = []

    def make(config="[kernels]\necho = true\n", **more):
        directory = tmp_path / f"d{len(made)}"
        directory.mkdir()
        made.append(Daemon(directory, config, **more))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def daemon(make_daemon):
    return make_daemon().start()
