"""The black-box tests of ipykernel's own source distribution, against our kernel.

They are fetched from PyPI and run as they are: a kernelspec called python3 on the Jupyter path makes
them start our kernel instead of theirs.
"""

import json
import os
import re
import subprocess
import sys
import tarfile

import pytest
from kernel import PACKAGE, PYTHONS, ROOT

VERSION = "7.4.0"
PLACE = ROOT / ".cache/upstream"
FILES = ("test_message_spec", "test_kernel", "test_async", "test_subshells", "test_debugger")

#: What does not apply to us, and why. Everything else has to pass.
NOT_OURS = {
    # They want a thread's output in whatever cell runs; ours goes to the cell that started the thread.
    "test_kernel.py::test_print_to_correct_cell_from_thread[none]",
    "test_kernel.py::test_print_to_correct_cell_from_thread[thread-local]",
    # Counts threading.active_count(): the runtime makes a subshell's thread, and Python does not
    # count one that it has not made.
    "test_subshells.py::test_thread_counts",
}


@pytest.fixture(scope="session")
def sources():
    place = PLACE / f"ipykernel-{VERSION}"
    if not place.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "ipykernel",
             "--dest", PLACE, f"ipykernel=={VERSION}"], check=True)
        with tarfile.open(PLACE / f"ipykernel-{VERSION}.tar.gz") as archive:
            archive.extractall(PLACE, filter="data")
    plugins = PLACE / "plugins"
    if not plugins.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", plugins,
             "pytest-asyncio==0.25.3", "pytest-cov==6.0.0", "coverage==7.6.10"], check=True)
    return place


def outcomes(place, file, python, directory):
    """{test: outcome} of one of their files."""
    spec = directory / "kernels/python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({
        "argv": [python, str(PACKAGE), "-f", "{connection_file}", "--IPKernelApp.subshells=True"],
        "display_name": "under test", "language": "python", "metadata": {"debugger": True},
    }))
    environment = {
        **os.environ, "JUPYTER_PATH": str(directory), "IPYTHONDIR": str(directory / "ipython"),
        "PYTHONPATH": str(PLACE / "plugins"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "-o", "filterwarnings=", "-v", "--timeout=60",
         "--color=no", f"tests/{file}.py"],
        cwd=place, env=environment, capture_output=True, text=True)
    found = dict(re.findall(r"^tests/(\S+::\S+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)", done.stdout, re.M))
    assert found, done.stdout + done.stderr
    return found, done.stdout


@pytest.mark.timeout(400)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("which", list(PYTHONS))
def test_ipykernels_own_tests(sources, which, file, tmp_path):
    found, log = outcomes(sources, file, PYTHONS[which], tmp_path)
    failed = {test for test, outcome in found.items() if outcome in ("FAILED", "ERROR")} - NOT_OURS
    assert not failed, log
    assert list(found.values()).count("PASSED") >= 5, log
