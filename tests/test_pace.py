import pytest

from jobs.pace import Pace
from jobs.services.expectation import STEPS, Expected


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


UNEVEN = [0.5, *[0.5 + 0.1 * step / 14 for step in range(1, 15)], 0.7, 0.8, 0.9, 0.95]
"""Half of the time goes by before a twentieth is done, and most of the rest after three quarters."""


def uneven(pace, seconds):
    """What is said of work with that profile that takes so long."""
    knots, said = [0.0, *UNEVEN, 1.0], []
    for step in range(1, 2 * seconds):
        share = step / 2 / seconds
        at = next(number for number, knot in enumerate(knots) if knot > share) - 1
        fraction = (at + (share - knots[at]) / (knots[at + 1] - knots[at])) / STEPS
        said.append((step / 2, pace.seconds_left(step / 2, fraction)))
    return said


def test_work_whose_stages_go_at_different_speeds_is_told_right_once_its_profile_is_known():
    expected = Expected(60, 120, 240)
    for seconds in (80, 120, 200):
        for now, left in uneven(Pace(0.0, expected, UNEVEN), seconds):
            assert left < 2.2 * max(5, seconds - now), (seconds, now, left)
            assert left > (seconds - now) / 2.2, (seconds, now, left)


def test_what_was_learnt_is_said_from_the_start_and_what_is_measured_wins():
    pace = Pace(0.0, Expected(100, 120, 144))
    assert pace.seconds_left(0.5, 0.0) == pytest.approx(119.5)
    said = [pace.seconds_left(now, now / 60) for now in range(1, 60)]
    assert said[44] < 30, "it is twice as fast"
    assert said[57] < 8


def test_a_short_stage_that_is_slow_makes_no_hours_of_two_minutes():
    """The first run of its kind: 90 s for most of it, then half a minute for one hundredth after the other."""
    said = told((90, 0.9), (30, 0.02), (2, 0.08))
    assert max(left for now, left in said if left is not None) < 100


def test_a_run_leaves_its_profile():
    pace = Pace(10.0)
    for second in range(1, 41):
        pace.saw(10.0 + second, 0 if second < 20 else (second - 20) / 20)
    profile = pace.profile(50.0)
    assert len(profile) == STEPS - 1
    assert profile[0] == pytest.approx(21 / 40) and profile[9] == pytest.approx(30 / 40)
    assert Pace(0.0).profile(0.5) == [], "too short to tell"


def test_what_an_attempt_before_has_done_is_no_measure_of_the_pace():
    """Two thirds are there within a second; the rest goes at half a percent a second."""
    even, learnt = [step / STEPS for step in range(1, STEPS)], Expected(150, 200, 260)
    for pace in (Pace(0.0), Pace(0.0, learnt), Pace(0.0, learnt, even)):
        pace.skipped(1.0, 0.0, 0.6)
        said = [(now, pace.seconds_left(now, 0.6 + (now - 1) / 200)) for now in range(2, 80)]
        assert all(left is None or 0.4 * (81 - now) < left < 2.5 * (81 - now) + 5 for now, left in said), said
