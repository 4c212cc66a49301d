"""Recordings one after the other: what is copied, what is brought to the first one's shape, and how audio goes on."""

import dataclasses
import json
import zlib
from fractions import Fraction
from pathlib import Path

import av
import av.packet
import numpy as np
import pytest

from jobs.engine.pipelines.join import JoinOptions, JoinResult, join
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import joined_picture, remux
from jobs.engine.render.joined_parts import Part
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import clips, media
from tests.clips import Picture, Sound

RATE = 48_000
HERTZ = 997
OLD = Picture(seconds=2, codec="mpeg4", time_base=Fraction(1, 1000), options={})
CAMERA = {"preset": "ultrafast", "crf": "20", "g": "25", "bf": "2"}


@dataclasses.dataclass(frozen=True)
class Wave(Sound):
    """A sine of which this is the stretch from second `begins` on."""

    begins: Fraction = Fraction(0)

    @property
    def samples(self):
        first, count = round(self.begins * self.rate), round(self.seconds * self.rate)
        wave = sine(self.rate, first + count)[first:]
        return np.repeat(wave[None], av.AudioLayout(self.layout).nb_channels, axis=0)


def sine(rate: int, count: int) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * HERTZ * np.arange(count) / rate)).astype(np.float32)


def joined(tmp_path: Path, *paths: Path, name: str = "joined.mp4", **options) -> tuple[Path, JoinResult]:
    output = tmp_path / name
    parts = [Part(Source(path, inspect(path)), path.name) for path in paths]
    result = join(parts, output, Workspace(tmp_path), JoinOptions(**options))
    assert result.report.ok
    json.dumps(result.to_json())
    return output, result


def packets(path: Path, kind: str) -> list[int]:
    with av.open(str(path)) as container:
        return [zlib.crc32(bytes(one)) for one in container.demux(**{kind: 0}) if one.size]


def chapters_of_a_camera(tmp_path: Path, sound: Sound | None = None) -> tuple[Path, list[Path]]:
    """One recording, and the three files that a camera would have made of it: each from a keyframe on, with the packets
    of audio that begin before the next one does, all counted from zero."""
    whole = clips.make(
        tmp_path / "whole.mp4", Picture(seconds=6, options=CAMERA), sound or Sound([(0, 6)], 6, floor_db=-10)
    )
    paths = [tmp_path / f"GX01{number}.mp4" for number in range(3)]
    for number, path in enumerate(paths):
        with av.open(str(whole)) as container, av.open(str(path), "w") as made:
            copied = {stream.index: made.add_stream_from_template(stream) for stream in container.streams}
            firsts: dict[int, int] = {}
            for packet in container.demux():
                is_sound, second = packet.stream.type == "audio", 1 / packet.time_base
                # By the time of decoding, as it comes out of the camera's encoder; its audio was never primed.
                at = packet.pts if is_sound else (packet.dts or 0) + 7200
                if not packet.size or not 2 * number * second <= at < (2 * number + 2) * second:
                    continue
                first = firsts.setdefault(packet.stream_index, packet.pts)
                packet.pts, packet.dts = packet.pts - first, packet.dts - first
                packet.stream = copied[packet.stream_index]
                made.mux(packet)
    return whole, paths


# Copies ---------------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_camera_become_the_one_recording_that_they_were(tmp_path):
    whole, parts = chapters_of_a_camera(tmp_path)
    output, result = joined(tmp_path, *parts)
    assert result.frames_copied == 150 and result.reason == "100 % of the picture is untouched."
    assert packets(output, "video") == packets(whole, "video")
    assert clips.seen(output) == clips.seen(whole)
    assert result.audio_copied == (True,)
    assert result.proven.tracks[0].continuous == {1, 2}
    # The whole one has a packet of priming, which no camera writes.
    assert packets(output, "audio") == packets(whole, "audio")[1:]
    ours, theirs = (clips.heard(path)[0] for path in (output, whole))
    count = min(len(ours), len(theirs)) - 1024
    assert count >= 6 * RATE - 2048 and np.array_equal(ours[1024:count], theirs[1024:count])


def test_audio_of_a_cameras_parts_that_has_to_be_encoded_still_goes_on_to_the_sample(tmp_path):
    _, parts = chapters_of_a_camera(tmp_path, sound=Wave(seconds=6))
    output, result = joined(tmp_path, *parts, audio="encode")
    assert result.audio_copied == (False,) and result.proven.tracks[0].continuous == {1, 2}
    heard, rate = clips.heard(output)
    assert_is_sine(heard[: 6 * rate - 2048], rate)


def takes(tmp_path: Path) -> list[Path]:
    """Two parts of one recording and one of another, whose audio has no priming and ends with the picture too."""
    parts = []
    for name, sound in {"one": Wave(seconds=6), "other": Sound([], 6, floor_db=-45)}.items():
        (tmp_path / name).mkdir()
        parts += chapters_of_a_camera(tmp_path / name, sound=sound)[1][:2]
    return parts[:3]


@pytest.mark.parametrize("way", ["auto", "encode"])
def test_takes_that_only_follow_each_other_are_not_told_to_go_on(tmp_path, way):
    _, result = joined(tmp_path, *takes(tmp_path), audio=way)
    assert result.audio_copied == (way == "auto",)
    assert [part["audio_continuous"] for part in result.to_json()["parts"]] == [False, True, False]


def test_takes_that_have_nothing_to_do_with_each_other_are_faded_when_they_are_encoded(tmp_path):
    _, wave, noise = takes(tmp_path)
    output, result = joined(tmp_path, wave, noise, audio="encode")
    (track,) = result.proven.tracks
    assert track.continuous == frozenset() and track.begins[1] == result.joined.starts[1]
    heard, rate = clips.heard(output)
    at = round(result.joined.starts[1] * rate)
    # No sample of the wave is left behind the join, into which one decoder would have faded it.
    assert np.abs(heard[at + 64 : at + 1024]).max() < 0.1 < np.abs(heard[at - 1500 : at - 300]).max()


def test_takes_between_which_time_passed_do_not_go_on_whatever_is_heard(tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    _, parts = chapters_of_a_camera(folder)
    dates = [f"2026-05-01T10:00:{second}Z" for second in ("00", "02", "50")]
    paths = [
        media.remuxed(path, tmp_path / path.name, "-metadata", f"creation_time={date}")
        for path, date in zip(parts, dates, strict=True)
    ]
    _, result = joined(tmp_path, *paths)
    assert [gap.after for gap in result.gaps] == [1]
    assert result.proven.tracks[0].continuous == {1}


def test_pictures_at_uneven_times_keep_them(tmp_path):
    times = [Fraction(number * number, 100) for number in range(12)]
    slow = clips.make(tmp_path / "a.mp4", Picture(times=times, options=CAMERA))
    even = clips.make(tmp_path / "b.mp4", Picture(seconds=2, options=CAMERA))
    output, result = joined(tmp_path, slow, even, slow)
    seen, length = clips.seen(output), result.joined.starts[1]
    assert result.frames_copied == len(seen) == 12 + 50 + 12
    assert [one.time for one in seen[:12]] == [one.time for one in clips.seen(slow)]
    assert [one.time - length for one in seen[12:62]] == [one.time for one in clips.seen(even)]


def test_parts_in_containers_with_other_clocks_keep_every_time(tmp_path):
    """Milliseconds in Matroska, ticks of 90 kHz in a transport stream, and the last part ends with its audio."""
    clip = clips.make(
        tmp_path / "clip.mp4", Picture(seconds=2, options=CAMERA), Sound([(0.5, 1.5)], 2.0137, layout="mono")
    )
    first = media.remuxed(clip, tmp_path / "a.mov", "-video_track_timescale", "12800")
    second, third = (media.remuxed(clip, tmp_path / name) for name in ("b.ts", "c.mkv"))
    output, result = joined(tmp_path, first, second, third, first)
    assert result.frames_copied == 200
    times = [one.time for one in clips.seen(output)]
    for begins in (0, 50, 100, 150):
        assert [time - times[begins] for time in times[begins : begins + 50]] == [
            Fraction(number, 25) for number in range(50)
        ]


def test_a_copy_that_does_not_come_out_right_is_encoded_instead(tmp_path, monkeypatch):
    clip = clips.make(tmp_path / "a.mp4", Picture(seconds=2, options=CAMERA))

    def torn(_: object, packet: av.packet.Packet) -> av.packet.Packet:
        found = av.packet.Packet(bytes(packet)[:-40])
        found.is_keyframe = packet.is_keyframe
        return found

    monkeypatch.setattr(joined_picture.Copying, "stored", torn)
    output, result = joined(tmp_path, clip, clip)
    assert result.frames_copied == 0
    assert result.reason == "The whole picture is encoded, because copying parts of it failed."
    assert [one.number for one in clips.seen(output)] == [*range(50), *range(50)]


def test_a_join_that_is_unsound_only_in_another_container_is_encoded_too(tmp_path, monkeypatch):
    clip = clips.make(tmp_path / "a.mp4", Picture(seconds=1, options=CAMERA))
    compare, tries = remux.require_same, []

    def spoilt_once(made, moved, container, token):
        tries.append(moved)
        if len(tries) == 1:
            moved.write_bytes(clip.read_bytes())
            container = dataclasses.replace(container, demuxer="mov")
        compare(made, moved, container, token)

    monkeypatch.setattr(remux, "require_same", spoilt_once)
    output, result = joined(tmp_path, clip, clip, name="joined.mkv")
    assert len(tries) == 2 and result.frames_copied == 0
    assert [one.number for one in clips.seen(output)] == [*range(25), *range(25)]


@pytest.mark.parametrize("picture", [None, Picture(seconds=2, options=CAMERA)], ids=["alone", "with a picture"])
def test_audio_that_is_copied_ends_with_its_last_sample(tmp_path, picture):
    """Of 44 100 Hz no millisecond but each tenth is a whole number of samples."""
    seconds = Fraction(80_003, 44_100)
    burst = Sound([(0.2, 1.7)], float(seconds), rate=44_100, layout="mono", bit_rate=96_000)
    suffix = "m4a" if picture is None else "mp4"
    clip = clips.make(tmp_path / f"a.{suffix}", picture, burst)
    output, result = joined(tmp_path, clip, clip, name=f"joined.{suffix}")
    assert result.audio_copied == (True,)
    (track,) = result.proven.tracks
    heard = tmp_path / "heard.f32"
    media.run_ffmpeg("-i", media.url(output), "-map", "0:a", "-f", "f32le", media.url(heard))
    assert heard.stat().st_size // 4 == track.end * 44_100


# Another shape --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        Picture(seconds=2, size=(96, 160), options=CAMERA),
        dataclasses.replace(OLD, size=(320, 96)),
        Picture(seconds=2, size=(160, 96), rotation=90, options=CAMERA),
        Picture(seconds=2, pixel_format="yuv444p", options=CAMERA),
        Picture(seconds=2, size=(80, 96), sample_aspect=Fraction(2), options=CAMERA),
    ],
    ids=["higher", "another codec", "turned", "other pixels", "wide pixels"],
)
def test_another_shape_is_fitted_into_the_first_ones_which_is_copied(tmp_path, other):
    first = clips.make(tmp_path / "a.mp4", Picture(seconds=2, options=CAMERA))
    second = clips.make(tmp_path / "b.mp4", other)
    output, result = joined(tmp_path, first, second)
    made = inspect(output).require_video()
    assert (made.width, made.height, made.codec, made.rotation) == (160, 96, "h264", 0)
    assert result.frames_copied == 50
    assert packets(output, "video")[:50] == packets(first, "video")
    shown = frames(output)
    assert [clips.number_of(frame) for frame in shown[:50]] == list(range(50))
    assert [number_inside(frame, other) for frame in shown[50:]] == list(range(50))
    assert [one.time for one in clips.seen(output)] == [Fraction(number, 25) for number in range(100)]


def frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def number_inside(frame: av.VideoFrame, other: Picture) -> int:
    """The number of a picture of another shape, cut out of the bars around it."""
    width, height = other.size[0] * other.sample_aspect, other.size[1]
    gray = frame.to_ndarray(format="gray")
    if other.rotation == 90:
        width, height = height, width
    scale = min(Fraction(160) / width, Fraction(96) / height)
    wide, high = int(width * scale), int(height * scale)
    left, top = (160 - wide) // 2, (96 - high) // 2
    assert gray[:, : max(0, left - 4)].size == 0 or gray[:, : left - 4].max() < 40
    inside = gray[top : top + high, left : left + wide]
    inside = np.rot90(inside) if other.rotation == 90 else inside
    return clips.number_of(av.VideoFrame.from_ndarray(np.ascontiguousarray(inside), format="gray"))


def test_another_frame_rate_becomes_the_first_ones(tmp_path):
    first = clips.make(tmp_path / "a.mp4", Picture(seconds=2, options=CAMERA))
    fast = clips.make(tmp_path / "b.mp4", dataclasses.replace(OLD, rate=Fraction(50)))
    slow = clips.make(tmp_path / "c.mp4", dataclasses.replace(OLD, rate=Fraction(10)))
    output, _ = joined(tmp_path, first, fast, slow)
    seen = clips.seen(output)
    assert [one.time for one in seen] == [Fraction(number, 25) for number in range(150)]
    assert [one.number for one in seen[50:100]] == list(range(0, 100, 2))
    assert [one.number for one in seen[100:]] == [number * 10 // 25 for number in range(50)]


def test_a_first_recording_that_cannot_be_copied_is_encoded_and_so_are_the_others(tmp_path):
    first = clips.make(tmp_path / "a.avi", OLD)
    second = clips.make(tmp_path / "b.mp4", Picture(seconds=2, options=CAMERA))
    output, result = joined(tmp_path, first, second)
    assert result.render == "encode" and result.reason.startswith("The whole picture is encoded, because ")
    assert [one.number for one in clips.seen(output)] == [*range(50), *range(50)]


def test_sound_alone_among_pictures_is_black_and_pictures_without_sound_are_silent(tmp_path):
    tone = media.audio(tmp_path / "tone.mp3", seconds=2)
    mute = clips.make(tmp_path / "mute.mp4", Picture(seconds=2, options=CAMERA))
    output, result = joined(tmp_path, tone, mute)
    gray = [frame.to_ndarray(format="gray") for frame in frames(output)]
    assert all(picture.max() < 24 for picture in gray[:49])
    heard, rate = clips.heard(output)
    middle = heard[rate // 2 : rate]
    assert np.abs(middle).max() > 0.05 and np.abs(heard[int(2.2 * rate) :]).max() < 1e-4
    assert any("Silent" in note and "mute.mp4" in note for note in result.notes)
    assert any("Black" in note and "tone.mp3" in note for note in result.notes)


# Audio ----------------------------------------------------------------------------------------------------------------


def assert_is_sine(heard: np.ndarray, rate: int) -> None:
    """The sine of `Wave` from its beginning on, without a click, a gap or a fade."""
    wanted = sine(rate, len(heard))
    # The very beginning is an attack, which lossy encoders smear.
    worst = int(np.abs(heard - wanted)[2048:].argmax()) + 2048
    assert abs(heard[worst] - wanted[worst]) < 0.03, (
        f"off by {heard[worst] - wanted[worst]:.3f} at {worst / rate:.4f} s"
    )


@pytest.mark.parametrize(
    ("codec", "suffix"), [("pcm_s16le", ".wav"), ("aac", ".m4a"), ("flac", ".flac"), ("libmp3lame", ".mp3")]
)
def test_a_wave_cut_into_parts_goes_on_through_them(tmp_path, codec, suffix):
    """Parts of odd lengths, whose last packets are filled up and whose first ones hold the encoder's priming."""
    lengths = [Fraction(number, RATE) for number in (48_117, 31_321, 77_777, 40_003)]
    begins, paths = Fraction(0), []
    for number, length in enumerate(lengths):
        wave = Wave(seconds=length, codec=codec, layout="mono", begins=begins)
        paths.append(clips.make(tmp_path / f"{number}{suffix}", None, wave))
        begins += length
    output, result = joined(tmp_path, *paths, name="joined.wav")
    heard, rate = clips.heard(output)
    assert abs(len(heard) - begins * RATE) <= (0 if suffix != ".mp3" else 4 * 1152)
    if suffix != ".mp3":
        assert_is_sine(heard, rate)
        assert result.proven.tracks[0].continuous == {1, 2, 3}


def test_nothing_clicks_where_two_waves_have_nothing_to_do_with_each_other(tmp_path):
    first = clips.make(tmp_path / "a.wav", None, Wave(seconds=1 + 0.25 / HERTZ, codec="pcm_s16le", layout="mono"))
    second = clips.make(tmp_path / "b.wav", None, Wave(seconds=1, codec="pcm_s16le", layout="mono"))
    output, result = joined(tmp_path, first, second, name="joined.wav")
    heard, _ = clips.heard(output)
    assert result.proven.tracks[0].continuous == frozenset()
    # No step is larger than the wave's own largest one.
    assert np.abs(np.diff(heard)).max() <= 0.4 * 2 * np.pi * HERTZ / RATE * 1.02


def test_parts_of_a_single_frame_push_nothing_back(tmp_path):
    """Their audio goes on behind the frame, and is longer than what is read of a part at first."""
    long = clips.make(
        tmp_path / "long.mov",
        Picture(seconds=1, options=CAMERA),
        Sound([(0.2, 0.8)], 1, codec="pcm_s16le", layout="mono"),
    )
    brief = clips.make(
        tmp_path / "brief.mov",
        Picture(seconds=Fraction(1, 25), options=CAMERA),
        Sound([(0, 0.12)], 0.12, codec="pcm_s16le", layout="mono", seed=2),
    )
    output, result = joined(tmp_path, long, *[brief] * 12, long)
    assert result.joined.starts[-1] == 1 + Fraction(12, 25)
    heard, rate = clips.heard(output)
    own, _ = clips.heard(long)
    at = round(result.joined.starts[-1] * rate) + rate // 4
    assert abs(clips.lag(heard, own, at, rate // 4)) <= 1


@pytest.mark.parametrize(("way", "samples"), [("auto", 512), ("encode", 1)])
def test_sound_keeps_to_its_picture_over_many_parts(tmp_path, way, samples):
    """Each part's AAC is primed, filled up and ends off the frames: nothing of that may add up."""
    seconds = 1 + 1 / 25
    clip = clips.make(
        tmp_path / "a.mp4",
        Picture(seconds=seconds, options=CAMERA),
        Sound([(0.2, 0.5)], seconds + 0.01, layout="mono", bit_rate=96_000),
    )
    output, result = joined(tmp_path, *[clip] * 12, audio=way)
    assert result.audio_copied == (way == "auto",)
    heard, rate = clips.heard(output)
    own, _ = clips.heard(clip)
    assert len(clips.seen(output)) == 12 * 26
    for number in range(12):
        at = round(number * seconds * rate) + int(0.25 * rate)
        assert abs(clips.lag(heard, own, at, int(0.25 * rate))) <= samples
    assert result.report.drift_ms is not None and result.report.drift_ms < 0.1


def test_after_audio_that_ends_early_there_is_silence_and_the_next_part_in_its_place(tmp_path):
    short = clips.make(
        tmp_path / "a.mp4",
        Picture(seconds=2, options=CAMERA),
        Sound([(0.5, 1.3)], 1.4, layout="mono", bit_rate=96_000, floor_db=-40),
    )
    output, result = joined(tmp_path, short, short)
    assert result.audio_copied == (True,) and result.audio_within_ms <= 10.7
    heard, rate = clips.heard(output)
    own, _ = clips.heard(short)
    assert 0 <= len(heard) - 4 * rate < 1024
    assert np.abs(heard[int(1.5 * rate) : int(1.95 * rate)]).max() < 1e-4
    assert abs(clips.lag(heard, own, int(2.7 * rate), int(0.7 * rate))) <= 512
    assert clips.lag(heard, own, int(0.7 * rate), int(0.7 * rate)) == 0


def test_another_rate_and_more_channels_become_the_first_ones(tmp_path):
    first = clips.make(tmp_path / "a.mp4", None, Wave(seconds=1, layout="mono"))
    second = clips.make(tmp_path / "b.mp4", None, Wave(seconds=1, rate=44_100, layout="5.1", codec="ac3"))
    output, _ = joined(tmp_path, first, second, name="joined.m4a")
    (track,) = inspect(output).audio
    assert (track.sample_rate, track.channels) == (RATE, 1)
    heard, _ = clips.heard(output)
    assert np.abs(heard[int(1.3 * RATE) : int(1.7 * RATE)]).max() > 0.2


# What is told, and what else recordings hold --------------------------------------------------------------------------


def test_each_recording_is_a_chapter_beside_those_it_came_with_and_captions_move(tmp_path):
    text = tmp_path / "text.srt"
    text.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n", encoding="utf-8")
    notes = tmp_path / "notes.txt"
    notes.write_text(
        ";FFMETADATA1\n"
        + "".join(
            f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={at}\nEND={at + 1000}\ntitle={title}\n"
            for at, title in ((0, ""), (1000, "Own"))
        ),
        encoding="utf-8",
    )
    plain = clips.make(tmp_path / "plain.mp4", Picture(seconds=2, options=CAMERA))
    rich = tmp_path / "rich.mp4"
    media.run_ffmpeg(
        *("-i", media.url(plain), "-i", media.url(text), "-i", media.url(notes), "-map", "0", "-map", "1"),
        *("-map_chapters", "2", "-c", "copy", "-c:s", "mov_text", "-metadata:s:s:0", "language=eng", media.url(rich)),
    )
    output, result = joined(tmp_path, rich, plain, rich)
    assert result.frames_copied == 150
    with av.open(str(output)) as container:
        told = [(float(one["start"] * one["time_base"]), one["metadata"].get("title")) for one in container.chapters()]
        spoken = [float(packet.pts * packet.time_base) for packet in container.demux(subtitles=0) if packet.size > 2]
    assert told == [(0, "rich.mp4"), (1, "Own"), (2, "plain.mp4"), (4, "rich.mp4"), (5, "Own")]
    assert spoken == [0.5, 4.5]


def dated(path: Path, time: str, *sounds: Sound) -> Path:
    return clips.make(path, Picture(seconds=4, options=CAMERA), *sounds, metadata={"creation_time": time})


def test_a_gap_between_two_recordings_is_told_from_their_dates(tmp_path):
    first = dated(tmp_path / "a.mp4", "2026-05-01T10:00:00Z")
    second = dated(tmp_path / "b.mp4", "2026-05-01T10:00:04Z")
    third = dated(tmp_path / "c.mp4", "2026-05-01T10:00:38Z")
    _, result = joined(tmp_path, first, second, third)
    assert [(gap.after, gap.seconds, gap.by) for gap in result.gaps] == [(1, 30, "dates")]
    assert result.summary == "3 recordings joined, with a gap between two"
    assert result.notes[0].startswith("30 s are missing between recordings 2 and 3")


def test_a_gap_is_told_from_timecode_to_the_frame(tmp_path):
    clip = clips.make(tmp_path / "a.mp4", Picture(seconds=2, options=CAMERA))
    labels = ("01:00:00:00", "01:00:02:00", "01:00:04:13")
    paths = [media.remuxed(clip, tmp_path / f"{at[-2:]}{at[6:8]}.mov", "-timecode", at) for at in labels]
    _, result = joined(tmp_path, *paths)
    assert [(gap.after, gap.seconds, gap.by) for gap in result.gaps] == [(1, 0.52, "timecode")]


def test_an_overlap_is_told_from_what_is_heard_in_both(tmp_path):
    noise = Sound([(0, 8)], 8, floor_db=-20, codec="pcm_s16le", layout="mono").samples[0]
    paths = []
    for number, begin in enumerate((0, 4 - 1.25)):
        path = tmp_path / f"{number}.wav"
        piece = noise[int(begin * RATE) : int((begin + 4) * RATE)]
        media.run_ffmpeg("-f", "f32le", "-ar", str(RATE), "-i", raw(tmp_path, piece), media.url(path))
        paths.append(path)
    _, result = joined(tmp_path, *paths, name="joined.wav")
    (gap,) = result.gaps
    assert gap.by == "sound" and abs(gap.seconds + 1.25) < 0.001
    assert "come again" in result.notes[0]


def raw(folder: Path, samples: np.ndarray) -> str:
    path = folder / f"{zlib.crc32(samples.tobytes())}.f32"
    samples.tofile(path)
    return media.url(path)


def test_a_part_that_cannot_be_read_is_named(tmp_path):
    good = clips.make(tmp_path / "good.mp4", Picture(seconds=2, options=CAMERA))
    bad = tmp_path / "bad.mp4"
    facts = inspect(good)
    bad.write_bytes(b"\0" * 4096)
    parts = [Part(Source(good, facts), "good.mp4"), Part(Source(bad, facts), "bad.mp4")]
    with pytest.raises(InputError, match=r"^bad\.mp4: .*\.$"):
        join(parts, tmp_path / "joined.mp4", Workspace(tmp_path))
    assert not (tmp_path / "joined.mp4").exists()


def test_one_recording_alone_is_no_join(tmp_path):
    clip = clips.make(tmp_path / "a.mp4", Picture(seconds=2, options=CAMERA))
    with pytest.raises(InputError, match="between 2 and 50"):
        joined(tmp_path, clip)
