"""Audio packets joined without encoding: the source's own bytes, each range near its place, however many there are."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.audio import adts, packet_copy, packet_table
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.packet_table import CannotCopy
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines.timeline_render import RenderOptions, TimelineResult, render_timeline
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.frame_index import index_frames
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, heard, lag, make, seen
from tests.media import run_ffmpeg

LOUD = [(0.3, 0.9), (1.2, 1.9), (2.4, 2.6), (3.1, 4.6), (5.2, 5.7)]
RANGES = (("0.25", "1"), ("1.1", "2.7"), ("2.703", "4"), ("5", "6"))
SEGMENTS = tuple(Segment(Fraction(begin), Fraction(end)) for begin, end in RANGES)


def rendered(source: Path, output: Path, segments=SEGMENTS, **options) -> TimelineResult:
    info = inspect(source)
    index = index_frames(source, info) if info.video else None
    timeline = Timeline(tuple(segments), (info.duration,))
    how = RenderOptions(audio=AudioOptions(**options))
    return render_timeline(Source(source, info, index), timeline, output, Workspace(source.parent), how)


def stored(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def stored_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [packet.pts * packet.time_base for packet in container.demux(audio=0) if packet.size]


@pytest.fixture
def speech(tmp_path) -> Path:
    return make(tmp_path / "a.m4a", None, Sound(LOUD, seconds=6))


@pytest.mark.parametrize(
    ("coding", "suffix"),
    [("aac", ".m4a"), ("aac", ".mka"), ("libopus", ".mka"), ("ac3", ".mp4"), ("eac3", ".mka")],
)
def test_packets_are_the_recordings_own_and_near_their_place(coding, suffix, tmp_path):
    source = make(tmp_path / f"a{suffix}", None, Sound(LOUD, seconds=6, codec=coding))
    result = rendered(source, tmp_path / "b.mp4", way="copy")
    (copy,) = result.audio.copies
    packets = stored(source)
    first, *others = stored(tmp_path / "b.mp4")
    assert others == [packets[number] for number in copy.packets]
    assert first == packets[next(copy.packets) - 1]
    assert result.report.ok
    assert result.report.drift_ms < 2
    assert inspect(tmp_path / "b.mp4").duration == pytest.approx(
        sum(one.output_duration for one in SEGMENTS), abs=0.002
    )
    length, held = Fraction(copy.table.samples, copy.table.rate), Fraction(-copy.lead, copy.table.rate)
    timeline = Timeline(SEGMENTS, (Fraction(6),))
    for first, until in copy.runs:
        begins, segment = timeline.segment_at(held + length / 2)
        planned = segment.start + held - begins
        assert abs(copy.table.time(first) - planned) <= length / 2 + Fraction(1, 1000)
        held += (until - first) * length


@pytest.mark.parametrize("begin", ["1.2", "1.2034", "1.2199"])
def test_a_single_range_is_exact_at_both_ends(begin, speech, tmp_path):
    segments = [Segment(Fraction(begin), Fraction("4.6"))]
    result = rendered(speech, tmp_path / "b.m4a", segments)
    assert result.audio.within_ms == 0
    assert result.notes == ("The sound is copied as it is.",)
    assert result.report.drift_ms < 0.1
    assert inspect(tmp_path / "b.m4a").duration == pytest.approx(4.6 - float(begin), abs=0.001)
    samples, rate = heard(tmp_path / "b.m4a")
    loud = int(np.argmax(np.abs(samples[round(1.5 * rate) :]) > 0.1)) / rate + 1.5
    assert loud == pytest.approx(3.1 - float(begin), abs=0.0005)


def test_audio_alone_is_copied_by_itself_and_encoded_where_that_is_asked_for(speech, tmp_path):
    assert rendered(speech, tmp_path / "b.m4a").audio.copies[0]
    assert not rendered(speech, tmp_path / "c.m4a", way="encode").audio.copies[0]
    assert not rendered(speech, tmp_path / "d.m4a", loudness_lufs=-20).audio.copies[0]
    assert not rendered(speech, tmp_path / "e.flac").audio.copies[0]


def test_a_picture_stays_exact_and_its_audio_is_copied_only_when_asked(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6))
    segments = [Segment(Fraction(1), Fraction(2)), Segment(Fraction(3), Fraction(6))]
    assert not rendered(source, tmp_path / "b.mp4", segments).audio.copies[0]
    result = rendered(source, tmp_path / "c.mp4", segments, way="copy")
    assert result.audio.copies[0]
    assert result.report.ok
    assert "within 10.7 ms" in result.notes[0]


def test_hundreds_of_joins_do_not_drift(speech):
    info = inspect(speech)
    table = packet_table.survey(AudioSource(speech, info, info.audio[0]), CancellationToken())
    each = [Segment(Fraction(number, 10), Fraction(number, 10) + Fraction(47, 1000)) for number in range(59)]
    timeline = Timeline(tuple(each), (Fraction(6),))
    copy = packet_copy.planned(table, timeline)
    held, length = Fraction(0), Fraction(table.samples, table.rate)
    for first, until in copy.runs:
        begins, segment = timeline.segment_at(held + length / 2)
        assert abs(table.time(first) - (segment.start + held - begins)) <= length / 2
        held += (until - first) * length
    assert abs(held - timeline.duration) < length


def test_a_join_makes_no_click(speech, tmp_path):
    """Where one range ends and the next begins, both are loud noise: the fade between is no louder."""
    segments = [Segment(Fraction("0.4"), Fraction("0.8")), Segment(Fraction("1.3"), Fraction("1.8"))]
    assert rendered(speech, tmp_path / "b.m4a", segments).audio.copies[0]
    samples, rate = heard(tmp_path / "b.m4a")
    before, around = samples[: round(0.3 * rate)], samples[round(0.36 * rate) : round(0.44 * rate)]
    assert np.abs(around).max() <= 1.5 * np.abs(before).max()
    assert np.abs(np.diff(around)).max() <= 1.5 * np.abs(np.diff(before)).max()


@pytest.mark.parametrize(
    "segments",
    [
        [Segment(Fraction(1), Fraction(3), Fraction(2))],
        [Segment(Fraction(4), Fraction(6)), Segment(Fraction(1), Fraction(2))],
    ],
    ids=["another speed", "running back"],
)
def test_what_packets_cannot_do_is_not_tried(segments, speech):
    info = inspect(speech)
    table = packet_table.survey(AudioSource(speech, info, info.audio[0]), CancellationToken())
    with pytest.raises(CannotCopy):
        packet_copy.planned(table, Timeline(tuple(segments), (Fraction(6),)))


def test_audio_with_a_hole_is_encoded_and_the_result_says_so(speech, tmp_path):
    run_ffmpeg("-i", speech, "-c", "copy", "-bsf:a", "noise=drop='between(n,100,120)'", tmp_path / "b.mka")
    result = rendered(tmp_path / "b.mka", tmp_path / "c.m4a", way="copy")
    assert not result.audio.copies[0]
    assert result.report.ok
    assert result.notes == (
        "The sound was encoded, as it could not be copied: it has a gap, or time stamps that jump, at 2.6 s.",
    )
    assert result.to_json()["audio_reasons"] == ["it has a gap, or time stamps that jump, at 2.6 s"]
    assert rendered(tmp_path / "b.mka", tmp_path / "d.m4a").notes == ()


ENDS_EARLY = [
    Sound(LOUD, seconds=5.6),
    Sound(LOUD, seconds=5.6, layout="5.1"),
    Sound(LOUD, seconds=5.6, codec="libopus"),
    Sound(LOUD, seconds=5.6, codec="ac3", layout="5.1", bit_rate=448_000),
    Sound(LOUD, seconds=5.6, codec="mp3"),
]


@pytest.mark.parametrize("sound", ENDS_EARLY, ids=lambda sound: f"{sound.codec} {sound.layout}")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_audio_that_ends_before_the_picture_is_copied_and_ends_there_in_the_result(sound, suffix, tmp_path):
    source = make(tmp_path / f"a{suffix}", Picture(seconds=6), sound)
    segments = [Segment(Fraction(1), Fraction(2)), Segment(Fraction(3), Fraction(6))]
    result = rendered(source, tmp_path / f"b{suffix}", segments, way="copy")
    (copy,) = result.audio.copies
    assert copy
    assert result.report.ok and result.report.heard
    assert result.report.drift_ms < 2
    assert len(seen(tmp_path / f"b{suffix}")) == 100
    packets, last = stored(source), list(copy.packets)[-1]
    assert last == len(packets) - 1
    assert copy.duration == pytest.approx(3.6, abs=2 * copy.table.samples / copy.table.rate)
    (ours, rate), (theirs, _) = heard(tmp_path / f"b{suffix}"), heard(source)
    assert len(ours) / rate == pytest.approx(float(copy.duration), abs=2 * copy.reach_seconds)
    assert abs(lag(ours, theirs, round(1.3 * rate), round(3.3 * rate))) / rate <= copy.reach_seconds + 0.001
    assert inspect(tmp_path / f"b{suffix}").audio[0].channels == inspect(source).audio[0].channels


def test_ranges_behind_the_end_of_the_audio_have_none(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=2.5))
    segments = [Segment(Fraction(0), Fraction(1)), Segment(Fraction(2), Fraction(3)), Segment(Fraction(4), Fraction(6))]
    result = rendered(source, tmp_path / "b.mp4", segments, way="copy")
    assert result.audio.copies[0].duration == pytest.approx(1.5, abs=0.05)
    assert result.report.ok
    assert len(seen(tmp_path / "b.mp4")) == 100


def test_each_track_says_by_itself_why_it_was_encoded(tmp_path):
    source = make(tmp_path / "a.mkv", Picture(seconds=6), Sound(LOUD, seconds=5), Sound(LOUD, codec="vorbis", seed=2))
    result = rendered(source, tmp_path / "b.mp4", [Segment(Fraction(1), Fraction(3))], way="copy")
    assert result.notes == (
        "The sound is copied as it is.",
        "The sound of track 2 was encoded, as it could not be copied: MP4 takes no packets of vorbis here.",
    )


@pytest.mark.parametrize("late_ms", [4, 10])
@pytest.mark.parametrize("continued", [False, True])
def test_audio_that_begins_less_than_half_a_packet_late_is_copied(continued, late_ms, tmp_path):
    late = Fraction(late_ms, 1000)
    # Without priming, as cut out of a stream.
    whole = make(tmp_path / "whole.mka", None, Sound(LOUD, seconds=5))
    picture = make(tmp_path / "picture.mkv", Picture(seconds=5))
    source = tmp_path / "a.mkv"
    first = stored_times(whole)[50] - late
    run_ffmpeg(
        "-i", picture, "-itsoffset", f"{-float(first):.3f}", "-i", whole, "-map", "0:v", "-map", "1:a",
        "-c", "copy", "-bsf:a", "noise=drop='lt(pts*tb,0)'", source,
    )  # fmt: skip
    info = inspect(source)
    index = index_frames(source, info)
    timeline = Timeline((Segment(Fraction(0), Fraction(3)),), (index.on_clock(info.duration),), continued=continued)
    how = RenderOptions(audio=AudioOptions("copy"))
    result = render_timeline(Source(source, info, index), timeline, tmp_path / "b.mp4", Workspace(tmp_path), how)
    (copy,) = result.audio.copies
    assert copy
    assert copy.table.first == pytest.approx(float(late) * 48_000, abs=50)
    assert "within 10.7 ms" in result.notes[0]
    assert result.report.ok and result.report.heard


def test_audio_that_begins_late_in_what_is_kept_says_so(tmp_path):
    source = make(tmp_path / "a.mkv", Picture(seconds=6), Sound(LOUD, seconds=5, start=Fraction(1)))
    result = rendered(source, tmp_path / "b.mp4", [Segment(Fraction(0), Fraction(3))], way="copy")
    assert result.report.ok
    assert result.audio.reasons == ("it begins later than what is kept",)


def test_a_spoilt_packet_is_seen_and_the_audio_encoded_instead(speech, tmp_path, monkeypatch):
    write = packet_copy.copy

    def spoilt(audio, plan, output, task):
        write(audio, plan, output, task)
        with av.open(str(output)) as container:
            packet = [one for one in container.demux(audio=0) if one.size][20]
        data = bytearray(output.read_bytes())
        data[packet.pos + packet.size // 2] ^= 255
        output.write_bytes(data)

    monkeypatch.setattr(packet_copy, "copy", spoilt)
    result = rendered(speech, tmp_path / "b.m4a")
    assert not result.audio.copies[0]
    assert result.report.ok


@pytest.mark.parametrize("codec", ["flac", "pcm_s16le", "alac"])
@pytest.mark.parametrize("with_picture", [True, False], ids=["picture", "alone"])
def test_audio_without_loss_is_cut_at_the_sample_and_kept_without(codec, with_picture, tmp_path):
    picture = Picture(seconds=6) if with_picture else None
    source = make(tmp_path / "a.mkv", picture, Sound(LOUD, seconds=6, codec=codec, bit_rate=0))
    segments = [Segment(Fraction(1), Fraction(2)), Segment(Fraction(3), Fraction(5))]
    result = rendered(source, tmp_path / "b.mp4", segments, way="copy")
    assert result.report.ok
    assert result.notes == ("The sound is kept without loss, cut exactly.",)
    assert result.to_json()["audio_lossless"] == [True]
    (ours, rate), (theirs, _) = heard(tmp_path / "b.mp4"), heard(source)
    assert len(ours) == 3 * rate
    fade = rate // 100
    assert np.array_equal(ours[fade : rate - fade], theirs[rate + fade : 2 * rate - fade])
    assert np.array_equal(ours[rate + fade : -fade], theirs[3 * rate + fade : 5 * rate - fade])


def test_audio_without_loss_becomes_what_browsers_play_when_nobody_asks_for_more(tmp_path):
    source = make(tmp_path / "a.flac", None, Sound(LOUD, seconds=6, codec="flac", bit_rate=0))
    assert rendered(source, tmp_path / "b.m4a").to_json()["audio_lossless"] == [False]
    assert inspect(tmp_path / "b.m4a").audio[0].codec == "aac"


@pytest.mark.parametrize("suffix", [".aac", ".ts"])
def test_packets_of_adts_are_copied_without_their_headers(suffix, speech, tmp_path):
    source = tmp_path / f"a{suffix}"
    run_ffmpeg("-i", speech, "-c", "copy", source)
    result = rendered(source, tmp_path / "b.m4a")
    (copy,) = result.audio.copies
    assert result.report.ok and result.report.heard
    packets = stored(source)
    assert stored(tmp_path / "b.m4a") == [packets[number][7:] for number in copy.numbers]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: b"\x00" + data[1:],
        lambda data: data[:6] + bytes([data[6] | 1]) + data[7:],
        lambda data: data[:7],
    ],
    ids=["torn", "no header", "more blocks", "empty"],
)
def test_what_is_no_single_packet_of_adts_is_none(spoil, speech, tmp_path):
    run_ffmpeg("-i", speech, "-c", "copy", tmp_path / "a.aac")
    packet = stored(tmp_path / "a.aac")[3]
    assert adts.parsed(packet).payload == packet[7:]
    assert adts.parsed(spoil(packet)) is None


def test_a_file_of_opus_is_cut_to_one_without_encoding(tmp_path):
    source = make(tmp_path / "a.ogg", None, Sound(LOUD, seconds=6, codec="libopus"))
    for segments in (SEGMENTS, SEGMENTS[1:2]):
        result = rendered(source, tmp_path / "b.opus", segments)
        (copy,) = result.audio.copies
        assert result.report.ok
        packets = stored(source)
        assert stored(tmp_path / "b.opus") == [packets[number] for number in copy.numbers]
        (ours, rate), (theirs, _) = heard(tmp_path / "b.opus"), heard(source)
        assert len(ours) / rate == pytest.approx(float(sum(one.output_duration for one in segments)), abs=0.002)
        # The first range begins at the very sample; Opus finds its state anew.
        assert abs(lag(ours, theirs, rate // 10, round((segments[0].start + Fraction(1, 10)) * rate))) <= 1
