"""What somebody else has put where the daemon's directories and files are to be."""

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from kmuxd import PROGRAM, wait_until


def refused(daemon):
    """What it says as it refuses to start."""
    with pytest.raises(AssertionError) as said:
        daemon.start()
    assert daemon.process.wait(timeout=30) != 0
    daemon.process = None
    return str(said.value)


def others(path):
    """A directory that is another user's; made where we may, found where we may not."""
    if os.geteuid() != 0:
        return "/usr"
    path.mkdir()
    os.chown(path, 65534, 65534)
    return str(path)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o720, 0o702])
@pytest.mark.parametrize("which", ["", "kernels", "state", "state/kernels"])
def test_a_directory_that_others_may_write_to(make_daemon, mode, which):
    daemon = make_daemon()
    there = daemon.runtime / which
    there.mkdir(parents=True)
    for each in (daemon.runtime, daemon.runtime / "state"):
        if each.exists():
            each.chmod(0o700)
    there.chmod(mode)
    assert f"{there} may be written to by others: chmod 700 {there}" in refused(daemon)
    there.chmod(0o700)
    assert daemon.start().kernel()


def place(daemon, flag, path):
    if flag == "--runtime-dir":
        daemon.runtime = Path(path)
    else:
        daemon.flags += [flag, path]


@pytest.mark.parametrize("flag", ["--runtime-dir", "--state-dir"])
def test_a_directory_of_another_user(make_daemon, flag):
    daemon = make_daemon()
    theirs = others(daemon.directory / "theirs")
    place(daemon, flag, theirs)
    said = refused(daemon)
    assert theirs in said and "belongs to user" in said


@pytest.mark.parametrize("flag", ["--runtime-dir", "--state-dir"])
def test_a_link_to_a_directory_of_another_user(make_daemon, flag):
    daemon = make_daemon()
    link = daemon.directory / "link"
    link.symlink_to(others(daemon.directory / "theirs"))
    place(daemon, flag, str(link))
    assert "belongs to user" in refused(daemon)


def test_something_else_in_a_directorys_place(make_daemon):
    for kind in ("file", "fifo", "dangling"):
        daemon = make_daemon()
        if kind == "file":
            daemon.runtime.write_text("")
        elif kind == "fifo":
            os.mkfifo(daemon.runtime)
        else:
            daemon.runtime.symlink_to(daemon.directory / "nowhere")
        assert str(daemon.runtime) in refused(daemon)


def test_a_link_in_the_locks_place_is_not_followed(make_daemon):
    daemon = make_daemon()
    victim = daemon.directory / "victim"
    victim.write_text("precious")
    daemon.runtime.mkdir(mode=0o700)
    (daemon.runtime / "kmux.lock").symlink_to(victim)
    assert "kmux.lock" in refused(daemon)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("kind, name", [(kind, name) for kind in ("link", "fifo")
                                        for name in ("listen.json", "listen.json.new", "sessions.json", "sessions.json.new", ".written")
                                        if (kind, name) != ("fifo", "listen.json")])  # which these tests would wait for, too
def test_links_and_fifos_in_a_files_place_are_replaced(make_daemon, name, kind):
    daemon = make_daemon()
    victim = daemon.directory / "victim"
    victim.write_text("precious")
    daemon.runtime.mkdir(mode=0o700)
    there = daemon.runtime / name
    there.symlink_to(victim) if kind == "link" else os.mkfifo(there)
    daemon.start()
    daemon.post("sessions", {"path": "n.ipynb", "kernel": {"name": "echo"}}).raise_for_status()
    # "The disk does not answer" may be said of one that is slow.
    wait_until(lambda: daemon.call("GET", "readyz").status_code == 200)
    assert victim.read_text() == "precious"
    assert json.loads((daemon.runtime / "sessions.json").read_text())[0]["path"] == "n.ipynb"


def test_something_else_in_the_sockets_place(make_daemon):
    daemon = make_daemon()
    daemon.runtime.mkdir(mode=0o700)
    there = daemon.runtime / "admin.sock"
    for make in (lambda: there.write_text("x"), lambda: os.mkfifo(there), lambda: there.mkdir()):
        make()
        assert "admin.sock" in refused(daemon)
        there.rmdir() if there.is_dir() else there.unlink()
    daemon.start()


def test_links_in_the_place_of_kernels_are_left_alone(make_daemon):
    daemon = make_daemon().start()
    kernel = daemon.kernel()
    daemon.process.kill()
    daemon.process.wait()
    victim = daemon.directory / "victim"
    victim.mkdir()
    (victim / "record.json").write_bytes((daemon.runtime / "kernels" / kernel / "record.json").read_bytes())
    for folder in ("kernels", "state/kernels"):
        (daemon.runtime / folder / str(uuid.uuid4())).symlink_to(victim)
        (daemon.runtime / folder / "..x").symlink_to(victim)
    daemon.start()
    assert [k["id"] for k in daemon.get("kernels").json()] == [kernel]
    assert daemon.delete(f"kernels/{kernel}").status_code == 204
    assert (victim / "record.json").exists()


def test_of_many_that_start_at_once_one_has_the_directory(make_daemon):
    daemon = make_daemon()
    command = [PROGRAM, "--config", daemon.config, "--listen", "127.0.0.1:0", "--runtime-dir", daemon.runtime, "--token-file", daemon.token_file]
    crowd = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=daemon.environment) for _ in range(15)]
    try:
        wait_until(lambda: sum(each.poll() is not None for each in crowd) == 14, 60, "all but one to give up")
        (winner,) = (each for each in crowd if each.poll() is None)
        wait_until(lambda: (daemon.runtime / "listen.json").exists(), 60)
        assert json.loads((daemon.runtime / "listen.json").read_text())["pid"] == winner.pid
        for each in crowd:
            if each is not winner:
                assert "is in use by another kmuxd" in each.stderr.read()
                assert each.returncode != 0
    finally:
        for each in crowd:
            if each.poll() is None:
                each.terminate()
                each.wait(timeout=30)
            each.stderr.close()
