"""A Hub for each test that asks for one, in Debian's version and in today's."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hubs import PYTHONS, Hub  # noqa: E402


@pytest.fixture(params=list(PYTHONS))
def make_hub(request, tmp_path):
    made = []

    def make(example, **more):
        directory = tmp_path / f"hub{len(made)}"
        directory.mkdir()
        made.append(Hub(directory, request.param, example, **more))
        return made[-1]

    yield make
    for each in made:
        each.end()
