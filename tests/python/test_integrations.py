"""Event loops of somebody else's, registered as for ipykernel."""

import pytest
from waits import ROUND_TRIP, round_trips, wait_for, wait_until

BY_DESCRIPTOR = """
import select, time, asyncio
from kmux_child.eventloops import register_integration
turns, ended = [], []

@register_integration('waits')
def waits(kernel):
    # As a toolkit does that has a notifier for descriptors: it waits for nothing else.
    poll = select.poll()
    poll.register(kernel.shell_stream.getsockopt(14), select.POLLIN)
    poll.poll(20_000)
    turns.append(kernel.shell_stream.flush(limit=1))

@waits.exit
def end(kernel):
    print('the loop', 'ends', flush=True)

%gui waits
"""

BY_POLLING = """
import time, asyncio
from kmux_child.eventloops import register_integration
turns = []

@register_integration('polls', 'polls too')
def waits(kernel):
    while not kernel.shell_stream.flush(limit=1):
        time.sleep(0.005)
    turns.append(1)

%gui polls
"""

RETURNS = """
import time, asyncio
from kmux_child.eventloops import register_integration
turns = []

@register_integration('returns')
def returns(kernel):
    turns.append(1)

%gui returns
"""

LOOPS = {"descriptor": BY_DESCRIPTOR, "polling": BY_POLLING, "returns": RETURNS}


@pytest.mark.parametrize("loop", list(LOOPS))
def test_somebody_elses_loop_runs_and_delays_nothing(start, loop):
    kernel = start()
    kernel.ok(LOOPS[loop])
    assert round_trips(kernel) < ROUND_TRIP
    wait_until(kernel, "len(turns) > 10")
    kernel.ok("""
ticks, on = [], True
async def tick():
    while on:
        ticks.append(time.monotonic())
        await asyncio.sleep(0.01)
task = asyncio.create_task(tick())
""")
    wait_until(kernel, "len(ticks) > 50")
    kernel.ok("on = False; await task")
    assert kernel.value("sorted(b - a for a, b in zip(ticks, ticks[1:]))[len(ticks) // 2]") < 0.5
    # Not in circles: a loop that only returns is given its turns with pauses.
    kernel.ok("count, begin = len(turns), time.monotonic()\nawait asyncio.sleep(0.5)\nrate = (len(turns) - count) / (time.monotonic() - begin)")
    assert kernel.value("rate") < 300
    kernel.ok("%gui")
    count = kernel.value("len(turns)")
    kernel.ok("await asyncio.sleep(0.05)")
    assert kernel.value("len(turns)") == count


def test_other_threads_wake_somebody_elses_loop(start):
    kernel = start()
    kernel.ok(BY_DESCRIPTOR)
    kernel.ok("""
import threading
done = asyncio.Event()
loop = asyncio.get_running_loop()
threading.Timer(0.2, lambda: loop.call_soon_threadsafe(done.set)).start()
begin = time.monotonic()
await done.wait()
took = time.monotonic() - begin
""")
    assert kernel.value("took") < 15  # that loop by itself looks again after 20


def test_somebody_elses_loop_is_told_of_the_end(start):
    kernel = start()
    kernel.ok(BY_DESCRIPTOR)
    kernel.control("shutdown_request", {"restart": False})
    kernel.wait_for_text("the loop ends")


def test_a_loop_of_somebody_elses_that_spins_is_interrupted(start):
    kernel = start()
    id = kernel.send("""
from kmux_child.eventloops import register_integration
turns = []
@register_integration('spins')
def spins(kernel):
    turns.append(1)
    if len(turns) == 1:
        print('spins')
        while True: pass
%gui spins
""")
    wait_for(kernel, id, "spins")
    kernel.interrupt()
    kernel.finish(id)
    wait_until(kernel, "len(turns) > 1")
