"""docs/operations.md as something that can be followed."""

import re
import subprocess
from pathlib import Path

import cli
from kmuxd import BIN

MANUAL = (Path(__file__).parents[1] / "docs/operations.md").read_text()
SECTIONS = {part.split("\n", 1)[0]: part for part in re.split(r"^## ", MANUAL, flags=re.M)[1:]}


class Duty:
    """Whoever follows one section of the manual."""

    def __init__(self, daemon, section, **names):
        self.daemon, self.names = daemon, names
        self.left = [line.strip() for line in SECTIONS[section].splitlines() if line.startswith("    kmux ")]

    def next(self, begin, code=cli.DONE):
        """What the next command says, which is to begin so."""
        command = self.left.pop(0)
        assert command.startswith("kmux " + begin), f"the manual goes on with: {command}"
        for name, value in self.names.items():
            command = command.replace(name, value)
        done = subprocess.run(["bash", "-c", f'kmux() {{ {BIN / "kmux"} --runtime-dir {self.daemon.runtime} --config {self.daemon.config} "$@"; }}; {command}'],
                              capture_output=True, text=True, timeout=120, env=cli.environment_for({"KMUX_STATE_DIR": str(self.daemon.runtime / "state")}))
        assert done.returncode == code, (command, done.stdout, done.stderr)
        return done.stdout

    def done(self):
        assert self.left == [], "these commands of the manual were not run"
