"""MP3 joined frame by frame: what is decoded of it is the recording's own, though each frame's bits lie elsewhere."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.audio import decoder, mp3_reservoir, packet_table
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines.timeline_render import RenderOptions, TimelineResult, render_timeline
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import remux
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests.clips import Sound, make
from tests.media import run_ffmpeg, url

SECONDS = 12
LOUD = [(0.2, 2.3), (2.9, 4.1), (4.6, 7.3), (7.7, 8.2), (8.8, 11.9)]
RANGES = (("0.3", "2.5"), ("2.8", "4.0"), ("4.43", "4.9"), ("7.6", "8.4"), ("9", "11.6"))
"""Some of them part in the middle of noise, where frames leave next to nothing free."""
SEGMENTS = tuple(Segment(Fraction(begin), Fraction(end)) for begin, end in RANGES)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("sound") / "a.wav", None, Sound(LOUD, seconds=SECONDS, codec="pcm_s16le"))


def encoded(sound: Path, output: Path, *how: str) -> Path:
    run_ffmpeg("-i", url(sound), "-c:a", "libmp3lame", *how, url(output))
    return output


def rendered(source: Path, output: Path, segments=SEGMENTS) -> TimelineResult:
    info = inspect(source)
    timeline = Timeline(tuple(segments), (info.duration,))
    how = RenderOptions(audio=AudioOptions("copy"))
    return render_timeline(Source(source, info), timeline, output, Workspace(source.parent), how)


def decoded(path: Path) -> np.ndarray:
    """What each packet decodes to, whatever the file says of leaving out samples; by a decoder that does not dither."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        stored = [bytes(packet) for packet in container.demux(stream) if packet.size]
    context = av.CodecContext.create("mp3float", "r")
    frames = [frame for data in stored for frame in context.decode(av.Packet(data))]
    assert len(frames) == len(stored)
    return np.stack([frame.to_ndarray() for frame in frames])


@pytest.mark.parametrize(
    "how",
    [
        ("-b:a", "64k"),
        ("-b:a", "128k"),
        ("-b:a", "192k", "-ar", "44100"),
        ("-q:a", "2"),
        ("-b:a", "48k", "-ar", "22050"),
        ("-b:a", "96k", "-ac", "1"),
    ],
    ids=lambda how: " ".join(how).replace("-", ""),
)
def test_copied_frames_decode_to_the_recordings_own_samples(how, sound, tmp_path):
    source = encoded(sound, tmp_path / "a.mp3", *how)
    result = rendered(source, tmp_path / "b.m4a")
    (copy,) = result.audio.copies
    assert len(copy.runs) == len(RANGES)
    assert result.report.ok and result.report.heard
    assert inspect(tmp_path / "b.m4a").audio[0].codec.startswith("mp3")

    ours, theirs = decoded(tmp_path / "b.m4a")[copy.lead_in :], decoded(source)
    place, memory = 0, copy.table.memory_packets
    for first, until in copy.runs:
        # The first of a run still sound of what was before them; of the very first that was copied too.
        own = slice(place + (memory if place else 0), place + until - first)
        assert np.array_equal(ours[own], theirs[first + own.start - place : until])
        place += until - first
    assert place == len(ours)


def samples(path: Path) -> np.ndarray:
    info = inspect(path)
    with decoder.decoded(AudioSource(path, info, info.audio[0])) as pcm:
        return pcm.read(SECONDS * 48_000)


@pytest.mark.parametrize("how", [("-b:a", "128k"), ("-b:a", "48k", "-ar", "22050")], ids=["MPEG-1", "MPEG-2"])
def test_a_file_of_mp3_is_cut_to_one_without_encoding(how, sound, tmp_path):
    source = encoded(sound, tmp_path / "a.mp3", *how)
    for segments in (SEGMENTS, SEGMENTS[1:2], (Segment(Fraction(0), Fraction("2.2")),)):
        result = rendered(source, tmp_path / "b.mp3", segments)
        (copy,) = result.audio.copies
        assert result.report.ok
        ours, theirs = decoded(tmp_path / "b.mp3")[copy.lead_in :], decoded(source)
        first, until = copy.runs[0]
        assert np.array_equal(ours[: until - first], theirs[first:until])
        made = inspect(tmp_path / "b.mp3")
        seconds = float(sum(one.output_duration for one in segments))
        assert float(made.duration) == pytest.approx(seconds, abs=0.1)
        heard, original = samples(tmp_path / "b.mp3"), samples(source)
        begin, rate = round(segments[0].start * made.audio[0].sample_rate), made.audio[0].sample_rate
        assert len(heard) / rate == pytest.approx(seconds, abs=0.002)
        # Whoever plays it leaves out what goes before: the first range begins at the very sample.
        assert np.array_equal(heard[: rate // 4], original[begin : begin + rate // 4])


def test_frames_are_in_step_with_the_plan(sound, tmp_path):
    source = encoded(sound, tmp_path / "a.mp3", "-b:a", "128k")
    result = rendered(source, tmp_path / "b.m4a")
    assert result.audio.within_ms == 12.0
    assert max(abs(window.late_ms) for window in result.report.heard) < 1
    assert inspect(tmp_path / "b.m4a").duration == pytest.approx(
        sum(one.output_duration for one in SEGMENTS), abs=0.002
    )


def test_a_frame_grows_where_its_bits_have_no_room_before_it(sound, tmp_path):
    source = encoded(sound, tmp_path / "a.mp3", "-b:a", "128k")
    info = inspect(source)
    table = packet_table.survey(AudioSource(source, info, info.audio[0]), CancellationToken())
    begin, free = table.mp3.begin, table.mp3.free
    tight = [(a, b) for a in range(20, 200) for b in (a + 31,) if begin[b] > free[a] + 100]
    assert tight
    last, first = tight[0]
    length = Fraction(table.samples, table.rate)
    ranges = [(last - 15, last + 1), (first, first + 15)]
    segments = [Segment(table.time(a), table.time(a) + (b - a) * length) for a, b in ranges]
    result = rendered(source, tmp_path / "b.m4a", segments)
    assert result.audio.copies[0].runs == tuple(ranges)
    sizes = {packet.size for packet in av.open(str(tmp_path / "b.m4a")).demux(audio=0) if packet.size}
    assert len(sizes) > 1
    ours, theirs = decoded(tmp_path / "b.m4a")[2:], decoded(source)
    assert np.array_equal(ours[17:], theirs[first + 1 : first + 15])


def test_a_frame_that_has_no_room_is_encoded_instead(sound, tmp_path):
    """At the highest bit rate a frame cannot grow."""
    source = encoded(sound, tmp_path / "a.mp3", "-b:a", "320k")
    info = inspect(source)
    table = packet_table.survey(AudioSource(source, info, info.audio[0]), CancellationToken())
    begin, free = table.mp3.begin, table.mp3.free
    assert not table.mp3.room.any()
    last, first = next((a, b) for a in range(20, 400) for b in range(a + 10, 450) if begin[b] > free[a])
    length = Fraction(table.samples, table.rate)
    segments = [Segment(table.time(a), table.time(a) + 15 * length) for a in (last - 14, first)]
    result = rendered(source, tmp_path / "b.m4a", segments)
    assert not result.audio.copies[0]
    assert result.report.ok


def test_main_data_that_went_astray_is_seen(sound, tmp_path, monkeypatch):
    source = encoded(sound, tmp_path / "a.mp3", "-b:a", "128k")
    monkeypatch.setattr(mp3_reservoir.FrameJoiner, "_fill", lambda self, content: None)
    result = rendered(source, tmp_path / "b.m4a")
    assert not result.audio.copies[0]
    assert result.report.ok


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: b"\x00" + data[1:], lambda data: data[:3]])
def test_what_is_no_whole_frame_is_none(spoil, sound, tmp_path):
    source = encoded(sound, tmp_path / "a.mp3", "-b:a", "128k")
    with av.open(str(source)) as container:
        packet = next(bytes(packet) for packet in container.demux(audio=0))
    assert mp3_reservoir.parsed(packet)
    assert mp3_reservoir.parsed(spoil(packet)) is None


def test_a_file_of_mp3_that_does_not_come_out_right_is_encoded_instead(sound, tmp_path, monkeypatch):
    source = encoded(sound, tmp_path / "a.mp3", "-b:a", "128k")
    follow = remux.ffmpeg.follow

    def spoilt(argv, *others, **options):
        follow(argv, *others, **options)
        path = Path(argv[-1].removeprefix("file:"))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(data)

    monkeypatch.setattr(remux.ffmpeg, "follow", spoilt)
    result = rendered(source, tmp_path / "b.mp3")
    assert not result.audio.copies[0]
    assert result.report.ok
    assert inspect(tmp_path / "b.mp3").audio[0].codec == "mp3"
