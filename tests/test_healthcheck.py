"""What the health check of a container says (videoservice/healthcheck.py), of real processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import BASE_DIR
from tests.settings import free_port
from tests.site import Site
from videoservice import healthcheck


def said(*names: str, **variables: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "videoservice.healthcheck", *names]
    done = subprocess.run(
        command, cwd=BASE_DIR, env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True
    )
    return done.returncode, done.stdout.strip() or done.stderr


def test_a_web_process_that_answers_is_well_and_one_that_is_not_there_is_not(site: Site):
    assert said(PORT=str(site.port)) == (0, "well")
    status, told = said(PORT=str(free_port()))
    assert status == 1 and "does not answer" in told


def test_workers_of_this_host_are_well_as_long_as_they_are_heard_of(site: Site):
    address = f"unix://{site.data}/redis.sock?db=0"
    assert said("cut", "fast", REDIS_URL=address) == (0, "well")
    status, told = said("cut", "nothing", REDIS_URL=address)
    assert status == 1 and told.endswith("nothing.")


def test_workers_are_not_started_anew_because_redis_is_away():
    assert said("cut", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") == (0, "well")


def test_rounds_tell_when_they_were_last_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEALTH_DIR", str(tmp_path))
    assert "no round yet" in healthcheck.main(["reconcile"])
    healthcheck.sign("reconcile")
    assert healthcheck.main(["reconcile"]) == ""
    old = time.time() - healthcheck.ROUND_SECONDS - 10
    os.utime(tmp_path / "reconcile.round", (old, old))
    assert "no round for" in healthcheck.main(["reconcile"])
