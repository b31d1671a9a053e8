"""Waiting for what happens in an idle kernel, and how long requests take beside it."""

import statistics
import time

from kernel import PATIENCE

#: Seconds, the median of kernel_info with a window open. One that waits for the window's loop takes as
#: long as that rests; a busy machine makes it no second.
ROUND_TRIP = 1


def wait_until(kernel, expression):
    """Asks again and again, so that the kernel is idle in between."""
    deadline = time.monotonic() + PATIENCE
    while not kernel.value(expression):
        assert time.monotonic() < deadline, f"{expression} stays false"


def wait_for(kernel, id, text):
    """Until something with this text has come for the request, be it after its end."""
    return kernel.wait_for_text(text, of=id, errors=True)


def round_trips(kernel, count=30):
    took = []
    for _ in range(count):
        begin = time.monotonic()
        kernel.ask("kernel_info_request")
        took.append(time.monotonic() - begin)
    return statistics.median(took)
