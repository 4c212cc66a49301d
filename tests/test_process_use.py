"""What a worker takes of its machine, on real processes."""

import subprocess
import sys
import time

import pytest

from jobs import process_use
from jobs.process_use import Meter

BUSY = "data = bytearray(200_000_000); print(flush=True)\nwhile True: pass"


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(process_use, "EVERY_SECONDS", 0.0)


def test_programs_that_were_started_count(often):
    meter = Meter()
    alone = meter.read()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        meter.read()
        time.sleep(1)  # something to measure
        beside = meter.read()
        child.kill()
    assert beside.memory_bytes - alone.memory_bytes > 190_000_000
    assert beside.cores > 0.1
    assert meter.read().memory_bytes < alone.memory_bytes + 50_000_000


def test_asked_at_once_again_it_says_the_same():
    meter = Meter()
    assert meter.read() is meter.read()
