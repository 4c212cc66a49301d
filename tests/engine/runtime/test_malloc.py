"""What was freed goes back to the system."""

import subprocess
import sys
from pathlib import Path

import pytest

# Large blocks with small ones between them, which stay. What is freed first makes the C library keep the like of it.
PROGRAM = """
import os, sys
from pathlib import Path
from jobs.engine.runtime.malloc import give_back_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

if sys.argv[1] == "with":
    give_back_large_blocks()
first = bytearray(16 << 20)
del first
kept, freed = [], []
for _ in range(20):
    freed.append(bytearray(b"x") * (4 << 20))
    kept.append(bytearray(100_000))
before = resident()
freed.clear()
print((before - resident()) >> 20)
"""


def freed(which: str) -> int:
    """Mebibytes that went back, of 80."""
    return int(subprocess.check_output([sys.executable, "-c", PROGRAM, which], text=True))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how much memory is held")
def test_large_blocks_go_back_to_the_system_when_they_are_freed():
    assert freed("with") > 70
    assert freed("without") < 40
