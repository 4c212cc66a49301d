from fractions import Fraction

import pytest

from jobs import outcome, wording
from jobs.engine.video.contact_sheet import clock
from jobs.models import Artifact
from tests import factories


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0:00"), (3.4, "0:03"), (59.6, "1:00"), (754, "12:34"), (4682, "1:18:02"), (Fraction(1, 2), "0:00")],
)
def test_times_read_like_a_clock(seconds, expected):
    assert wording.clock(seconds) == expected


def test_a_moment_is_told_as_players_and_file_names_do():
    times = [Fraction(0), Fraction("3.96"), Fraction("59.99"), 4681.7]
    assert [wording.moment(time) for time in times] == ["0:00", "0:03", "0:59", "1:18:01"]
    assert wording.moment(Fraction("3.96")) in clock(Fraction("3.96"))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (2048, "2 KB"),
        (1024 * 1024 - 1, "1 MB"),
        (640 * 1024**2, "640 MB"),
        (int(1.2 * 1024**3), "1.2 GB"),
        (10 * 1024**3, "10 GB"),
    ],
)
def test_sizes_have_two_or_three_figures(count, expected):
    assert wording.size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "1 s"), (18, "18 s"), (59.6, "1 min"), (3540, "59 min"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_spans_are_words(seconds, expected):
    assert wording.span(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *((None, ""), (0, "0 s"), (0.0454, "45 ms"), (0.0994, "99 ms"), (0.4, "0.4 s"), (3, "3 s"), (9.94, "9.9 s")),
        *(
            (9.96, "10 s"),
            (59.6, "1 min"),
            (3600, "1 h"),
            (34_000, "9 h 27 min"),
            (95_000, "26 h"),
            (345_600, "4 days"),
        ),
    ],
)
def test_measured_times_are_brief(seconds, expected):
    assert wording.brief(seconds) == expected


def test_counts_have_gaps_that_no_line_breaks_at():
    assert wording.count(55_950.0) == "55\u00a0950"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (111, "111th"),
    ],
)
def test_places_are_ordinals(number, expected):
    assert wording.ordinal(number) == expected


def test_a_hundred_percent_means_done():
    assert wording.percent(0.999) == "99 %"
    assert wording.percent(0.629) == "63 %"
    assert wording.percent(1) == "100 %"


@pytest.mark.parametrize(
    ("frames", "expected"), [(Fraction(30000, 1001), "29.97"), (Fraction(25), "25"), (Fraction(25, 2), "12.5")]
)
def test_frame_rates_have_two_decimals_at_most(frames, expected):
    assert wording.rate(frames) == expected


def test_an_upright_picture_is_called_by_its_shorter_side():
    upright = factories.VideoTrack(index=0, codec="hevc", width=1920, height=1080, rotation=90)
    assert wording.resolution(upright) == "1080p"
    assert wording.resolution(None) == "Audio"


def test_codecs_have_the_names_that_people_know():
    assert [wording.codec(name) for name in ("h264", "pcm_s16le", "strange")] == ["H.264", "PCM", "strange"]


@pytest.mark.django_db
def test_a_job_tells_what_was_done_where_its_result_says_so():
    done = factories.job(status="succeeded")
    artifact = {"kind": "audio", "name": "a.m4a", "key": "k", "size": 2048, "media_type": "audio/mp4", "sha256": ""}
    Artifact.objects.create(job=done, **artifact)
    assert outcome.outcome(done) == "2 KB"
    Artifact.objects.create(job=done, metadata={"summary": "Copied as it was"}, **artifact)
    assert outcome.outcome(done) == "Copied as it was. 4 KB"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"render_reason": "87 % of the picture is untouched.", "checked": "checked: 55 950 frames, 2 joins"},
            "87\u00a0% of the picture is untouched. Checked: 55\u00a0950 frames, 2 joins.",
        ),
        ({"render_reason": "", "checked": "checked: 2 joins"}, "Checked: 2 joins."),
        ({}, ""),
    ],
)
def test_a_cut_tells_its_lengths_and_apart_from_them_how_it_was_made_and_checked(facts, expected):
    done = factories.job(status="succeeded")
    values = {"name": "a.mp4", "key": "k", "size": 2048, "media_type": "video/mp4", "sha256": ""}
    metadata = {"source_duration": 4.0, "output_duration": 1.84, **facts}
    Artifact.objects.create(job=done, kind="video", metadata=metadata, **values)
    assert outcome.outcome(done) == "0:04 became 0:02"
    assert outcome.proof(done) == expected


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (230, 250, "about 4 min"),
        (180, 360, "about 3 to 6 min"),
        (48, 130, "about 50 s to 2 min"),
        (22, 41, "about 20 to 40 s"),
        (2, 9, "about 10 s"),
        (0, 14, "about 10 s"),
        (3000, 8000, "about 50 min to 2 h 15 min"),
        (7000, 8100, "about 2 h"),
    ],
)
def test_guesses_are_told_as_ranges_where_they_are_unsure(low, high, said):
    assert wording.about(low, high) == said
