"""jupyter_kernel_test, on the echo kernel behind kmuxd: its connection file is the way in."""

import unittest

import jupyter_kernel_test
from jupyter_client import BlockingKernelClient


class Existing:
    """What jupyter_kernel_test wants of a kernel manager, where the kernel is there already."""

    def __init__(self, client):
        self.client = client

    def shutdown_kernel(self):
        pass


class EchoTests(jupyter_kernel_test.KernelTests):
    __test__ = False  # pytest must not collect it: it needs a kernel first
    connection_file = ""
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

    @classmethod
    def setUpClass(cls):
        cls.kc = BlockingKernelClient(connection_file=cls.connection_file)
        cls.kc.load_connection_file()
        cls.kc.start_channels()
        cls.kc.wait_for_ready(timeout=30)
        cls.km = Existing(cls.kc)

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()


def test_the_echo_kernel_conforms(daemon):
    EchoTests.connection_file = str(daemon.runtime / "kernels" / daemon.kernel() / "connection.json")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(EchoTests)
    result = unittest.TestResult()
    suite.run(result)
    assert not result.failures and not result.errors, "\n".join(text for _, text in result.failures + result.errors)
    assert result.testsRun - len(result.skipped) >= 8

