"""jupyter_kernel_test, on kernels behind kmuxd: their connection file is the way in."""

import unittest
from unittest import mock

import jupyter_kernel_test
import pytest
from jupyter_client import BlockingKernelClient
from kmuxd import wait_until
from programs import KERNELS, NEWEST

PATIENCE = jupyter_kernel_test.TIMEOUT = 60


class Existing:
    """What jupyter_kernel_test wants of a kernel manager, where the kernel is there already."""

    def __init__(self, client):
        self.client = client

    def shutdown_kernel(self):
        pass


class BehindKmuxd(jupyter_kernel_test.KernelTests):
    __test__ = False  # pytest must not collect it: it needs a kernel first
    connection_file = ""

    @classmethod
    def setUpClass(cls):
        cls.kc = BlockingKernelClient(connection_file=cls.connection_file)
        cls.kc.load_connection_file()
        cls.kc.start_channels()
        cls.kc.wait_for_ready(timeout=60)
        cls.km = Existing(cls.kc)

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()

    def execute_helper(self, code, timeout=PATIENCE, **more):
        """The suite's own gives up where what is published comes a tenth of a second after the reply."""
        get = self.kc.iopub_channel.get_msg
        with mock.patch.object(self.kc.iopub_channel, "get_msg", lambda timeout: get(timeout=PATIENCE)):
            return super().execute_helper(code, timeout, **more)

    def history_helper(self, execute_first, timeout=PATIENCE, **more):
        return super().history_helper(execute_first, timeout, **more)


class Echo(BehindKmuxd):
    kernel_name = "echo"
    language_name = "echo"
    file_extension = ".txt"
    code_hello_world = "echo hello, world"
    code_stderr = "stderr oops"
    code_execute_result = [{"code": "result 6", "result": "6"}]
    code_display_data = [{"code": "display x", "mime": "text/plain"}]
    code_generate_error = "error Foo bar"
    completion_samples = [{"text": "ech", "matches": {"echo"}}]
    complete_code_samples = ["echo x"]
    incomplete_code_samples = ["echo x\\"]
    code_inspect_sample = "echo"
    code_clear_output = "clear"


class Python(BehindKmuxd):
    kernel_name = "python3"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('oops', file=sys.stderr)"
    code_execute_result = [{"code": "1 + 2 + 3", "result": "6"}, {"code": "[n * n for n in range(1, 4)]", "result": "[1, 4, 9]"}]
    code_display_data = [{"code": "from IPython.display import HTML, display; display(HTML('<b>x</b>'))", "mime": "text/html"}]
    code_generate_error = "raise ValueError('bar')"
    completion_samples = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples = ["1", "print('hello')"]
    incomplete_code_samples = ["print('''hello", "for x in range(3):"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "zip?"
    code_history_pattern = "1 ? 2*"
    supported_history_operations = ("tail", "search")  # its own session is 0 in a range
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"


def run(tests, daemon, kernel):
    """How many tests of the suite ran; fails with what they say."""
    # What kmuxd itself asks the kernel at first would be published in the middle of the first test.
    wait_until(lambda: daemon.model(kernel)["execution_state"] == "idle")
    tests.connection_file = str(daemon.runtime / "kernels" / kernel / "connection.json")
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(tests).run(result)
    assert not result.failures and not result.errors, "\n".join(text for _, text in result.failures + result.errors)
    # Parts of one test may be skipped each for itself.
    return result.testsRun - len({getattr(each, "test_case", each).id() for each, _ in result.skipped})


def test_the_echo_kernel_conforms(daemon):
    assert run(Echo, daemon, daemon.kernel()) >= 8


def test_ipykernel_conforms_behind_a_relay(daemon):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    assert run(Python, daemon, daemon.kernel("python3")) >= 11


@pytest.mark.parametrize("python", ["/usr/bin/python3", str(NEWEST)])
def test_our_python_conforms(make_daemon, python):
    daemon = make_daemon(f'[kernels]\npython = "{python}"\n').start()
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    name = "kmux-python" if "kmux-python" in specs else "python3"
    assert run(Python, daemon, daemon.kernel(name)) >= 11
