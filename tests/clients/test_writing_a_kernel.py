"""docs/writing-a-kernel.md, to the letter: its kernel built against the installed package, and run."""

import re
import subprocess

import pytest
from kmuxd import BIN
from programs import HERE
from test_conformance import BehindKmuxd, run

DOCUMENT = HERE.parents[1] / "docs/writing-a-kernel.md"


class Calculator(BehindKmuxd):
    kernel_name = "calculator"
    language_name = "sums"
    file_extension = ".sum"
    code_execute_result = [{"code": "1 + 2 - 4", "result": "-1"}, {"code": "0.5 + 0.25", "result": "0.75"}]
    code_generate_error = "one"
    complete_code_samples = ["1 + 2"]
    incomplete_code_samples = ["1 +"]


@pytest.fixture(scope="module")
def calculator(tmp_path_factory):
    """The path of the program that the document builds."""
    directory = tmp_path_factory.mktemp("calculator")
    text = DOCUMENT.read_text()
    for name, language in (("calculator.cpp", "cpp"), ("CMakeLists.txt", "cmake")):
        (directory / name).write_text(re.search(rf"`{name}`:\n\n```{language}\n(.*?)```", text, re.S)[1])
    installed = directory / "installed"
    for command in (["--install", BIN.parent, "--prefix", installed],
                    ["-S", directory, "-B", directory / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={installed}"],
                    ["--build", directory / "build"]):
        done = subprocess.run(["cmake", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (installed / "bin/kmuxd").exists() and (installed / "bin/kmux-child").exists()
    # The Python kernel is where the installed kmuxd looks for it, and is whole.
    package = installed / "lib/kmux/python/kmux_child"
    file = directory / "nowhere.json"
    done = subprocess.run(["/usr/bin/python3", package, "-f", file], capture_output=True, text=True)
    assert done.returncode == 1 and f"cannot read {file}" in done.stderr, done.stderr
    return str(directory / "build/calculator")


def test_the_calculator_conforms_and_works(daemon, calculator):
    daemon.add_kernelspec("calculator", [calculator, "-f", "{connection_file}"])
    kernel = daemon.kernel("calculator")
    assert daemon.channels(kernel).text("1 + 1") == "the sum is 2\n"
    assert run(Calculator, daemon, kernel) >= 4


def test_wrong_usage_is_told(calculator):
    assert subprocess.run([calculator], capture_output=True, text=True).returncode == 2
    done = subprocess.run([calculator, "-f", "/nowhere"], capture_output=True, text=True)
    assert done.returncode == 1 and "cannot read /nowhere" in done.stderr
