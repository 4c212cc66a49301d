"""Exports, read back by OpenTimelineIO's own readers and compared with the frames that were meant.

The reader of FCPXML counts 29.97 as 29 frames a second and rounds times down, so that it cannot tell frames apart. It
reads our files here with exact arithmetic put in its place; structure and references stay its own.
"""

import dataclasses
import json
from fractions import Fraction
from itertools import pairwise
from urllib.parse import quote
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange

from jobs.engine.edit import exports
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.edit.exports import edl, timecode
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, VideoTrack
from jobs.engine.probe.inspection import inspect
from tests.media import remuxed, run_ffmpeg, video

NTSC_24, NTSC_30, NTSC_60 = Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(60_000, 1001)
FRAMES = [(3, 40), (41, 90), (1200, 1799), (1800, 2000), (17_981, 17_983), (108_000, 108_500)]
"""Kept frames: a gap of one frame, clips next to minutes and tens of minutes, one of two frames, one after an hour."""
APART = [(3, 40), (53, 90), (1200, 1790), (1800, 2000), (17_981, 17_983), (108_000, 108_500)]
"""Kept frames with room between them."""
EVERY = ["otio", "edl", "fcpxml", "xml"]
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


def media(rate=Fraction(25), *, sounds=(2,), variable=False, seconds=Fraction(5000)) -> MediaInfo:
    picture = VideoTrack(0, "h264", 1920, 1080, frame_rate=rate, variable_rate=variable) if rate else None
    tracks = tuple(AudioTrack(place, "aac", 48_000, channels) for place, channels in enumerate(sounds, 1))
    return MediaInfo("mov,mp4,m4a,3gp,3g2,mj2", seconds, 1, video=picture, audio=tracks)


def plan_of(frames, rate, *, late=Fraction(0), muted=(), seconds=Fraction(5000)) -> CutPlan:
    """The plan that keeps these frames of a recording whose first picture comes `late` seconds after its start."""
    keep = tuple((first / rate + late, last / rate + late) for first, last in frames)
    return CutPlan(seconds, keep, muted=tuple((first / rate + late, last / rate + late) for first, last in muted))


def edits_of(frames, rate, **more):
    info = more.pop("info", None) or media(rate)
    words = {name: more.pop(name) for name in ("title", "name", "url", "label") if name in more}
    words = {"title": "Talk (cut)", "name": "talk.mp4", "url": "file:///films/talk.mp4", **words}
    return exports.edit_list(plan_of(frames, rate, **more), info, **words)


@pytest.fixture
def exact_fcpx_reader(monkeypatch):
    module = otio.adapters.from_name("fcpx_xml").module()

    def exact(text) -> Fraction:
        return Fraction((text or "0s").removesuffix("s"))

    def frames(text, rate) -> RationalTime:
        count = exact(text) * Fraction(rate).limit_denominator(1001)
        assert count.denominator == 1, f"{text} is no whole frame"
        return RationalTime(int(count), rate)

    def rate_of(reader, format_id) -> float:
        return float(1 / exact(reader._format_by_id(format_id).get("frameDuration")))

    def number(reader, text, format_id) -> int:
        return int(frames(text, rate_of(reader, format_id)).value)

    monkeypatch.setattr(module, "to_rational_time", frames)
    monkeypatch.setattr(module.FcpxXml, "_format_frame_rate", rate_of)
    monkeypatch.setattr(module.FcpxXml, "_number_of_frames", number)


def read(cut, format, tmp_path) -> "otio.schema.Timeline":
    """What OpenTimelineIO makes of an export, from the file."""
    path = tmp_path / f"cut{exports.FORMATS[format].suffix}"
    exports.write(cut, format, path)
    options = {"rate": float(cut.rate)} if format == "edl" else {}
    found = otio.adapters.read_from_file(str(path), **options)
    return found[0] if isinstance(found, otio.schema.SerializableCollection) else found


def clips(track) -> list[tuple[int, int, int]]:
    """First frame, end and place in the result of each clip; all of them must be whole frames."""
    found = []
    for child in track:
        if not isinstance(child, otio.schema.Clip):
            continue
        place = track.range_of_child(child).start_time.value
        span = child.source_range
        numbers = (span.start_time.value, span.start_time.value + span.duration.value, place)
        assert all(number == int(number) for number in numbers)
        found.append(tuple(map(int, numbers)))
    return found


def meant(frames, start=0) -> list[tuple[int, int, int]]:
    places, position = [], 0
    for first, last in frames:
        places.append((first + start, last + start, position))
        position += last - first
    return places


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


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
@pytest.mark.parametrize(
    ("rate", "label"),
    [(NTSC_30, "01:00:00;02"), (NTSC_30, "10:09:59:29"), (Fraction(25), "01:02:03:04"), (NTSC_24, "23:00:00:00")],
)
def test_the_cameras_timecode_is_kept(format, rate, label, tmp_path):
    cut = edits_of(FRAMES[:4], rate, label=label)
    found = read(cut, format, tmp_path)
    start = round(otio.opentime.from_timecode(label, float(rate)).value)
    assert clips(found.tracks[0]) == meant(FRAMES[:4], start)
    assert cut.timecode(cut.start) == label


def test_drop_frame_lists_say_so_and_use_semicolons():
    dropping, counting = (edl.text(edits_of([(1798, 1900)], NTSC_30, label=label)) for label in ("", "00:00:00:00"))
    assert "FCM: DROP FRAME" in dropping
    assert "AA/V  C        00:00:59;28 00:01:03;12 01:00:00;00 01:00:03;12" in dropping
    assert "FCM: NON-DROP FRAME" in counting
    assert "AA/V  C        00:00:59:28 00:01:03:10 01:00:00:00 01:00:03:12" in counting
    assert "FCM: NON-DROP FRAME" in edl.text(edits_of(FRAMES, Fraction(25)))
    assert "FCM: NON-DROP FRAME" in edl.text(edits_of(FRAMES, NTSC_24))


@given(st.integers(0, 2_000_000), st.sampled_from(timecode.RATES), st.booleans())
def test_timecode_agrees_with_opentimelineio_and_comes_back(frames, rate, drop):
    drop = drop and rate in timecode.DROP_RATES
    text = timecode.to_text(frames, rate, drop)
    assert text == RationalTime(frames, float(rate)).to_timecode(float(rate), drop)
    assert timecode.to_frames(text, rate) == frames


def test_timecode_starts_anew_at_midnight():
    assert timecode.to_text(144 * 17_982, NTSC_30, True) == "00:00:00;00"
    assert timecode.to_text(24 * 3600 * 25 + 1, Fraction(25), False) == "00:00:00:01"


@pytest.mark.parametrize("text", ["25:00:00:00", "00:60:00:00", "00:00:00:25", "1:00:00:00", "now", ""])
def test_what_is_no_timecode_is_refused(text):
    with pytest.raises(ValueError, match="no timecode"):
        timecode.to_frames(text, Fraction(25))


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


def test_cuts_json_maps_old_time_to_new(tmp_path):
    cut = edits_of([(25, 50), (100, 110)], Fraction(25), seconds=Fraction(8))
    exports.write(cut, "json", tmp_path / "cuts.json")
    told = json.loads((tmp_path / "cuts.json").read_text())
    assert told["segments"] == [
        {"old_start": 1.0, "old_end": 2.0, "new_start": 0.0, "rate": 1.0},
        {"old_start": 4.0, "old_end": 4.4, "new_start": 1.0, "rate": 1.0},
    ]
    assert told["result"] == {"duration": 1.4}
    assert told["removed"] == [[0.0, 1.0], [2.0, 4.0], [4.4, 8.0]]
    assert told["timeline"]["edits"] == [[25, 50, 0], [100, 110, 25]]
    assert told["timeline"]["frame_rate"] == "25"
    assert told["version"] == 2


def hurried(frames, rate, speed, **more):
    """A cut in which all but these frames runs faster."""
    plan = dataclasses.replace(plan_of(frames, rate, seconds=Fraction(frames[-1][1] + 103) / rate), speed=speed)
    return exports.edit_list(plan, media(rate), title="Talk (cut)", name="talk.mp4", url="file:///talk.mp4", **more)


@pytest.mark.parametrize("format", ["otio", "edl"])
@pytest.mark.parametrize("rate", [Fraction(25), NTSC_30])
@pytest.mark.parametrize("speed", [Fraction(4), Fraction(5, 2)])
def test_what_runs_faster_is_a_time_warp_and_moves_nothing_else(format, rate, speed, tmp_path):
    cut = hurried(APART, rate, speed)
    track = read(cut, format, tmp_path).tracks[0]
    # Frame by frame: the kept ones whole, each where the exact time of the result has it.
    kept = [clip for clip in clips_with_speed(track) if clip[3] == 1]
    assert [clip[:2] for clip in kept] == APART
    for (first, _), (_, _, record, _) in zip(APART, kept, strict=True):
        before = sum(min(last, first) - start for start, last in APART if start < first)
        assert abs(record - (before + (first - before) / speed)) <= Fraction(1, 2)
    warped = [clip for clip in clips_with_speed(track) if clip[3] != 1]
    # An EDL tells tenths of a frame a second.
    off = 1e-3 if format == "edl" else 1e-9
    assert all(clip[3] == pytest.approx(float(speed), rel=off) for clip in warped)
    assert len(warped) >= len(APART)
    for first, end, _, _ in warped:
        assert first == 0 or first in {last for _, last in APART}
        following = min((start for start, _ in APART if start > first), default=APART[-1][1] + 103)
        assert abs((following - first) / speed - (end - first)) <= 1


def clips_with_speed(track) -> list[tuple[int, int, int, float]]:
    there = [child for child in track if isinstance(child, otio.schema.Clip)]
    return [
        (*clip, one.effects[0].time_scalar if one.effects else 1) for clip, one in zip(clips(track), there, strict=True)
    ]


def test_final_cut_gets_a_map_of_times_for_what_runs_faster(tmp_path):
    cut = hurried([(40, 60)], Fraction(25), Fraction(4))
    exports.write(cut, "fcpxml", tmp_path / "cut.fcpxml")
    spine = ElementTree.parse(tmp_path / "cut.fcpxml").find(".//spine")
    assert spine is not None
    told = [
        (clip.get("offset"), clip.get("duration"), [(one.get("time"), one.get("value")) for one in clip.iter("timept")])
        for clip in spine
    ]
    assert told[0] == ("0/1s", "2/5s", [("0/1s", "0/1s"), ("2/5s", "8/5s")])
    assert told[1] == ("2/5s", "4/5s", [])
    assert told[2] == ("6/5s", "26/25s", [("0/1s", "12/5s"), ("26/25s", "163/25s")])


def test_a_format_that_cannot_tell_speeds_leaves_out_what_runs_faster_and_says_so(tmp_path):
    cut = hurried(FRAMES, Fraction(25), Fraction(4))
    assert clips(read(cut, "xml", tmp_path).tracks[0]) == meant(FRAMES)
    assert "4 times as fast" in cut.note
    assert ".xml" in cut.note


def test_the_map_of_times_tells_the_rate_of_each_segment(tmp_path):
    exports.write(hurried([(40, 60)], Fraction(25), Fraction(4)), "json", tmp_path / "cuts.json")
    told = json.loads((tmp_path / "cuts.json").read_text())
    assert told["segments"] == [
        {"old_start": 0.0, "old_end": 1.6, "new_start": 0.0, "rate": 4.0},
        {"old_start": 1.6, "old_end": 2.4, "new_start": 0.4, "rate": 1.0},
        {"old_start": 2.4, "old_end": 6.52, "new_start": 1.2, "rate": 4.0},
    ]
    assert told["removed"] == []


@pytest.mark.parametrize(("ending", "label"), [("mov", "01:00:00;02"), ("mp4", "10:20:30:05"), ("mxf", "02:00:00:00")])
def test_a_recordings_timecode_is_read_from_the_file(ending, label, tmp_path):
    rate = NTSC_30 if ";" in label else 25
    plain = video(tmp_path / "plain.mp4", "-c:v", "mpeg2video", "-ar", 48_000, rate=rate, seconds=1)
    extra = ("-c:a", "pcm_s16le") if ending == "mxf" else ()
    source = remuxed(plain, tmp_path / f"labelled.{ending}", *extra, "-timecode", label)
    assert exports.of_recording(source, inspect(source)) == label
    assert exports.of_recording(plain, inspect(plain)) == ""


def test_a_recording_that_starts_late_counts_from_its_first_frame(tmp_path):
    source = tmp_path / "late.ts"
    run_ffmpeg("-i", f"file:{video(tmp_path / 'plain.mp4', seconds=2)}", "-c", "copy", "-output_ts_offset", 100, source)
    info = inspect(source)
    assert info.start > 90
    cut = exports.edit_list(
        CutPlan(info.duration, ((Fraction(1), Fraction(3, 2)),)), info, title="x", name="x", url="x"
    )
    assert [(edit.source, edit.frames) for edit in cut.edits] in ([(25, 12)], [(25, 13)])
    assert TimeRange(RationalTime(0, 25), RationalTime(cut.length, 25)).duration.value == cut.length
