"""What the tests of kernels' limits share."""

from kmuxd import QUICK_STOP, wait_until

BASE = f"""
[kernels]
echo = true
restart = false
{QUICK_STOP}"""


def dead(daemon, kernel):
    return wait_until(lambda: (m := daemon.model(kernel))["execution_state"] == "dead" and m, what="dead")


def shell_kernel(daemon, script, name="shell"):
    daemon.add_kernelspec(name, ["/bin/sh", "-c", script])
    return daemon.kernel(name)


def builtin_python(daemon):
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    return daemon.kernel(next(n for n in specs if specs[n]["spec"]["display_name"] == "Python 3 (kmux)"))
