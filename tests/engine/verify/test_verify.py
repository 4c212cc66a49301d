"""The report of a check, where it listens, and how it is stopped."""

import threading
from fractions import Fraction

import pytest

from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.model.report import ComparedWindow, Fault, Report
from jobs.engine.verify.av_sync import milliseconds, windows
from jobs.errors import Cancelled
from tests.judge import output_starts


def test_the_report_becomes_plain_data(right):
    data = right.check().to_json()
    assert data["ok"] is True
    assert data["faults"] == []
    assert data["heard"][0].keys() == {"track", "at", "late_ms", "likeness"}


def test_what_is_early_by_next_to_nothing_is_in_time():
    assert [str(milliseconds(seconds)) for seconds in (-1e-8, -0.0012, 0.0)] == ["0.0", "-1.2", "0.0"]


def test_the_summary_counts_as_people_write():
    assert (
        Report(10_436, 91, heard=(ComparedWindow(0, 1, 0.004, 1),)).summary
        == "checked: 10 436 frames, 91 joins, drift 0 ms"
    )
    assert Report(1, 1).summary == "checked: 1 frame, 1 join"
    assert Report(0, 2, heard=(ComparedWindow(0, 1, -1.6, 1),)).summary == "checked: 2 joins, drift 2 ms"
    assert Report(2, 0, faults=(Fault("tracks", ""),)).summary == "checked: 2 frames, 0 joins, 1 fault"


def test_windows_lie_inside_kept_ranges_and_reach_both_ends():
    keep = tuple((Fraction(3 * number), Fraction(3 * number) + Fraction(3, 2)) for number in range(200))
    plan = CutPlan(Fraction(600), keep)
    found = windows(plan.timeline)

    assert found == sorted(found)
    assert 12 <= len(found) <= 30
    assert found[0].at < 1
    assert found[-1].at + found[-1].seconds > 299
    for window in found:
        number = int(window.source // 3)
        start, end = keep[number]
        assert start < window.source < window.source + window.seconds < end
        assert window.at - output_starts(plan)[number] == window.source - start


def test_what_is_muted_is_not_listened_to():
    muted = ((Fraction(0), Fraction(2)), (Fraction(5), Fraction(6)), (Fraction(29), Fraction(30)))
    found = windows(CutPlan(Fraction(30), ((Fraction(0), Fraction(30)),), muted=muted).timeline)
    assert len(found) >= 10
    for window in found:
        assert window.at == window.source
        assert not any(window.at < end and start < window.at + window.seconds for start, end in muted)
    assert found[0].at < Fraction(21, 10)
    assert found[-1].at + found[-1].seconds > Fraction(289, 10)


def test_ranges_too_short_to_listen_to_are_passed_over():
    keep = tuple((Fraction(number), Fraction(number) + Fraction(1, 25)) for number in range(5))
    assert windows(CutPlan(Fraction(5), keep).timeline) == []


def test_it_can_be_stopped_and_leaves_no_thread(right):
    threads = threading.active_count()

    def stop(fraction):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        right.check(progress=stop)
    assert threading.active_count() == threads
