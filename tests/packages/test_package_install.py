"""cmake --install, for each kind of prefix."""

import json
import os
import subprocess

from conftest import install
from kmuxd import Daemon

PROGRAMS = {"bin/kmuxd", "bin/kmux", "bin/kmux-child"}
SHARED = {
    "share/man/man1/kmux.1", "share/man/man1/kmux-child.1", "share/man/man5/kmuxd.toml.5", "share/man/man8/kmuxd.8",
    "share/bash-completion/completions/kmux", "share/bash-completion/completions/kmuxd",
    "share/zsh/vendor-completions/_kmux", "share/fish/vendor_completions.d/kmux.fish",
    "share/fish/vendor_completions.d/kmuxd.fish", "share/doc/kmux/examples/environment.Dockerfile",
}
UNITS = {"lib/systemd/system/kmuxd.service", "lib/systemd/system/kmuxd.socket", "lib/sysusers.d/kmux.conf"}
SPAWN = {
    "bin/kmux-spawn", "share/man/man8/kmux-spawn.8", "lib/systemd/system/kmux-spawn.service", "lib/systemd/system/kmux-spawn.socket",
    "lib/systemd/system/kmux-kernels.slice", "lib/systemd/system/kmuxd.service.d/kmux-spawn.conf", "lib/tmpfiles.d/kmux.conf",
}


def files_in(place):
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def test_a_prefix_has_all_and_what_it_names_is_there(prefix):
    found = files_in(prefix)
    assert PROGRAMS | SHARED | UNITS <= found
    assert {"etc/kmux/kmuxd.toml", "include/kmux/child/kernel.hpp", "lib/kmux/python/kmux_child/__main__.py"} <= found
    assert not [name for name in found if "__pycache__" in name]
    assert f"ExecStart={prefix}/bin/kmuxd\n" in (prefix / "lib/systemd/system/kmuxd.service").read_text()


def test_a_staged_installation_of_the_system_keeps_to_the_usual_places(tmp_path):
    install("/usr", "--component", "kmux", destination=tmp_path)
    found = files_in(tmp_path)
    assert {f"usr/{name}" for name in PROGRAMS | SHARED | UNITS} | {"etc/kmux/kmuxd.toml"} <= found
    assert not [name for name in found if name.startswith("usr/include") or name.endswith(".a")], "those are for kernels in C++"
    assert "ExecStart=/usr/bin/kmuxd\n" in (tmp_path / "usr/lib/systemd/system/kmuxd.service").read_text()
    mine = tmp_path / "etc/kmux/kmuxd.toml"
    mine.write_text("[kernels]\necho = true\n")
    install("/usr", "--component", "kmux", destination=tmp_path)
    assert mine.read_text() == "[kernels]\necho = true\n", "whoever has written one keeps it"


def test_what_a_shared_host_needs_is_by_itself(tmp_path):
    install("/usr", "--component", "kmux-spawn", destination=tmp_path)
    assert files_in(tmp_path) == {f"usr/{name}" for name in SPAWN} | {"etc/kmux/kmux-spawn.toml"}
    added = (tmp_path / "usr/lib/systemd/system/kmuxd.service.d/kmux-spawn.conf").read_text()
    assert "\nEnvironment=KMUX_KERNELS_SPAWN=/run/kmux-spawn/socket\n" in added
    assert "\nExec" not in added and "[Install]" not in added, "those of kmuxd.service hold"


def test_what_is_installed_runs_a_cell(prefix, tmp_path, monkeypatch):
    monkeypatch.setattr("kmuxd.PROGRAM", prefix / "bin/kmuxd")
    daemon = Daemon(tmp_path, '[kernels]\npython = "/usr/bin/python3"\n').start()
    try:
        (builtin,) = {"python3", "kmux-python"} & {name for name, each in daemon.get("kernelspecs").json()["kernelspecs"].items()
                                                   if each["spec"]["display_name"] == "Python 3 (kmux)"}
        kernel = daemon.kernel(builtin)
        assert daemon.channels(kernel).text("print(6 * 7)") == "42\n"
        program = os.readlink(f"/proc/{daemon.model(kernel)['kmux']['pid']}/exe")
        assert program.startswith("/usr/bin/python3"), "the built-in kernel"
        listed = subprocess.run([prefix / "bin/kmux", "--runtime-dir", daemon.runtime, "ps", "-o", "json"],
                                capture_output=True, text=True, check=True).stdout
        assert [each["id"] for each in json.loads(listed)] == [kernel]
    finally:
        daemon.end()
