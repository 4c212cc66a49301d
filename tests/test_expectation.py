"""How long work is expected to take, by what work like it took."""

import dataclasses
import math
import random
import uuid
from datetime import timedelta
from fractions import Fraction

import pytest

from jobs.engine.model.mediainfo import VideoTrack
from jobs.models import Experience, Job
from jobs.services import expectation, parameters
from jobs.services.expectation import RUNS_KEPT, Expected, Experiences, Load
from tests import factories

LARGE = VideoTrack(index=0, codec="hevc", width=3840, height=2160, frame_rate=Fraction(25), pixel_format="yuv420p")


def load(seconds, megapixels=0.0, key="mp4-keep|h264"):
    return Load.of("convert", key, seconds, megapixels)


def run(took, of):
    """A job that took so long, as `learn` sees it."""
    job = factories.job(status=Job.Status.SUCCEEDED, operation="convert", load_key="mp4-keep|h264")
    job.load_seconds, job.load_megapixels = of.seconds, of.megapixels
    job.finished_at = job.started_at + timedelta(seconds=took)
    return job


def model(*runs):
    return expectation.Model.of(tuple(runs))


@pytest.mark.django_db
def test_what_was_never_done_is_not_guessed():
    assert Experiences().expected(load(60)) is None


@pytest.mark.parametrize("seed", range(20))
def test_after_ten_jobs_of_mixed_sizes_it_is_within_a_factor_of_two(seed):
    """A second to get going, then by length and pixels, with a busy machine's noise of a quarter."""
    chance = random.Random(seed)

    def case():
        seconds = math.exp(chance.uniform(math.log(10), math.log(4000)))
        megapixels = seconds * chance.choice((0, 5, 27, 62))
        took = (1 + 0.01 * seconds + 0.004 * megapixels) * chance.lognormvariate(0, 0.25)
        return took, seconds, megapixels

    known = model(*(case() for _ in range(10)))
    ratios = []
    for _ in range(40):
        took, seconds, megapixels = case()
        ratios.append(known.expected(load(seconds, megapixels)).likely / took)
    assert sum(0.5 <= ratio <= 2 for ratio in ratios) >= 34, sorted(ratios)


def test_the_range_is_wide_after_one_run_and_narrow_after_ten_alike():
    one, ten = (model(*[(120.0, 600.0, 9000.0)] * count).expected(load(600, 9000)) for count in (1, 10))
    assert one.likely == pytest.approx(120, rel=0.05) and ten.likely == pytest.approx(120, rel=0.05)
    assert one.high / one.low > 2 > 1.6 > ten.high / ten.low


def test_the_range_is_wider_for_a_recording_unlike_all_others():
    known = model(*[(12.0, 60.0, 900.0)] * 10)
    near, far = known.expected(load(60, 900)), known.expected(load(3600, 54_000))
    assert far.high / far.low > 3 * near.high / near.low
    assert far.low <= 720 <= far.high


def test_four_of_five_lie_within_the_range():
    chance = random.Random(3)
    runs = [(s * chance.lognormvariate(-3, 0.4), s, 0.0) for s in (chance.uniform(60, 600) for _ in range(224))]
    known = model(*runs[:24])
    inside = [(e := known.expected(load(s))).low <= took <= e.high for took, s, _ in runs[24:]]
    assert 0.65 <= sum(inside) / len(inside) <= 0.95


def test_what_every_run_takes_makes_no_hours_of_a_long_recording():
    """Ten seconds of recording take 15 s, most of it to get going; forty minutes were seen once."""
    known = model(*[(15.0, 10.0, 0.0)] * 20, (120.0, 2400.0, 0.0))
    assert 90 <= known.expected(load(2544)).likely <= 170


def test_later_runs_count_more():
    known = model(*[(100.0, 100.0, 0.0)] * 12, *[(50.0, 100.0, 0.0)] * 12)
    assert known.expected(load(100)).likely < 70


def test_no_part_is_negative():
    known = model((10.0, 1000.0, 0.0), (100.0, 10.0, 0.0))
    assert min(known.parts) >= 0
    assert known.expected(load(0)).likely > 0


def test_what_is_left_of_late_work_is_never_nothing():
    left = Expected(50, 100, 200).less(150)
    assert left.low < left.likely < left.high and left.likely == 10


# Rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_run_is_learnt_for_the_operation_its_parameters_and_its_codec():
    of = load(60, 900)
    expectation.learn(run(30, of), [0.5] * 19)
    assert set(Experience.objects.values_list("kind", flat=True)) == {
        "convert",
        "convert mp4-keep",
        "convert mp4-keep h264",
    }
    assert Experiences().expected(of).likely == pytest.approx(30, rel=0.05)
    assert Experiences().profile(load(5, key="mp4-keep|vp9")) == tuple([0.5] * 19)


@pytest.mark.django_db
def test_the_narrowest_kind_of_which_anything_is_known_is_asked():
    for key, took in (("mp4-keep|h264", 10), ("webm-keep|h264", 100)):
        for _ in range(3):
            job = run(took, load(60, 900))
            job.load_key = key
            expectation.learn(job)
    assert Experiences().expected(load(60, 900, "webm-keep|h264")).likely == pytest.approx(100, rel=0.05)
    other = Experiences().expected(load(60, 900, "webm-keep|vp9"))
    assert other.likely == pytest.approx(100, rel=0.05)
    unknown = Experiences().expected(load(60, 900, "hls-keep|h264"))
    assert 10 < unknown.likely < 100
    assert unknown.low < 20


@pytest.mark.django_db
def test_only_the_last_runs_are_kept():
    for seconds in range(1, RUNS_KEPT + 5):
        expectation.learn(run(30, load(seconds)))
    row = Experience.objects.get(kind="convert")
    assert [seconds for _, seconds, _ in row.runs] == list(range(5, RUNS_KEPT + 5))


@pytest.mark.django_db
def test_a_machine_that_is_busy_slows_all_work_and_is_forgotten_when_it_rests(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("jobs.services.expectation.clock.seconds", lambda: now)
    other = Load.of("trim", "smart|h264", 60, 900)
    trim = run(4, other)
    trim.operation, trim.load_key = "trim", "smart|h264"
    for _ in range(5):
        expectation.learn(trim)
        expectation.learn(run(30, load(60, 900)))
    before = Experiences().expected(other).likely
    for _ in range(8):
        now += 30
        expectation.learn(run(75, load(60, 900)))
    assert 1.6 < Experiences().expected(other).likely / before < 2.6, "though no trim has been seen since"
    assert Experiences().expected(load(60, 900)).likely == pytest.approx(75, rel=0.25)
    now += 2 * 3600
    assert Experiences().expected(other).likely == pytest.approx(before, rel=0.1)
    assert Experiences().expected(load(60, 900)).likely < 50


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("slug", "given", "key", "seconds"),
    [
        ("convert", {"target": "webm", "resolution": 480}, "webm-keep-480|hevc", 10),
        ("trim", {"start": 2, "end": 5}, "smart|hevc", 3),
        ("silence-cut", {"render": "encode"}, "loudness-remove-encode-auto-plain|hevc", 10),
        ("extract-audio", {"format": "mp3"}, "mp3|hevc", 10),
    ],
)
def test_a_job_says_how_much_work_it_is(slug, given, key, seconds):
    info = factories.info(video=LARGE)
    found = expectation.fields(info, slug, parameters.parse(slug, given, info))
    assert found == {"load_key": key, "load_seconds": seconds, "load_megapixels": pytest.approx(seconds * 207.36)}


def test_joining_is_as_much_work_as_all_that_is_joined():
    intro = factories.info(video=LARGE)
    talk = dataclasses.replace(intro, duration=Fraction(36_000), video=dataclasses.replace(LARGE, width=1920))
    one = str(uuid.uuid4())
    found = expectation.fields(intro, "join", parameters.parse("join", {"recordings": [one, one]}, intro), [talk, talk])
    assert found["load_seconds"] == 72_010
    assert found["load_megapixels"] == pytest.approx((10 + 72_000 / 2) * 207.36)
    swapped = expectation.fields(intro, "swap-audio", parameters.parse("swap-audio", {"audio": one}, intro), [talk])
    assert swapped["load_seconds"] == 10


@pytest.mark.django_db
def test_many_kinds_are_read_by_one_query(django_assert_num_queries):
    loads = [load(10, key=f"{number}|h264") for number in range(50)]
    known = Experiences()
    with django_assert_num_queries(1):
        known.know(loads)
        assert [known.expected(one) for one in loads] == [None] * 50
