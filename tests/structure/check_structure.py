"""Which folder may include what: docs/architecture.md as a check. Run by ctest; the standard library only."""

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

# Folder: (project folders it may include, third-party prefixes it may include).
RULES = {
    "config": (("config", "protocol"), ("CLI/", "toml++/")),
    "protocol": (("protocol",), ("boost/system/", "boost/assert/", "fmt/", "openssl/", "rapidjson/")),
    "protocol/nbformat": (("protocol", "protocol/nbformat"), ("fmt/", "rapidjson/")),
    "protocol/io": (("protocol", "protocol/io"), ("boost/asio", "boost/system/")),
    "proc": (("proc", "protocol"), ("fmt/", "rapidjson/")),
    "proc/journal": (("proc", "proc/journal", "protocol"), ("fmt/", "xxhash")),
    "proc/supervise": (("proc", "proc/supervise", "protocol"), ("boost/asio", "boost/system/", "fmt/", "spdlog/", "rapidjson/")),
    "proc/spawn": (("config", "proc", "proc/spawn", "protocol"), ("fmt/", "security/", "systemd/")),
    "proc/child": (("proc", "proc/child", "proc/journal", "protocol", "protocol/io"), ("fmt/", "zmq", "rapidjson/")),
    "proc/child/python": (("proc/child", "proc/child/python", "protocol"), ("fmt/",)),
    "daemon/cli": (("config", "daemon", "daemon/cli", "proc", "proc/journal", "proc/supervise", "protocol", "protocol/nbformat"),
                   ("boost/assert/", "boost/system/", "fmt/", "openssl/", "rapidjson/", "CLI/", "histedit")),
    "daemon": (("config", "daemon", "proc", "proc/journal", "proc/supervise", "protocol", "protocol/io", "protocol/nbformat"),
               ("boost/asio", "boost/beast", "boost/system/", "fmt/", "openssl/", "spdlog/", "rapidjson/", "systemd/")),
}
IN_SOURCES_ONLY = ("CLI/", "histedit", "toml++/", "rapidjson/", "boost/beast", "security/", "systemd/")
EXCEPT = {"protocol/json_document.hpp"}
MOST_BEAST_FILES = 4
THIRD_PARTY = ("CLI/", "histedit", "toml++/", "boost/", "fmt/", "openssl/", "rapidjson/", "spdlog/", "xxhash", "zmq", "gtest/", "security/", "systemd/")
INCLUDE = re.compile(r'^\s*#include\s+(["<])([^">]+)[">]', re.M)


def folder_of(path):
    """The longest folder of RULES that the file is in."""
    parts = path.split("/")[:-1]
    while parts and "/".join(parts) not in RULES:
        parts.pop()
    return "/".join(parts)


def check(root):
    problems, beast = [], set()
    for file in sorted(p for top in ("config", "protocol", "proc", "daemon") for p in (root / top).rglob("*") if p.suffix in (".hpp", ".cpp")):
        path = file.relative_to(root).as_posix()
        allowed, third = RULES[folder_of(path)]
        text = file.read_text()
        if file.suffix == ".hpp" and "#pragma once" not in text:
            problems.append(f"{path}: no #pragma once")
        for quote, name in INCLUDE.findall(text):
            if quote == '"':
                if folder_of(name) not in allowed:
                    problems.append(f"{path} must not include {name}")
                continue
            if name.startswith("boost/beast"):
                beast.add(path)
            if name.startswith(THIRD_PARTY) and not name.startswith(third):
                problems.append(f"{path} must not include <{name}>")
            if name.startswith(IN_SOURCES_ONLY) and file.suffix == ".hpp" and path not in EXCEPT:
                problems.append(f"{path}: <{name}> belongs in a .cpp file")
    if len(beast) > MOST_BEAST_FILES:
        problems.append(f"Beast is in {len(beast)} files, {MOST_BEAST_FILES} at the most: {sorted(beast)}")
    tests = sorted((root / "tests").rglob("test_*.py"))
    for name, count in Counter(p.name for p in tests).items():
        if count > 1:  # pytest imports them by their names, and would have one of them only
            problems.append(f"{name}: a name of {count} files of tests")
    return problems


# A file each that breaks a rule, so that no rule can be one that never fails.
BROKEN = {
    "protocol/a.cpp": '#include "daemon/app.hpp"\n',
    "proc/child/a.cpp": "#include <boost/asio/post.hpp>\n",
    "proc/child/b.cpp": '#include "proc/supervise/process.hpp"\n',
    "protocol/b.cpp": "#include <zmq.hpp>\n",
    "config/a.hpp": "#pragma once\n#include <CLI/CLI.hpp>\n",
    "daemon/a.hpp": "#pragma once\n#include <boost/beast/http.hpp>\n",
    "daemon/b.hpp": "#include <string>\n",
    "daemon/c.hpp": "#pragma once\n#include <systemd/sd-daemon.h>\n",
    "proc/spawn/a.cpp": '#include "proc/supervise/process.hpp"\n',
    "proc/spawn/b.cpp": "#include <boost/asio/post.hpp>\n",
    "proc/supervise/c.cpp": "#include <systemd/sd-daemon.h>\n",
    "tests/a/test_a.py tests/b/test_a.py": "",
    **{f"daemon/beast{i}.cpp": "#include <boost/beast/http.hpp>\n" for i in range(MOST_BEAST_FILES)},
}


def self_test():
    for name, text in {**BROKEN, "": ""}.items():
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            wanted = BROKEN if name == "daemon/beast0.cpp" else {name: text} if name else {}
            for each, content in ((each, text) for names, text in wanted.items() for each in names.split()):
                (root / each).parent.mkdir(parents=True, exist_ok=True)
                (root / each).write_text(content)
            found = check(root)
            if name.startswith("daemon/beast") and name != "daemon/beast0.cpp":
                continue
            expected = "Beast is in" if name == "daemon/beast0.cpp" else name.split("/")[-1] if " " in name else name
            assert not found if not name else any(expected in f for f in found), (name, found)


self_test()
problems = check(Path(sys.argv[1]))
print("\n".join(problems) or "The structure is as it should be.")
sys.exit(bool(problems))
