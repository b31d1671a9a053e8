"""A minute of it; ./dev soak goes on for hours."""

import random

import pytest
from soak import Plan, soak


def a_seed():
    seed = random.randrange(1 << 30)
    print(f"KMUX_SEED={seed}")
    return seed


@pytest.mark.timeout(400)
def test_a_minute_of_everything(tmp_path):
    done = soak(tmp_path, Plan(60, a_seed()))
    assert done["cell"] > 20 and done["renew"] > 3, done


@pytest.mark.timeout(400)
def test_kills_in_the_middle_of_starts_restarts_and_deletes(tmp_path):
    done = soak(tmp_path, Plan(30, a_seed(), {"renew": 6, "restart": 4, "kill": 1}, {"kill": 1}, (0.05, 0.5)))
    assert done["kmuxd: kill"] > 5 and done["renew"] > 20, done
