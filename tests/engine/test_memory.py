"""What was freed goes back to the system."""

import resource
import threading
from pathlib import Path

import pytest

from jobs.engine.memory import give_back

MIB = 1 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how much memory is held")
def test_what_a_thread_has_freed_goes_back_to_the_system():
    kept = []

    def work() -> None:
        # What lies between is freed, and the last of it keeps the C library from giving anything back by itself.
        blocks = [bytearray(20_000) for _ in range(5000)]
        kept.append(blocks[-1])
        blocks.clear()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = resident()
    give_back()
    assert resident() < before - 50 * MIB
