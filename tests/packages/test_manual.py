"""The manual pages and the default configuration say what the programs take, and nothing else."""

import re
import subprocess

import pytest
from kmuxd import BIN

PAGES = ("man8/kmuxd.8", "man1/kmux.1", "man5/kmuxd.toml.5", "man1/kmux-child.1", "man8/kmux-spawn.8")


def said_by(*words):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}).stdout


def shown(prefix, page):
    return subprocess.run(["man", "-l", prefix / "share/man" / page], capture_output=True, text=True, check=True,
                          env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "2000", "MAN_KEEP_FORMATTING": ""}).stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_without_fault(prefix, page):
    file = prefix / "share/man" / page
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", file], capture_output=True, text=True)
    groff = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", file], capture_output=True, text=True)
    assert (lint.stdout + lint.stderr, groff.stdout + groff.stderr, groff.returncode) == ("", "", 0)
    assert "@" not in re.sub("@last", "", file.read_text()), "all of the template is filled in"
    assert re.search(r"^NAME\n", shown(prefix, page), re.M)


def test_kmuxd_has_each_flag(prefix):
    page = shown(prefix, "man8/kmuxd.8")
    listed = re.findall(r"^  (?:-\w,)?(--[\w-]+)", said_by(BIN / "kmuxd", "--help"), re.M)
    assert len(listed) > 60
    assert set(re.findall(r"^ {7}(?:-\w, )?(--[\w-]+)", page, re.M)) == set(listed)
    assert re.search(r"--on-exit TEXT\n +kernels when the daemon ends.*One of keep, stop\.", page)


def test_kmuxd_toml_has_each_option_with_its_default(prefix):
    page = shown(prefix, "man5/kmuxd.toml.5")
    section, described = "", {}
    for line in page.splitlines():
        if found := re.fullmatch(r" {3}\[(\w+)\]", line):
            section = found[1] + "."
        elif found := re.fullmatch(r" {7}(\w+) = (.*)", line):
            described.setdefault(section + found[1], found[2])
    manual = (BIN.parents[2] / "docs/configuration.md").read_text()
    assert described == dict(re.findall(r"^\| `([\w.]+)` \| `--[\w-]+` \| `(.*?)` \|", manual, re.M))


def test_kmux_has_each_command_and_flag(prefix):
    page = shown(prefix, "man1/kmux.1")
    help_text = said_by(BIN / "kmux", "--help")
    head, _, tail = help_text.partition("\nOptions:")
    flags = set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", tail, re.M))
    commands = set(re.findall(r"^  ([a-z][\w-]*)  ", tail, re.M))
    assert {"ps", "start", "stop"} <= commands and {"--url", "--output"} <= flags, help_text
    for flag in flags:
        assert re.search(rf"^ {{7}}(-\w, )?{flag}\b", page, re.M), flag
    for command in commands:
        assert re.search(rf"^ {{7}}{command}\b", page, re.M), command
    assert not re.search(r"^ {7}(complete|manual)\b", page, re.M), "those are between programs"


def test_kmux_child_has_its_usage(prefix):
    page = re.sub(r"\s+", " ", shown(prefix, "man1/kmux-child.1"))
    usage = subprocess.run([BIN / "kmux-child"], capture_output=True, text=True).stderr
    forms = re.findall(r"(kmux-child .*?) {2,}", usage)
    assert len(forms) == 2 and all(form in page for form in forms), forms


def test_each_line_of_the_default_file_may_be_uncommented(prefix, tmp_path):
    lines = (prefix / "etc/kmux/kmuxd.toml").read_text().splitlines()
    options = [number for number, line in enumerate(lines) if re.match(r"#\w+ = ", line)]
    assert len(options) > 60
    assert all(not line or line.startswith(("#", "[")) for line in lines), "nothing is in force"
    check = tmp_path / "kmuxd.toml"
    for wanted in ([], options, *([number] for number in options)):
        check.write_text("".join((line[1:] if number in wanted else line) + "\n" for number, line in enumerate(lines)))
        assert said_by(BIN / "kmuxd", "--config", check, "--check-config") == "The configuration is good.\n"
        if wanted == options:
            with_all = said_by(BIN / "kmuxd", "--config", check, "--print-config")
        elif not wanted:
            with_none = said_by(BIN / "kmuxd", "--config", check, "--print-config")
    assert with_all == with_none, "what stands there is the default"


def test_kmux_spawn_has_each_flag(prefix):
    listed = re.findall(r"--[\w-]+", said_by(BIN / "kmux-spawn", "--help"))
    assert set(listed) == set(re.findall(r"--[\w-]+", shown(prefix, "man8/kmux-spawn.8"))) and len(listed) > 2
