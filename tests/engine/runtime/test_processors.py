"""Work uses the processors that it may use, not those that the machine has."""

import os
from fractions import Fraction

import pytest

from jobs.engine.runtime import cgroup, processors


@pytest.fixture(autouse=True)
def anew():
    processors.machine.cache_clear()
    yield
    processors.machine.cache_clear()


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Where control groups say what they allow, and nothing is said yet. Ours is /site/worker."""
    own = tmp_path / "own"
    own.write_text("1:cpu:/\n0::/site/worker\n")
    monkeypatch.setattr(cgroup, "OWN", own)
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    (tmp_path / "site" / "worker").mkdir(parents=True)
    return tmp_path


def test_those_that_it_is_bound_to_count(groups, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 7})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert processors.available() == 3


@pytest.mark.parametrize(
    ("said", "count"), [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 8)]
)
def test_a_group_s_share_of_processor_time_counts(groups, monkeypatch, said, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    (groups / "site" / "worker" / "cpu.max").write_text(f"{said}\n")
    assert processors.available() == count


def test_the_groups_above_it_count_too(groups, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    (groups / "site" / "worker" / "cpu.max").write_text("max 100000\n")
    (groups / "site" / "cpu.max").write_text("300000 100000\n")
    assert processors.available() == 3


def test_version_1_counts_where_it_bounds_anything(groups):
    old = groups / "cpu"
    old.mkdir()
    (old / "cpu.cfs_period_us").write_text("100000\n")
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    assert list(cgroup.processors()) == []
    (old / "cpu.cfs_quota_us").write_text("250000\n")
    assert list(cgroup.processors()) == [Fraction(5, 2)]


def test_where_nothing_is_said_there_is_no_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "none")
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    assert list(cgroup.processors()) == list(cgroup.memory_bytes()) == []
    assert processors.available() >= 1


@pytest.mark.parametrize(("sharers", "count"), [(1, 6), (2, 3), (4, 2), (20, 1)])
def test_those_that_are_shared_are_divided_for_what_it_starts_too(groups, monkeypatch, sharers, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    monkeypatch.setenv(processors.SHARED_BY, "1")
    processors.share_among(sharers)
    assert (processors.available(), os.environ[processors.SHARED_BY]) == (count, str(sharers))
