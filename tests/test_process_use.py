"""What a worker takes of its machine, on real processes."""

import os
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


WITH_A_CHILD = """
import subprocess, time
from jobs.process_use import Meter
meter = Meter()
with subprocess.Popen(["timeout", "10", "sh", "-c", "while :; do :; done"]) as child:
    time.sleep(1)
    print(meter.read().cores)
    child.terminate()
"""
HIDDEN = """
mount -t proc -o hidepid=1 proc /proc
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hides processes")
def test_where_processes_of_others_are_hidden_it_reads_its_own():
    hidden = ["unshare", "--mount", "sh", "-ec", HIDDEN, "sh", sys.executable, "-Bc", WITH_A_CHILD]
    told = subprocess.run(hidden, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert float(told.stdout) > 0.1


def test_a_child_that_has_ended_and_was_not_waited_for_is_no_failure(often):
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        child.stdout.read()  # until its end
        assert Meter().read().memory_bytes > 0
