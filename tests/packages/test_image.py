"""The container image, as docs/deployment.md says to run it."""

import contextlib
import json
import re
import uuid
from pathlib import Path

import pytest
from containers import IMAGE, Container, podman
from kmuxd import TOKEN, wait_until

VENV = Path(__file__).parents[2] / ".cache/venv"
MEMORY = "--tmpfs=/tmp"
pytestmark = pytest.mark.timeout(600)


@contextlib.contextmanager
def made_volume():
    name = f"kmux-test-{uuid.uuid4().hex[:8]}"
    podman("volume", "create", name)
    yield f"--volume={name}:/var/lib/kmux"
    podman("volume", "rm", "--force", name)


@pytest.fixture(scope="module")
def shared():
    """One for the tests that leave it as it was."""
    with made_volume() as volume:
        container = Container(volume, MEMORY)
        yield container
        container.end()


@pytest.fixture
def volume():
    with made_volume() as made:
        yield made


@pytest.fixture
def run(volume):
    made = []

    def start(*flags, **more):
        made.append(Container(volume, *flags, **more))
        return made[-1]

    yield start
    for each in made:
        each.end()


def test_the_image_is_small_and_has_no_compiler(tmp_path, shared):
    archive = tmp_path / "image.tar"
    podman("save", "--quiet", "--format", "oci-archive", "--output", archive, IMAGE)
    assert archive.stat().st_size <= 120e6, "compressed"
    facts = json.loads(podman("image", "inspect", IMAGE))[0]
    assert facts["User"] == "1000:1000" and list(facts["Config"]["Volumes"]) == ["/var/lib/kmux"]
    assert facts["Config"]["Entrypoint"] == ["kmuxd"]
    assert shared.exec("sh", "-c", "command -v g++ cmake ccache; ls /packages /src 2>/dev/null; true") == ""


def test_a_cell_where_nothing_can_be_written(shared):
    channels = shared.channels(shared.kernel("python3"))
    assert channels.text("import os, IPython; print(6 * 7, os.getuid(), os.getcwd())") == "42 1000 /home/kmux\n"
    assert "Read-only file system" in str(channels.run("open('/home/kmux/x', 'w')"))
    assert re.search(r"Name:\tkmuxd\n", shared.exec("cat", "/proc/1/status"))
    assert TOKEN not in shared.said() and TOKEN not in channels.text("print(dict(os.environ))")


def test_it_is_healthy_as_the_image_has_it(run):
    container = run(MEMORY, host_network=False)
    assert container.url == "http://0.0.0.0:8888/"
    kind, *check = json.loads(podman("image", "inspect", IMAGE))[0]["Healthcheck"]["Test"]
    assert kind == "CMD" and "ready" in container.exec(*check)
    container.exec("rm", "/tmp/kmux/admin.sock")
    assert container.exec(*check, check=False) == "", "or it could not fail"


def test_an_environment_that_is_mounted(run):
    container = run(MEMORY, f"--volume={VENV.resolve()}:/environment:ro", "--env=KMUX_KERNELS_PYTHON=/environment/bin/python")
    channels = container.channels(container.kernel("python3"))
    assert channels.text("import sys, requests; print(sys.prefix, requests.__file__.startswith(sys.prefix))") == "/environment True\n"


def test_orphans_are_waited_for(shared):
    channels = shared.channels(shared.kernel("python3"))
    orphan = channels.text(
        "import subprocess\nprint(subprocess.run('sleep 1000 >/dev/null 2>&1 & echo $!', shell=True, capture_output=True, text=True).stdout)").strip()
    assert "PPid:\t1\n" in shared.exec("cat", f"/proc/{orphan}/status")
    shared.exec("sh", "-c", f"kill {orphan}")
    wait_until(lambda: shared.exec("sh", "-c", f"[ -e /proc/{orphan} ] || echo gone") == "gone\n", 60, "its end")


def test_sigterm_ends_kernels_in_order(run):
    container = run(MEMORY)
    kernel = container.kernel("python3")
    channels = container.channels(kernel)
    channels.run("import atexit; atexit.register(lambda: open('/var/lib/kmux/farewell', 'w').write('in order'))")
    channels.execute("import time; print('begun'); time.sleep(1000)")
    channels.until(lambda m: m["msg_type"] == "stream")
    podman("stop", "--time=120", container.name)
    assert container.state("ExitCode") == "0"
    assert "event=kernel_ended" in container.said() and "event=ended" in container.said()
    podman("start", container.name)
    container.wait_for_url()
    assert container.exec("cat", "/var/lib/kmux/farewell") == "in order"


@pytest.mark.parametrize("memory", [[MEMORY], ["--read-only=false"]], ids=["runtime directory in memory", "kept with the container"])
def test_all_output_is_there_after_the_container_was_killed(run, memory):
    container = run(*memory)
    kernel = container.kernel("python3")
    channels = container.channels(kernel)
    channels.execute("import time\nfor i in range(100000): print(i, flush=True); time.sleep(0.001)")
    seen = ""
    while seen.count("\n") < 300:
        seen += channels.until(lambda m: m["msg_type"] == "stream")[-1]["content"]["text"]
    podman("kill", "--signal=KILL", container.name)
    wait_until(lambda: container.state("Running") == "false", 60, "its end")
    podman("start", container.name)
    container.wait_for_url()
    (left,) = container.get("kernels").json()
    assert left["id"] == kernel and left["execution_state"] == "dead"
    lines = container.get(f"kernels/{kernel}/messages?limit=1000000").text.splitlines()
    messages = [json.loads(line) for line in lines]
    printed = "".join(each["content"]["text"] for each in messages if each.get("header", {}).get("msg_type") == "stream")
    numbers = [int(word) for word in printed.split()]
    assert numbers == list(range(len(numbers))) and printed.startswith(seen)
    assert container.channels(container.kernel("python3")).text("print('again')") == "again\n"
