"""Cuts as lists for other programs, read back exact to the frame."""

from fractions import Fraction
from itertools import pairwise
from urllib.parse import quote
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine.edit import exports
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.edit.exports import edl, timecode
from jobs.engine.model.mediainfo import MediaInfo, VideoTrack
from tests.engine.edit.timelines import EVERY, FRAMES, NTSC_24, NTSC_30, NTSC_60, clips, edits_of, meant, media, read

HOSTILE = [
    'Anna\'s "talk" <&> ]]>.mp4',
    "a\n001  BL  V  C  00:00:00:00.mp4",
    "line\u2028sep\x85next\x0b.mov",
    "\x00\x08\ufffe\ud800.mp4",
    "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;.mp4",
    "Übung – 日本語 🎬.mkv",
    "frames.[0001-0100].mp4",
    "BL.mp4",
    "",
]


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
@pytest.mark.parametrize("rate", [NTSC_24, Fraction(24), Fraction(25), NTSC_30, Fraction(30), Fraction(50), NTSC_60])
def test_cuts_read_back_exact_to_the_frame(format, rate, tmp_path):
    cut = edits_of(FRAMES, rate)
    found = read(cut, format, tmp_path)
    assert cut.note == ""
    assert found.tracks[0].kind == otio.schema.TrackKind.Video
    for track in list(found.tracks)[: 1 if format == "fcpxml" else None]:
        assert clips(track) == meant(FRAMES)
        assert {clip.source_range.duration.rate for clip in track if isinstance(clip, otio.schema.Clip)} == {
            float(rate)
        }


@pytest.mark.parametrize(
    ("own", "variable", "chosen"),
    [
        (Fraction(25), False, 25),
        (NTSC_30, False, NTSC_30),
        (Fraction(2997, 100), False, NTSC_30),
        (Fraction(15), False, 30),
        (Fraction(25, 2), False, 25),
        (Fraction(12), False, 24),
        (Fraction(10), False, 30),
        (Fraction(15_000, 1001), False, NTSC_30),
        (Fraction(120), False, 60),
        (Fraction(297, 10), True, NTSC_30),
        (Fraction(3), True, 30),
        (Fraction(0), True, 30),
        (Fraction(0), False, 30),
        (None, False, 30),
    ],
)
def test_the_timelines_rate_is_one_that_editors_know(own, variable, chosen):
    info = media(own or Fraction(1), variable=variable) if own else media(None) if own is None else media(Fraction(1))
    if own == 0:
        info = MediaInfo("mov", Fraction(1), 1, video=VideoTrack(0, "h264", 16, 16, variable_rate=variable))
    assert timecode.timeline_rate(info) == chosen


def test_a_slow_recording_is_cut_exactly_in_a_faster_timeline():
    cut = edits_of([(3, 40), (41, 90)], Fraction(15))
    assert [(edit.source, edit.frames, edit.record) for edit in cut.edits] == [(6, 74, 0), (82, 98, 74)]
    assert cut.note == ""


def test_cuts_that_fall_between_frames_go_to_the_nearest_and_the_list_says_so():
    plan = CutPlan(Fraction(10), ((Fraction(1, 90), Fraction(2)), (Fraction(301, 100), Fraction(10))))
    cut = exports.edit_list(plan, media(Fraction(297, 10), variable=True), title="x", name="x.mp4", url="x.mp4")
    assert cut.rate == NTSC_30
    assert [(edit.source, edit.source + edit.frames) for edit in cut.edits] == [(0, 60), (90, 300)]
    assert "variable rate" in cut.note
    assert "29.97" in cut.note
    assert 0 < cut.off <= 1 / NTSC_30 / 2


@pytest.mark.parametrize("late", [Fraction(1, 50), Fraction(21, 1000), Fraction(499, 1000), Fraction(1, 3)])
def test_a_picture_that_begins_late_does_not_make_clips_longer_or_shorter(late):
    """At half a frame late, boundaries in milliseconds (Matroska) fall on either side of the middle."""
    keep = tuple(
        (Fraction(round((first / Fraction(25) + late) * 1000) + first % 2, 1000), last / Fraction(25) + late)
        for first, last in FRAMES
    )
    cut = exports.edit_list(CutPlan(Fraction(5000), keep), media(), title="x", name="x.mkv", url="x.mkv")
    assert [edit.frames for edit in cut.edits] == [last - first for first, last in FRAMES]
    gaps = [later.source - edit.source - edit.frames for edit, later in pairwise(cut.edits)]
    assert gaps == [after[0] - before[1] for before, after in pairwise(FRAMES)]


@given(
    st.lists(st.fractions(0, 100, max_denominator=90_000), min_size=2, max_size=30, unique=True),
    st.sampled_from([Fraction(24), Fraction(25), NTSC_30, Fraction(60)]),
)
def test_any_plan_becomes_ordered_frames_that_follow_each_other(times, rate):
    times = sorted(times)[: len(times) // 2 * 2]
    keep = tuple(zip(times[::2], times[1::2], strict=True))
    cut = exports.edit_list(CutPlan(Fraction(100), keep), media(rate), title="x", name="x.mp4", url="x.mp4")
    position = end = 0
    for edit in cut.edits:
        assert edit.frames > 0
        assert edit.record == position
        assert edit.source >= end
        position, end = position + edit.frames, edit.source + edit.frames
    assert cut.length == position
    assert cut.frames >= end


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
@pytest.mark.parametrize("sounds", [(), (1,), (2,), (2, 1, 6)])
def test_every_audio_track_is_cut_alike(format, sounds, tmp_path):
    cut = edits_of(FRAMES, Fraction(25), info=media(sounds=sounds))
    found = read(cut, format, tmp_path)
    tracks = {"edl": min(2, sum(sounds)), "fcpxml": 0}.get(format, len(sounds))
    assert [track.kind for track in found.tracks] == ["Video"] + ["Audio"] * tracks
    assert all(clips(track) == meant(FRAMES) for track in found.tracks)
    if format == "fcpxml":
        asset = ElementTree.parse(tmp_path / "cut.fcpxml").find("resources/asset")
        assert asset.get("audioSources") == (str(len(sounds)) if sounds else None)


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
def test_sound_alone_is_cut_at_the_nearest_thirtieth_of_a_second(format, tmp_path):
    plan = CutPlan(Fraction(100), ((Fraction(1, 10), Fraction(2)), (Fraction(3), Fraction(100))))
    cut = exports.edit_list(plan, media(None, sounds=(2, 2)), title="x", name="x.m4a", url="x.m4a")
    found = read(cut, format, tmp_path)
    assert all(clips(track) == [(3, 60, 0), (90, 3000, 57)] for track in found.tracks)
    if format == "fcpxml":  # whose reader takes every asset without children for a picture
        assert ElementTree.parse(tmp_path / "cut.fcpxml").find("resources/asset").get("hasVideo") is None
    else:
        assert {track.kind for track in found.tracks} == {"Audio"}
    assert "without a picture" in cut.note


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
@pytest.mark.parametrize("rate", [Fraction(25), None])
def test_muted_stretches_keep_their_picture_and_lose_their_sound(format, rate, tmp_path):
    info = media(rate, seconds=Fraction(4))
    plan = CutPlan(
        Fraction(4), ((Fraction(0), Fraction(4)),), muted=((Fraction(0), Fraction(1)), (Fraction(2), Fraction(3)))
    )
    cut = exports.edit_list(plan, info, title="x", name="x.mp4", url="x.mp4")
    second = int(cut.rate)
    found = read(cut, format, tmp_path)
    whole = [(second * start, second * (start + 1), second * start) for start in range(4)]
    for track in found.tracks:
        expected = whole if rate and track.kind == "Video" else [whole[1], whole[3]]
        if format == "edl" and track.kind == "Audio":  # its reader lets the first event be the start of a track
            expected = [(first, last, place - second) for first, last, place in expected]
        assert clips(track) == expected
    if format == "fcpxml" and rate:
        heard = [clip.get("srcEnable") for clip in ElementTree.parse(tmp_path / "cut.fcpxml").iter("asset-clip")]
        assert heard == ["video", None, "video", None]


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_a_file_or_says_more_than_a_name(format, name, tmp_path):
    url = f"file:///films/{quote(name.encode('utf-8', 'replace'), safe='')}"
    cut = edits_of(FRAMES, Fraction(25), title=name, name=name, url=url)
    found = read(cut, format, tmp_path)
    assert clips(found.tracks[0]) == meant(FRAMES)
    clip = next(iter(found.tracks[0]))
    assert clip.name == exports.one_line(name)
    assert "\n" not in clip.name
    if format != "edl":
        assert clip.media_reference.target_url == url
    else:
        lines = (tmp_path / "cut.edl").read_text().splitlines()
        assert sum(line[:1].isdigit() for line in lines) == len(FRAMES)


@pytest.mark.parametrize(("count", "said"), [(999, ""), (1001, "has 1001 events")])
def test_events_that_three_digits_cannot_number_are_written_and_said(count, said, tmp_path):
    frames = [(40 * number, 40 * number + 10) for number in range(count)]
    cut = edits_of(frames, Fraction(25))
    assert clips(read(cut, "edl", tmp_path).tracks[0]) == meant(frames)
    assert f"\n{count}  TALK" in (tmp_path / "cut.edl").read_text()
    assert said in cut.note
    assert bool(cut.note) == bool(said)


@pytest.mark.parametrize(
    ("name", "reel"),
    [
        ("talk.mp4", "TALK"),
        ("My long holiday film.mov", "MYLONGHO"),
        ("Übung.mp4", "BUNG"),
        ("日本.mp4", "AX"),
        ("bl.mp4", "AX"),
        ("x" * 300, "XXXXXXXX"),
        (".mp4", "MP4"),
    ],
)
def test_reels_are_eight_letters_and_never_a_reserved_word(name, reel):
    assert edl.reel(name) == reel


def test_final_cut_7_xml_links_picture_and_sound_and_describes_the_file_once(tmp_path):
    cut = edits_of(FRAMES, NTSC_30, info=media(NTSC_30, sounds=(2, 1)))
    exports.write(cut, "xml", tmp_path / "cut.xml")
    root = ElementTree.parse(tmp_path / "cut.xml").getroot()
    items = {item.get("id"): item for item in root.iter("clipitem")}
    assert len(items) == 3 * len(FRAMES)
    assert len(list(root.iter("pathurl"))) == 1
    for item in items.values():
        linked = [items[link.findtext("linkclipref")] for link in item.iter("link")]
        assert len(linked) == 3
        assert {one.findtext("in") for one in linked} == {item.findtext("in")}
    assert root.findtext(".//file/timecode/displayformat") == "DF"
    assert {rate.findtext("ntsc") for rate in root.iter("rate")} == {"TRUE"}
