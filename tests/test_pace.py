import pytest

from jobs.pace import Pace


def told(*stretches):
    """What is said of work that goes through stretches of (seconds, share of the work), reported twice a second."""
    pace, now, fraction, said = Pace(), 0.0, 0.0, []
    for seconds, share in stretches:
        for _ in range(round(seconds * 2)):
            now, fraction = now + 0.5, fraction + share / (seconds * 2)
            said.append((now, pace.seconds_left(now, fraction)))
    return said


def test_even_work_is_told_right_all_the_way():
    for now, left in told((120, 1)):
        assert left is None if now < 4.5 else left == pytest.approx(120 - now, abs=0.2)


def test_nothing_is_said_of_work_that_has_hardly_begun():
    assert all(left is None for _, left in told((60, 0.015)))


def test_a_slow_start_makes_no_long_work():
    """Loading a model for 40 s, then two minutes of work: by the average so far it would be told as an hour."""
    said = told((40, 0), (120, 1))
    assert max(left for _, left in said if left is not None) == pytest.approx(120, abs=5)


def test_work_that_turns_slow_or_fast_is_believed_within_the_window():
    said = dict(told((10, 0.5), (100, 0.5)))
    assert said[45.0] == pytest.approx(65, abs=1)
    said = dict(told((100, 0.5), (10, 0.4), (40, 0.1)))
    assert said[145.0] == pytest.approx(5, abs=0.5)


def test_work_of_hours_is_told_too():
    said = dict(told((3 * 3600, 1)))
    assert said[1800.0] == pytest.approx(9000, abs=1)
