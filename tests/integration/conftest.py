"""kmux, and the built-in Python kernel, at the test's daemon."""

import cli
import pytest


@pytest.fixture
def at(daemon):
    """kmux at this daemon's admin.sock: no token is needed."""
    return lambda *words, **more: cli.kmux("--runtime-dir", daemon.runtime, *words, **more)


@pytest.fixture
def spec(daemon):
    """The name of the built-in Python kernel."""
    specs = daemon.get("kernelspecs").json()["kernelspecs"]
    return next(n for n, s in specs.items() if s["spec"]["display_name"] == "Python 3 (kmux)")


@pytest.fixture
def kernel(at, spec):
    """A built-in Python kernel that answers."""
    return at("start", spec, "--wait").strip()
