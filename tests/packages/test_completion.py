"""Completions, as each shell offers them to whoever presses TAB."""

import re
import subprocess

import pexpect
import pytest
from kmuxd import wait_until

SETUP = {
    "bash": ["/bin/bash", "--norc", "--noprofile", "-i"],
    "zsh": ["/bin/zsh", "-f", "-i"],
}
PREPARE = {
    "bash": "PS1= PS2=; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'; "
            ". /usr/share/bash-completion/bash_completion",
    "zsh": "PS1= PS2= RPS1=; unsetopt beep zle_bracketed_paste; fpath=($PREFIX/share/zsh/vendor-completions $fpath); "
           "autoload -Uz compinit; compinit -u -D",
}


@pytest.fixture
def environment(prefix, tmp_path):
    """A user's, whose shell finds what is installed below the prefix."""
    return {"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": str(tmp_path), "XDG_DATA_DIRS": f"{prefix}/share:/usr/share",
            "XDG_CONFIG_HOME": str(tmp_path / "config"), "TERM": "dumb", "LANG": "C.UTF-8", "PREFIX": str(prefix)}


class Terminal:
    """A shell in which somebody types."""

    def __init__(self, name, environment):
        program, *flags = SETUP[name]
        self.shell = pexpect.spawn(program, flags, env=environment, cwd=environment["HOME"], encoding="utf-8",
                                   dimensions=(300, 200), timeout=60)
        self.shell.delaybeforesend = None
        self.shell.sendline(PREPARE[name])
        self.shell.sendline("echo rea''dy")
        self.shell.expect("ready\r\n")

    def offers(self, typed, *wanted):
        """TAB after what is typed brings all of these."""
        self.shell.send(typed + "\t")
        missing = list(wanted)
        while missing:
            found = self.shell.expect([re.escape(each) for each in missing])
            del missing[found]
        self.shell.send("\x15")  # the line is emptied

    def end(self):
        self.shell.close(force=True)


class Fish:
    """fish can be asked without a terminal."""

    def __init__(self, _, environment):
        self.environment = environment

    def offers(self, typed, *wanted):
        said = subprocess.run(["/usr/bin/fish", "--no-config", "-c", "source $PREFIX/share/fish/vendor_completions.d/$argv[1].fish; complete -C $argv[2]",
                               typed.split()[0], typed], cwd=self.environment["HOME"], env=self.environment, capture_output=True, text=True, check=True).stdout
        offered = {line.partition("\t")[0].rpartition("=")[2].rstrip("/") for line in said.splitlines()}
        assert {each.split()[-1] for each in wanted} <= offered, said

    def end(self):
        pass


@pytest.fixture(params=["bash", "zsh", "fish"])
def terminal(request, environment):
    made = (Fish if request.param == "fish" else Terminal)(request.param, environment)
    yield made
    made.end()


def test_commands_flags_and_values(terminal, tmp_path):
    (tmp_path / "token-of-mine").touch()
    terminal.offers("kmux interr", "kmux interrupt")
    terminal.offers("kmux dr", "kmux drain")
    terminal.offers("kmux ps --outp", "--output")
    terminal.offers("kmux -o js", "kmux -o json")
    terminal.offers("kmux --token-file token-of-m", "kmux --token-file token-of-mine")
    terminal.offers("kmux --", "--runtime-dir", "--url", "--version")


def test_the_daemons_flags_and_values(terminal, tmp_path):
    (tmp_path / "state-of-mine").mkdir()
    terminal.offers("kmuxd --log-l", "kmuxd --log-level")
    terminal.offers("kmuxd --log-level warn", "kmuxd --log-level warning")
    terminal.offers("kmuxd --on-exit ", "keep", "stop")
    terminal.offers("kmuxd --check-config --state-dir state-of-m", "--state-dir state-of-mine")


def test_kernels_that_live(terminal, daemon):
    kernels = [daemon.kernel(), daemon.kernel()]
    wait_until(lambda: all(daemon.model(each)["execution_state"] == "idle" for each in kernels))
    where = f"kmux --runtime-dir {daemon.runtime}"
    terminal.offers(f"{where} stop ", "@last", *(each[:8] for each in kernels))
    terminal.offers(f"{where} events --kernel ", "@last", *(each[:8] for each in kernels))
    terminal.offers(f"{where} describe {kernels[0][:7]}", f"describe {kernels[0][:8]}")


def test_without_a_daemon_there_is_silence(prefix, tmp_path):
    asked = subprocess.run([prefix / "bin/kmux", "complete", "kmux"], input=f"--runtime-dir\n{tmp_path}\nstop\n\n",
                           capture_output=True, text=True, check=True)
    assert (asked.stdout, asked.stderr) == ("", "")
