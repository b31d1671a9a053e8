"""A host with three users, kmux-spawn and kmuxd, for each test."""

import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shared_host import CONFIG, SharedDaemon, Spawn, prepare_host  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def host():
    prepare_host()


@pytest.fixture
def tmp_path(host):
    """Not pytest's own, which any other pytest closes to other users as it begins."""
    place = Path(tempfile.mkdtemp(dir="/opt"))
    place.chmod(0o755)
    return place


@pytest.fixture
def make_spawn(tmp_path):
    made = []

    def make(*words, **more):
        made.append(Spawn(tmp_path / f"spawn{len(made)}.log", *words, **more).start())
        return made[-1]

    yield make
    for each in made:
        if each.process.poll() is None:
            each.stop()
        each.socket.close()
        print(each.log.read_text())


@pytest.fixture
def spawn(make_spawn):
    return make_spawn()


@pytest.fixture
def make_shared(make_spawn, tmp_path):
    made = []

    def make(config=CONFIG, **more):
        directory = tmp_path / f"d{len(made)}"
        directory.mkdir()
        made.append(SharedDaemon(directory, config, **more))
        return made[-1]

    yield make
    for each in made:
        each.end()
        each.check_logs(*tmp_path.glob("spawn*.log"))
        print(each.log.read_text())


@pytest.fixture
def daemon(spawn, make_shared):
    return make_shared().start()
