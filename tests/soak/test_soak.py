"""A minute of it; ./dev soak goes on for hours."""

import random

import pytest
from soak import soak


@pytest.mark.timeout(400)
def test_a_minute_of_everything(tmp_path):
    seed = random.randrange(1 << 30)
    print(f"KMUX_SEED={seed}")
    done = soak(tmp_path, 60, seed)
    assert done["cell"] > 50 and done["renew"] > 3, done
