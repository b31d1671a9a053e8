"""Three real users and kmux-spawn, on a copy of /etc that only a mount namespace of these tests sees.

They need root; no user is left on the machine.
"""

import ctypes
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import textwrap
from pathlib import Path

from kmuxd import BIN, QUICK_STOP, Daemon, has_ended

CLONE_NEWNS = 0x20000
USERS = ("ann", "bob", "eve")
OPT = Path("/opt/kmux")
RUNTIME, STATE = Path("/run/kmux"), Path("/var/lib/kmux")
SOCKET, SPAWN_CONFIG = Path("/run/kmux-spawn/socket"), Path("/etc/kmux/kmux-spawn.toml")
#: What systemd/kmux-spawn.service leaves it.
CAPABILITIES = "-all,+setuid,+setgid,+sys_resource,+audit_write"
CONFIG = f"""
[kernels]
echo = true
spawn = "{SOCKET}"
python = "/usr/bin/python3"
path = ["/opt/kernels"]
restart_first_delay = "20ms"
{QUICK_STOP}"""


def run(*words):
    subprocess.run([*map(str, words)], check=True, capture_output=True)


def own_tree():
    """Private copies of what adding users changes, and of where they live."""
    assert os.geteuid() == 0, "these tests add users: run them by ./dev test"
    assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt")
    shutil.copytree("/etc", "/mnt/etc", symlinks=True)
    run("mount", "--bind", "/mnt/etc", "/etc")
    for place in ("/home", "/opt", "/run", "/var/lib/kmux"):
        Path(place).mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place)


def add_users():
    run("useradd", "--system", "--home-dir", STATE, "--shell", "/usr/sbin/nologin", "kmux")
    run("groupadd", "jupyter")
    for name in USERS:
        run("useradd", "--create-home", "--shell", "/bin/bash", name)
        run("usermod", "--append", "--groups", "jupyter", name)
    run("useradd", "--no-create-home", "mallory")  # is not in the group


def install():
    """What every user can execute, wherever the build is."""
    for program in ("kmuxd", "kmux", "kmux-child", "kmux-spawn"):
        (OPT / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(BIN / program, OPT / "bin")
    shutil.copytree(BIN.parent / "lib/kmux", OPT / "lib/kmux")
    Path("/opt/kernels").mkdir()


def prepare_host():
    own_tree()
    add_users()
    install()
    for place, mode in ((RUNTIME, 0o700), (STATE, 0o700), (SOCKET.parent, 0o755), (SPAWN_CONFIG.parent, 0o755)):
        place.mkdir(exist_ok=True)
        place.chmod(mode)
    for place in (RUNTIME, STATE):
        shutil.chown(place, "kmux", "kmux")


class Spawn:
    """kmux-spawn with the capabilities of its unit, and a socket which outlives it, as systemd's does."""

    def __init__(self, log, config='groups = ["jupyter"]\n', capabilities=CAPABILITIES):
        self.log, self.capabilities = log, capabilities
        self.process = None
        SPAWN_CONFIG.write_text(config)
        SOCKET.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(SOCKET))
        SOCKET.chmod(0o600)
        shutil.chown(SOCKET, "kmux", "kmux")
        self.socket.listen(100)

    def start(self):
        fd = fcntl.fcntl(self.socket, fcntl.F_DUPFD, 10)
        take_over = f"exec 3<&{fd} {fd}<&-; LISTEN_FDS=1 LISTEN_PID=$$ exec setpriv --bounding-set {self.capabilities} --inh-caps -all {OPT}/bin/kmux-spawn"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["/bin/bash", "-c", take_over], pass_fds=[fd], stdout=log, stderr=log,
                                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        os.close(fd)
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(timeout=60)

    def configure(self, text):
        SPAWN_CONFIG.write_text(text)
        self.stop()
        self.start()


class SharedDaemon(Daemon):
    """kmuxd as the user kmux, with a token for each user."""

    def __init__(self, directory, config=CONFIG, runtime=RUNTIME, state=STATE, **more):
        super().__init__(directory, config, **more)
        self.runtime = runtime
        self.tokens = {name: f"the-token-of-{name}" for name in (*USERS, "mallory", "nobody-at-all", "root")}
        self.allow(*(f"{name} {name} {token}" for name, token in self.tokens.items()))
        shutil.chown(directory, "kmux", "kmux")
        for file in (directory / "tokens", self.token_file, self.config):
            shutil.chown(file, "kmux", "kmux")
        self.flags += ["--state-dir", state]
        self.command = ["setpriv", "--reuid=kmux", "--regid=kmux", "--init-groups", "--inh-caps=-all", OPT / "bin/kmuxd"]
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(STATE), "USER": "kmux", "LANG": "C.UTF-8"}

    def kernel_of(self, user, name="python3", **more):
        return self.kernel(name, token=self.tokens[user], **more)

    def channels_of(self, user, kernel, **more):
        return self.channels(kernel, token=self.tokens[user], **more)

    def pid(self, kernel):
        return self.model(kernel)["kmux"]["pid"]


def as_user(user, code, *arguments, given=""):
    """What the Python code prints, run by that user outside of any kernel."""
    done = subprocess.run(
        ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", "--inh-caps=-all",
         "/usr/bin/python3", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=100, cwd="/", input=given)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def processes_of(user):
    uid = pwd.getpwnam(user).pw_uid
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and owner_of(p) == uid and not has_ended(p.name)]


def owner_of(path):
    try:
        return path.stat().st_uid
    except OSError:
        return None
