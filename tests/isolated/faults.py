"""What makes networks and disks fail, inside of namespaces."""

import subprocess
from contextlib import contextmanager


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"


@contextmanager
def mounted(path, size):
    """A small disk at `path`; yields what changes its size."""
    path.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path)
    try:
        yield lambda new: run("mount", "-o", f"remount,size={new}", path)
    finally:
        run("umount", "--lazy", path)


def fill(place):
    """Until there is no room."""
    with open(place / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
