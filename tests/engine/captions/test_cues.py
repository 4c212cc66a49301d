"""Captions through a cut, and captions out of recordings."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine.captions import cues, embedded_tracks
from jobs.engine.captions.cues import Caption
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.probe.inspection import inspect
from tests.media import FAST_X264, picture, run_ffmpeg, tone, url

PLAN = CutPlan(
    Fraction(20), ((Fraction(1), Fraction(4)), (Fraction(6), Fraction(9)), (Fraction(12), Fraction(20)))
).timeline
"""Old seconds 1 to 4, 6 to 9 and 12 to 20 become 0 to 3, 3 to 6 and 6 to 14."""

SRT = """\ufeff1\r
00:00:01,500 --> 00:00:02,000\r
Hello <i>there</i>\r
second line\r
\r
2
00:00:04,100 --> 00:00:05,900
<font color="#ff0000">within a cut</font>

no number here
00:00:08,000 --> 00:00:13,000 X1:10 X2:20 Y1:1 Y2:2
{\\an8}1 < 2 & <b>bold</b>

nonsense

4
01:00:00,000 --> 00:59:00,000
backwards
"""

VTT = """WEBVTT - a title

STYLE
::cue { color: red }

NOTE
00:01.000 --> 00:02.000
a note

REGION
id:fred

intro
00:01.500 --> 00:02.000 position:10% align:start
<v Bob>Hello</v> &amp; <00:01.750>welcome

00:00:08.000 --> 00:00:13.000
across

00:25.000 --> 00:26.000
after the end
"""


def caption(start, end, text="x"):
    return Caption(Fraction(str(start)), Fraction(str(end)), text)


def times(found) -> list[tuple[float, float]]:
    return [(float(one.start), float(one.end)) for one in found]


def test_srt_is_read_with_its_oddities():
    found = cues.parse(SRT)
    assert times(found) == [(1.5, 2.0), (4.1, 5.9), (8.0, 13.0)]
    assert found[0].text == "Hello <i>there</i>\nsecond line"
    assert found[1].text == "within a cut"
    assert found[2].text == "1 &lt; 2 &amp; <b>bold</b>"
    assert found[2].settings == ""


def test_webvtt_is_read_without_its_notes_and_styles():
    found = cues.parse(VTT)
    assert times(found) == [(1.5, 2.0), (8.0, 13.0), (25.0, 26.0)]
    assert found[0].settings == "position:10% align:start"
    assert found[0].text == "<v Bob>Hello</v> &amp; <00:01.750>welcome"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((1.5, 2), (0.5, 1)),  # all of it is kept
        ((0, 0.9), None),  # before all that is kept
        ((4.1, 5.9), None),  # within a cut
        ((4, 6), None),  # just what a cut takes
        ((3, 5), (2, 3)),  # its end goes
        ((5, 7), (3, 4)),  # its start goes
        ((3, 7), (2, 4)),  # across a cut: one caption, shorter
        ((2, 13), (1, 7)),  # across two
        ((0, 20), (0, 14)),
        ((18, 30), (12, 14)),  # beyond the end
        ((25, 30), None),
        ((3.9, 5), None),  # a tenth of a second is left: it would flash
        ((3.8, 5), (2.8, 3)),
        ((2, 2.1), (1, 1.1)),  # it was that short
        ((-1, 1.5), (0, 0.5)),
        ((19.95, 21), None),
    ],
)
def test_a_caption_is_shown_for_what_is_kept_of_it(old, new):
    found = cues.retime([caption(*old)], PLAN)
    if old == (19.95, 21):  # cut off by the recording's end, not by us
        new = (13.95, 14)
    assert times(found) == ([] if new is None else [tuple(map(float, new))])


def test_times_inside_a_caption_move_along():
    (found,) = cues.retime([caption(3, 7, "a <00:00:03.500>b <00:05.000>c <00:06.500>d")], PLAN)
    assert found.text == "a <00:00:02.500>b <00:00:03.000>c <00:00:03.500>d"


@given(
    st.lists(st.tuples(st.integers(0, 25_000), st.integers(1, 5000)), max_size=20),
    st.lists(st.integers(0, 20_000), min_size=2, max_size=12, unique=True),
)
def test_captions_keep_their_order_and_stay_inside_the_result(given_captions, edges):
    edges = sorted(edges)[: len(edges) // 2 * 2]
    keep = tuple((Fraction(a, 1000), Fraction(b, 1000)) for a, b in zip(edges[::2], edges[1::2], strict=True))
    plan = CutPlan(Fraction(20), keep).timeline
    spans = sorted((Fraction(start, 1000), Fraction(start + length, 1000)) for start, length in given_captions)
    moved = cues.retime([Caption(start, end, str(place)) for place, (start, end) in enumerate(spans)], plan)
    assert [int(one.text) for one in moved] == sorted(int(one.text) for one in moved)
    assert [one.start for one in moved] == sorted(one.start for one in moved)
    for one in moved:
        begin, end = spans[int(one.text)]
        shown = sum((max(Fraction(0), min(end, last) - max(begin, first)) for first, last in keep), Fraction(0))
        assert one.end - one.start == shown
        assert 0 <= one.start < one.end <= plan.duration


def test_both_formats_are_written_so_that_they_read_back():
    before = cues.parse(SRT)
    assert cues.parse(cues.vtt(before)) == before
    assert cues.parse(cues.srt(before)) == before
    assert cues.srt(before).startswith("1\n00:00:01,500 --> 00:00:02,000\nHello <i>there</i>\nsecond line\n\n2\n")
    assert cues.vtt(before).startswith("WEBVTT\n\n00:00:01.500 --> 00:00:02.000\nHello <i>there</i>\nsecond line\n")
    assert cues.vtt([]) == "WEBVTT\n"


def test_srt_gets_plain_words():
    assert "Hello & welcome" in cues.srt(cues.parse(VTT))


def test_no_text_can_end_its_caption_or_begin_another():
    nasty = [caption(1, 2, "one\n\n2\n00:00:05,000 --> 00:00:06,000\ntwo")]
    for text in (cues.srt(nasty), cues.vtt(nasty)):
        assert times(cues.parse(text)) == [(1.0, 2.0)]


@pytest.mark.parametrize("text", ["", "WEBVTT", "hello\n\nworld", "1\n00:00:01,000 -> 00:00:02,000\nno", "\x00" * 50])
def test_what_is_no_captions_has_none(text):
    assert cues.parse(text) == []


@pytest.fixture
def words(tmp_path):
    """Captions at the second 1.5 and from 8 to 13."""
    path = tmp_path / "words.srt"
    path.write_text(
        "1\n00:00:01,500 --> 00:00:02,000\nHello\nthere & <b>you</b>\n\n2\n00:00:08,000 --> 00:00:13,000\nÜber\n"
    )
    return path


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "mov_text"), ("mkv", "subrip"), ("mkv", "ass"), ("mkv", "webvtt"), ("mov", "mov_text")],
)
@pytest.mark.parametrize("offset", [0, 5])
def test_embedded_captions_are_read_on_the_recordings_clock(ending, codec, offset, words, tmp_path):
    source = tmp_path / f"talk.{ending}"
    run_ffmpeg(
        *(*picture(14, 5), *tone(14), "-i", url(words), "-map", 0, "-map", 1, "-map", 2, "-map", 2, *FAST_X264),
        *("-c:s", codec, "-metadata:s:s:0", "language=eng", "-output_ts_offset", offset, url(source)),
    )
    info = inspect(source)
    found = embedded_tracks.all_of(source, info)
    assert len(found) == 2
    assert found[0][0].language == "eng"
    for _, read in found:
        assert [one.text for one in read] == ["Hello\nthere &amp; <b>you</b>", "Über"]
        late = float(offset - info.start)
        assert times(read) == [
            pytest.approx((1.5 + late, 2.0 + late), abs=0.002),
            pytest.approx((8 + late, 13 + late), abs=0.002),
        ]
        assert abs(late) < 0.1


def test_a_recording_without_captions_has_none(tmp_path):
    source = tmp_path / "plain.mp4"
    run_ffmpeg(*picture(1), *FAST_X264, url(source))
    assert embedded_tracks.all_of(source, inspect(source)) == []


def test_captions_run_faster_where_the_result_does():
    plan = CutPlan(Fraction(20), ((Fraction(4), Fraction(8)),), speed=Fraction(4)).timeline
    told = [Caption(Fraction(2), Fraction(6), "across"), Caption(Fraction(12), Fraction(16), "within")]
    assert cues.retime(told, plan) == [
        Caption(Fraction(1, 2), Fraction(3), "across"),
        Caption(Fraction(6), Fraction(7), "within"),
    ]
