import pytest
from kernel import PYTHONS, Kernel
from program import Program


@pytest.fixture(params=list(PYTHONS), scope="session")
def python(request):
    return PYTHONS[request.param]


@pytest.fixture(scope="module")
def shared(python):
    """One kernel for tests that leave it as it was."""
    it = Kernel(python)
    yield it
    it.close()


@pytest.fixture
def kernel(shared):
    return shared


@pytest.fixture
def start(python):
    """Starts kernels that end with the test."""
    open_kernels = []

    def start_one(**how):
        open_kernels.append(Kernel(python, **how))
        return open_kernels[-1]

    yield start_one
    for each in open_kernels:
        each.close()


@pytest.fixture
def program(python, tmp_path):
    started = []

    def start(text, **env):
        started.append(Program(python, tmp_path, text, **env))
        return started[-1]

    yield start
    for each in started:
        each.close()
