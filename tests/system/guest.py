"""A Debian with systemd and a kernel of its own (user-mode Linux), in which a script runs.

./dev test installs the tree that it boots; each test has a copy.
"""

import os
import shutil
import subprocess
from pathlib import Path

from kmuxd import BIN

HERE = Path(__file__).parent / "guest"
UNITS = Path(__file__).parents[2] / "systemd"
TREE = Path(__file__).parents[2] / ".cache/guest"
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]
WANTED = "etc/systemd/system/multi-user.target.wants/test.service"
LINUX = ("mem=1024M root=/dev/root rootfstype=hostfs rw con=null con0=fd:0,fd:1 ssl=null quiet systemd.show_status=0").split()


def run(*words):
    subprocess.run([*SUDO, *map(str, words)], check=True, capture_output=True)


def run_in_guest(directory, script, files=()):
    """What the script says, as a dict of its "NAME: VALUE" lines; it has to end well. It finds the files in /root."""
    assert TREE.exists(), f"there is no {TREE}: ./dev test installs it"
    tree = directory / "tree"
    run("cp", "-a", "--reflink=auto", TREE, tree)
    try:
        run("mkdir", "-p", tree / "opt/kmux", (tree / WANTED).parent)
        for program in ("kmuxd", "kmux", "kmux-child", "kmux-spawn"):
            run("cp", BIN / program, tree / "opt/kmux")
        run("cp", "-r", UNITS, tree / "opt/kmux/systemd")
        run("mkdir", tree / "opt/kmux/tests")
        for client in ("kmuxd.py", "history.py"):
            run("cp", HERE.parents[1] / client, tree / "opt/kmux/tests")
        for each in HERE.iterdir():
            run("cp", each, tree / "root")
        run("cp", HERE / script, tree / "root/test.sh")
        for file in files:
            run("cp", "-r", file, tree / "root")
        run("cp", HERE / "test.service", tree / "etc/systemd/system")
        run("ln", "-s", "../test.service", tree / WANTED)
        with open(directory / "console", "wb") as console:
            subprocess.run([*SUDO, shutil.which("linux.uml"), f"rootflags={tree}", *LINUX],
                           stdin=subprocess.DEVNULL, stdout=console, stderr=console, timeout=700, check=False)
        said = subprocess.run([*SUDO, "cat", str(tree / "root/out")], capture_output=True, text=True).stdout
    finally:
        run("rm", "-rf", tree)
    print(said)
    lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    assert lines.get("exit") == "0", said + (directory / "console").read_text(errors="replace")[-2000:]
    return lines
