"""Cells and comms leave nothing behind."""

import pytest

CELLS, COMMS = 10_000, 1_000
#: KiB that may be there after, in a process of some 60,000: what is interned, cached, or fragmented.
MOST = 3_000

# What is shared with other processes changes with them.
MEMORY = "import gc; gc.collect(); print([l.split()[1] for l in open('/proc/self/smaps_rollup') if l.startswith('Anonymous:')][0])"


def run_many(kernel, code, count, batch=100):
    for _ in range(count // batch):
        for id in [kernel.send(code, store_history=False) for _ in range(batch)]:
            assert kernel.finish(id, timeout=60).status == "ok"


def memory(kernel):
    return int(kernel.ok(MEMORY).text())


@pytest.mark.timeout(600)
def test_ten_thousand_cells_and_a_thousand_comms(start):
    kernel = start()
    kernel.ok("import comm")
    cell = "x = [i for i in range(10)]; print(len(x))"
    a_comm = "c = comm.create_comm(target_name='t', data={'a': 'b' * 1000}); c.send({'x': 1}, buffers=[b'z' * 1000]); c.close(); c = None"
    run_many(kernel, cell, 1000)
    run_many(kernel, a_comm, 200)
    # What leaks does so each time; what a busy machine lets pile up once is used again.
    grown = []
    while not grown or min(grown) >= MOST:
        assert len(grown) < 4, grown
        before = memory(kernel)
        run_many(kernel, cell, CELLS)
        run_many(kernel, a_comm, COMMS)
        grown.append(memory(kernel) - before)
    assert kernel.value("len(comm.get_comm_manager().comms)") == 0
