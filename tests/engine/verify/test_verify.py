"""What the check of a result catches, on results spoilt in one way each, and that it lets right ones pass."""

import dataclasses
import functools
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.audio import aac_encoder
from jobs.engine.edit.cut_plan import CutParams, CutPlan
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import ComparedWindow, Fault, Report, UndecodedFrames
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import render
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.smartcut import strategy
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.verify.av_sync import milliseconds, windows
from jobs.engine.verify.decode_check import Stamps
from jobs.engine.verify.frame_check import time_faults
from jobs.engine.verify.packet_checksums import Sums
from jobs.engine.verify.verify import verify
from jobs.engine.video import frame_index, frame_schedule
from jobs.engine.video.frame_index import FrameIndex
from jobs.errors import Cancelled
from tests.clips import Picture, Sound, heard, make
from tests.judge import output_starts

LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5), (4.4, 5.6)]
KEEP = ((0.4, 1.2), (1.92, 2.4), (3.0, 3.6), (4.4, 5.6))
NTSC = Fraction(30_000, 1001)
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(180)]


@dataclasses.dataclass(frozen=True)
class Cut:
    """A recording, its plan and a right result."""

    source: Path
    output: Path
    info: MediaInfo
    plan: CutPlan
    index: FrameIndex | None
    splice: Splice | None = None
    sounds: tuple[Sums, ...] | None = None

    def check(self, output: Path | None = None, **more) -> Report:
        """Of the result, or of an altered one; then by what is heard alone, unless the packets of sound are told."""
        told = {"splice": self.splice, "sounds": None if output else self.sounds, **more}
        return verify(self.source, self.info, output or self.output, self.plan.timeline, self.index, **told)


def cut_of(folder: Path, name: str, pictures: Picture | None, *sounds: Sound, keep=KEEP, way="encode") -> Cut:
    source = make(folder / name, pictures, *sounds)
    info = inspect(source)
    params = CutParams(keep=keep)
    plan = cutting.plan_only(source, info, params)
    index = frame_index.index_frames(source, info) if info.video else None
    output = folder / "cut.mp4"
    found = strategy.Strategy("")
    if index:
        order = functools.partial(strategy.survey_seekable, source, info, index) if way == "smart" else None
        found = strategy.choose(info, index, frame_schedule.schedule(index, plan.timeline.segments), order)
        assert found.render == way
    log = CommandLog()
    made = render.render(
        source, info, plan.timeline, index, output, scratch=folder, progress=lambda *_: None, log=log, strategy=found
    )
    return Cut(source, output, info, plan, index, found.splice, made.sounds)


@pytest.fixture(scope="module")
def right(tmp_path_factory) -> Cut:
    return cut_of(tmp_path_factory.mktemp("right"), "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6))


@pytest.fixture(scope="module", params=["smart", "encode"])
def either(request, tmp_path_factory) -> Cut:
    """The same cut, with copied pictures and with none."""
    folder = tmp_path_factory.mktemp(request.param)
    return cut_of(folder, "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6), way=request.param)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory) -> Cut:
    return cut_of(tmp_path_factory.mktemp("uneven"), "a.mp4", Picture(times=UNEVEN), Sound(LOUD, seconds=6))


def codes(report: Report) -> set[str]:
    return {fault.code for fault in report.faults}


def remuxed(output: Path, altered: Path, *, pictures=lambda packets: packets, sounds=lambda packets: packets) -> Path:
    """The packets of `output` in another file; `pictures` and `sounds` turn what is there into what is written."""
    with av.open(str(output)) as before, av.open(str(altered), "w", format="mp4") as after:
        streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        packets = [packet for packet in before.demux() if packet.size]
        of = {kind: [packet for packet in packets if packet.stream.type == kind] for kind in ("video", "audio")}
        for packet in sorted(
            [*pictures(of["video"]), *sounds(of["audio"])], key=lambda packet: packet.dts * packet.time_base
        ):
            packet.stream = streams[packet.stream.index]
            after.mux(packet)
    return altered


def moved(packets: list, by: Fraction) -> list:
    for packet in packets:
        packet.pts += round(by / packet.time_base)
        packet.dts += round(by / packet.time_base)
    return packets


def copy_of(packet):
    copied = av.Packet(bytes(packet))
    copied.stream, copied.time_base = packet.stream, packet.time_base
    copied.pts, copied.dts, copied.duration = packet.pts, packet.dts, packet.duration
    return copied


def with_sound(cut: Cut, altered: Path, alter: Callable[[np.ndarray, int], np.ndarray]) -> Path:
    """The result with its sound decoded, altered (samples of one channel, rate) and encoded again."""
    samples, rate = heard(cut.output)
    samples = alter(samples[: round(cut.plan.output_duration * rate)], rate).astype("<f4")
    sound = altered.with_suffix(".sound.mp4")
    with aac_encoder.encoder(sound, rate, 1) as encoder:
        encoder.write(samples[:, None])
    with av.open(str(cut.output)) as picture, av.open(str(sound)) as before, av.open(str(altered), "w") as after:
        streams = [after.add_stream_from_template(one.streams[0]) for one in (picture, before)]
        for container, stream in zip((picture, before), streams, strict=True):
            for packet in container.demux(container.streams[0]):
                if packet.size:
                    packet.stream = stream
                    after.mux(packet)
    return altered


# Right results


def test_a_right_result_passes_and_the_report_says_what_was_checked(right):
    report = right.check()

    assert report.ok
    assert report.summary == f"checked: {len(report_frames(right))} frames, 3 joins, drift 0 ms"
    assert report.frames_decoded >= 6 * 3
    assert report.windows_skipped == 0
    assert {one.track for one in report.heard} == {0}
    assert max(abs(one.late_ms) for one in report.heard) < 0.05
    ats = [one.at for one in report.heard]
    assert ats[0] < 0.2
    assert ats[-1] + 0.8 > right.plan.output_duration


def report_frames(cut: Cut) -> list[int]:
    assert cut.index is not None
    return frame_schedule.schedule(cut.index, cut.plan.timeline.segments).source_pts.tolist()


SIX = {"seconds": 6}
RECORDINGS = {
    "29.97 a second": ("a.mp4", Picture(NTSC, **SIX), [Sound(LOUD, **SIX)]),
    "60 a second": ("a.mp4", Picture(Fraction(60), **SIX), [Sound(LOUD, **SIX)]),
    "variable rate": ("a.mp4", Picture(times=UNEVEN), [Sound(LOUD, **SIX)]),
    "a clock of milliseconds": ("a.mkv", Picture(NTSC, **SIX), [Sound(LOUD, **SIX)]),
    "start at five seconds": (
        "a.mkv",
        Picture(start=Fraction(5), **SIX),
        [Sound([(begin + 5, end + 5) for begin, end in LOUD], start=Fraction(5), **SIX)],
    ),
    "transport stream": (
        "a.ts",
        Picture(start=Fraction(7), **SIX),
        [Sound([(begin + 7, end + 7) for begin, end in LOUD], start=Fraction(7), codec="mp2", **SIX)],
    ),
    "sound late": ("a.mp4", Picture(**SIX), [Sound(LOUD, start=Fraction(7, 10), seconds=5.3)]),
    "sound over early": ("a.mp4", Picture(**SIX), [Sound(LOUD[:2], seconds=2.2)]),
    "picture late": ("a.mp4", Picture(start=Fraction(7, 10), seconds=5.3), [Sound(LOUD, **SIX)]),
    "mono": ("a.mp4", Picture(**SIX), [Sound(LOUD, layout="mono", **SIX)]),
    "surround": ("a.mp4", Picture(**SIX), [Sound(LOUD, layout="5.1", bit_rate=500_000, **SIX)]),
    "a rate AAC has not": ("a.mkv", Picture(**SIX), [Sound(LOUD, rate=37_800, codec="pcm_s16le", bit_rate=0, **SIX)]),
    "low rate": ("a.mov", Picture(**SIX), [Sound(LOUD, rate=8_000, codec="pcm_s16le", bit_rate=0, **SIX)]),
    "mp3 in avi": (
        "a.avi",
        Picture(codec="mpeg4", time_base=Fraction(1, 25), options={"g": "12", "bf": "0"}, **SIX),
        [Sound(LOUD, codec="libmp3lame", **SIX)],
    ),
    "two tracks": ("a.mp4", Picture(**SIX), [Sound(LOUD, seed=1, **SIX), Sound(LOUD, seed=2, layout="mono", **SIX)]),
    "mp3 alone": ("a.mp3", None, [Sound(LOUD, codec="libmp3lame", **SIX)]),
    "opus alone": ("a.ogg", None, [Sound(LOUD, codec="libopus", bit_rate=128_000, **SIX)]),
    "flac alone": ("a.flac", None, [Sound(LOUD, rate=44_100, codec="flac", bit_rate=0, **SIX)]),
    "pcm alone": ("a.wav", None, [Sound(LOUD, rate=22_050, codec="pcm_s16le", bit_rate=0, **SIX)]),
    "raw aac alone": ("a.aac", None, [Sound(LOUD, **SIX)]),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_right_results_of_all_kinds_pass(name, tmp_path):
    filename, pictures, sounds = RECORDINGS[name]
    cut = cut_of(tmp_path, filename, pictures, *sounds)

    report = cut.check()

    assert report.faults == ()
    assert report.joins == 3
    assert {one.track for one in report.heard} == set(range(len(sounds)))
    # Containers that count in milliseconds place the source's own sound no better.
    assert report.drift_ms is not None
    assert report.drift_ms < 1


def test_a_result_without_sound_passes_and_its_report_names_no_drift(tmp_path):
    report = cut_of(tmp_path, "a.mp4", Picture(seconds=6)).check()
    assert report.ok
    assert report.drift_ms is None
    assert "drift" not in report.summary


@pytest.mark.parametrize("floor_db", [-90, -np.inf])
def test_windows_without_enough_sound_are_left_out_and_counted(tmp_path, floor_db):
    cut = cut_of(tmp_path, "a.mp4", Picture(seconds=6), Sound([(0.5, 1.0)], seconds=6, floor_db=floor_db))
    report = cut.check()
    assert report.ok
    assert report.windows_skipped >= 3
    assert report.heard
    assert report.drift_ms == 0


def test_the_trace_of_sound_that_ended_shortly_before_a_range_accuses_nobody(tmp_path):
    """The encoder leaves some of it behind the join; the source has it too, where the sound ends."""
    pictures, sound = Picture(seconds=12, size=(64, 64)), Sound([(0, 7)], seconds=7)
    cut = cut_of(tmp_path, "a.mp4", pictures, sound, keep=((0, 0.9), (1.33, 5.6), (6.05, 6.5), (7.21, 12)))
    report = cut.check()
    assert report.faults == ()
    assert report.drift_ms < 1
    assert len(report.heard) >= 5


# Low ones lie outside of the band, and where a window ends there are all frequencies: both ends are alike.
@pytest.mark.parametrize("frequency", [50, 60, 100, 500])
def test_a_tone_that_fits_everywhere_proves_nothing_and_accuses_nobody(tmp_path, monkeypatch, frequency):
    def tone(self):
        time = np.arange(round(self.seconds * self.rate)) / self.rate
        return (0.5 * np.sin(2 * np.pi * frequency * time))[None].repeat(2, 0).astype(np.float32)

    monkeypatch.setattr(Sound, "samples", property(tone))
    report = cut_of(tmp_path, "a.mp4", Picture(seconds=6), Sound(seconds=6)).check()
    assert report.ok
    assert report.heard == ()
    assert report.windows_skipped > 3


def test_sound_in_loud_hum_is_found(tmp_path, monkeypatch):
    quiet = Sound.samples.fget

    def humming(self):
        time = np.arange(round(self.seconds * self.rate)) / self.rate
        return quiet(self) / 2 + (0.5 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)

    monkeypatch.setattr(Sound, "samples", property(humming))
    report = cut_of(tmp_path, "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6)).check()
    assert report.ok
    assert report.windows_skipped == 0
    assert report.drift_ms < 0.5


# Pictures at fault


def test_a_dropped_frame_is_caught(either, tmp_path):
    def drop(packets):
        return [packet for place, packet in enumerate(packets) if place != 20]

    report = either.check(remuxed(either.output, tmp_path / "b.mp4", pictures=drop))
    assert "frame_count" in codes(report)
    fault = next(fault for fault in report.faults if fault.code == "frame_count")
    assert fault.at == pytest.approx(20 / 25, abs=3 / 25)
    assert fault.message.endswith(f"they differ from {fault.at:.3f} s on.")


def test_a_repeated_frame_is_caught(either, tmp_path):
    def repeat(packets):
        again = copy_of(packets[20])
        moved([again, *packets[21:]], Fraction(1, 25))
        return [*packets[:21], again, *packets[21:]]

    report = either.check(remuxed(either.output, tmp_path / "b.mp4", pictures=repeat))
    assert {"frame_count", "picture_end"} <= codes(report)


def test_a_frame_shown_at_another_time_is_caught_to_the_tick(uneven, tmp_path):
    def delay(packets):
        packets[9].pts += 1
        return packets

    report = uneven.check(remuxed(uneven.output, tmp_path / "b.mp4", pictures=delay))
    # Writing the packets anew may also lose how long the last picture is shown.
    assert codes(report) - {"picture_end"} == {"frame_time"}


def test_pictures_that_all_come_a_frame_late_are_caught(right, tmp_path):
    report = right.check(
        remuxed(right.output, tmp_path / "b.mp4", pictures=lambda packets: moved(packets, Fraction(1, 25)))
    )
    assert {"frame_time", "picture_end"} <= codes(report)


def test_a_missing_end_of_the_picture_is_caught(right, tmp_path):
    report = right.check(remuxed(right.output, tmp_path / "b.mp4", pictures=lambda packets: packets[:-3]))
    assert {"frame_count", "picture_end"} <= codes(report)


def test_decode_times_that_do_not_rise_are_caught(uneven, tmp_path):
    data = bytearray(uneven.output.read_bytes())
    table = data.index(b"stts") + 12
    runs = [int.from_bytes(data[table + 8 * place :][:4]) for place in range(40)]
    place = next(place for place in range(10, 39) if runs[place] == runs[place + 1] == 1)
    first, second = (int.from_bytes(data[table + 8 * (place + step) + 4 :][:4]) for step in (0, 1))
    data[table + 8 * place + 4 :][:4] = bytes(4)
    data[table + 8 * place + 4 : table + 8 * place + 8] = bytes(4)
    data[table + 8 * place + 12 : table + 8 * place + 16] = (first + second).to_bytes(4)
    altered = tmp_path / "b.mp4"
    altered.write_bytes(data)

    assert "decode_order" in codes(uneven.check(altered))


def test_decode_times_are_told_from_times_of_showing():
    wanted = frame_schedule.Schedule(np.arange(4), np.arange(4) * 10, np.full(4, 10), (0,))
    keys, nowhere = np.array([True, False, False, False]), np.zeros(4, np.int64)

    def faults(dts):
        shown = Stamps(np.arange(4), np.array(dts), keys, nowhere, nowhere, Fraction(1, 10))
        return [fault.code for fault in time_faults(shown, wanted, 100)]

    assert faults([-1, 0, 1, 2]) == []
    assert faults([-1, 0, 0, 2]) == ["decode_order"]
    assert faults([-1, 2, 1, 3]) == ["decode_order"]


def spoilt(cut: Cut, altered: Path, place: int, spoil: Callable[[bytes], bytes]) -> Path:
    """The result with the bytes of one picture, counted as stored, replaced."""
    with av.open(str(cut.output)) as container:
        hit = [bytes(packet) for packet in container.demux(video=0) if packet.size][place]
    data = cut.output.read_bytes()
    assert data.count(hit) == 1
    altered.write_bytes(data.replace(hit, spoil(hit)))
    return altered


def zeros(packet: bytes) -> bytes:
    return packet[:4] + bytes(len(packet) - 4)


def scrambled(packet: bytes) -> bytes:
    half = len(packet) // 2
    return packet[:half] + np.random.default_rng(3).bytes(len(packet) - half)


@pytest.mark.parametrize("spoil", [zeros, scrambled])
@pytest.mark.parametrize("before", [-1, 0, 1])
def test_a_corrupt_packet_beside_a_join_is_caught(either, tmp_path, spoil, before):
    joins = [round(time * 25) for time in output_starts(either.plan)]
    for number, join in enumerate(joins):
        if join + before < 0:
            continue
        with av.open(str(either.output)) as container:
            shown = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.size]
        place = shown.index(Fraction(join + before, 25))
        report = either.check(spoilt(either, tmp_path / f"{number}.mp4", place, spoil))
        # A copied one is no longer the source's; decoded are the first of a copy, and all that were encoded.
        assert codes(report), f"join {number}"
        assert codes(report) <= {"copy_differs", "undecodable"}
        for fault in report.faults:
            assert fault.at == pytest.approx(join / 25, abs=0.3)


# Sound at fault


def test_sound_that_comes_40_ms_late_is_caught(either, tmp_path):
    report = either.check(
        remuxed(either.output, tmp_path / "b.mp4", sounds=lambda packets: moved(packets, Fraction(40, 1000)))
    )
    assert {"sound_moved", "sound_end"} <= codes(report)
    # The header that delays the sound counts in milliseconds.
    assert report.drift_ms == pytest.approx(40, abs=1)
    assert any("ms late" in fault.message for fault in report.faults)


@pytest.mark.parametrize(("by_ms", "caught"), [(-40, True), (-12, True), (8, False), (12, True), (40, True)])
def test_sound_that_moves_at_one_join_and_stays_moved_is_caught(right, tmp_path, by_ms, caught):
    join = output_starts(right.plan)[2]

    def move(samples, rate):
        place, by = round(join * rate), round(by_ms * rate / 1000)
        later = np.concatenate([samples[:place], np.zeros(max(0, by)), samples[place + max(0, -by) :]])
        return np.pad(later, (0, max(0, -by)))[: len(samples)]

    report = right.check(with_sound(right, tmp_path / "b.mp4", move))
    assert codes(report) == ({"sound_moved"} if caught else set())
    assert report.drift_ms == pytest.approx(abs(by_ms), abs=0.1)
    for fault in report.faults:
        assert fault.at >= join - Fraction(1, 2)


def test_a_range_without_its_sound_is_caught(right, tmp_path):
    def silence(samples, rate):
        begin, end = (round(output_starts(right.plan)[place] * rate) for place in (2, 3))
        samples[begin:end] = 0
        return samples

    report = right.check(with_sound(right, tmp_path / "b.mp4", silence))
    assert codes(report) == {"sound_differs"}


def test_sound_of_another_place_is_caught(right, tmp_path):
    report = right.check(with_sound(right, tmp_path / "b.mp4", lambda samples, rate: samples[::-1]))
    assert codes(report) == {"sound_differs"}


def test_a_missing_end_of_the_sound_is_caught(right, tmp_path):
    report = right.check(remuxed(right.output, tmp_path / "b.mp4", sounds=lambda packets: packets[:-3]))
    assert "sound_end" in codes(report)


def test_a_lost_track_is_caught(right, tmp_path):
    altered = tmp_path / "b.mp4"
    with av.open(str(right.output)) as before, av.open(str(altered), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = stream
                after.mux(packet)
    assert codes(right.check(altered)) == {"tracks"}


def test_each_track_is_listened_to(tmp_path):
    sounds = [Sound(LOUD, seed=1, seconds=6), Sound(LOUD, seed=2, seconds=6)]
    cut = cut_of(tmp_path, "a.mp4", Picture(seconds=6), *sounds)

    def move_second(packets):
        moved([packet for packet in packets if packet.stream.index == 2], Fraction(40, 1000))
        return packets

    report = cut.check(remuxed(cut.output, tmp_path / "b.mp4", sounds=move_second))
    moves = [fault for fault in report.faults if fault.code == "sound_moved"]
    assert "track 2" in moves[0].message
    assert max(abs(one.late_ms) for one in report.heard if one.track == 0) < 0.05


@pytest.mark.parametrize("way", ["smart", "encode"])
def test_a_drift_of_100_ppm_is_caught(way, tmp_path):
    pictures = Picture(Fraction(5), seconds=130, size=(64, 64))
    sound = Sound([(0, 130)], seconds=130, rate=16_000, layout="mono", bit_rate=64_000)
    keep = ((1, 60), (61, 128.6))
    cut = cut_of(tmp_path, "a.mp4", pictures, sound, keep=keep, way=way)
    assert cut.check().ok

    def stretch(samples, rate):
        places = np.arange(len(samples))
        return np.interp(places * (1 - 100e-6), places, samples)

    report = cut.check(with_sound(cut, tmp_path / "b.mp4", stretch))
    assert codes(report) == {"sound_moved"}
    # 100 ppm of 126 seconds, and it grows from nothing.
    assert report.drift_ms == pytest.approx(12.6, abs=0.2)
    assert abs(report.heard[0].late_ms) < 0.2
    assert report.heard[len(report.heard) // 2].late_ms == pytest.approx(6.3, abs=1)


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Cut:
    sounds = [Sound([(0, 130)], seconds=130, rate=16_000, layout="mono", bit_rate=64_000, seed=seed) for seed in (1, 2)]
    pictures = Picture(Fraction(5), seconds=130, size=(64, 64))
    return cut_of(tmp_path_factory.mktemp("long"), "a.mp4", pictures, *sounds, keep=((1, 60), (61, 128.6)))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("at", [3.2, 32.0, 90.7, 120.3])
def test_one_flipped_byte_of_sound_is_caught_far_from_any_place_that_is_listened_to(long, tmp_path, place, at):
    assert not any(window.at - 0.3 < at < window.at + window.seconds + 0.1 for window in windows(long.plan.timeline))
    altered = with_a_byte_flipped(long.output, tmp_path / "b.mp4", place, at)
    assert long.check(altered).ok
    (fault,) = long.check(altered, sounds=long.sounds).faults
    assert fault.code == "sound_damaged"
    # A packet lasts 64 ms.
    assert fault.at == pytest.approx(at, abs=0.064)
    assert fault.message == f"The sound of track {place + 1} at {fault.at:.3f} s is not as it was encoded."


def with_a_byte_flipped(output: Path, altered: Path, place: int, at: float) -> Path:
    with av.open(str(output)) as container:
        packets = [packet for packet in container.demux(audio=place) if packet.size]
    packet = next(packet for packet in packets if packet.pts * packet.time_base > at - 0.06)
    data = bytearray(output.read_bytes())
    data[packet.pos + packet.size // 2] ^= 0xFF
    altered.write_bytes(data)
    return altered


def test_a_packet_of_sound_that_is_missing_is_caught(long, tmp_path):
    def drop(packets):
        return [packet for number, packet in enumerate(packets) if number != 999]

    report = long.check(remuxed(long.output, tmp_path / "b.mp4", sounds=drop), sounds=long.sounds)
    assert "sound_damaged" in codes(report)


# Files at fault


def test_a_result_whose_file_is_cut_off_is_caught(right, tmp_path):
    altered = tmp_path / "b.mp4"
    altered.write_bytes(right.output.read_bytes()[:-500])
    assert "cut_off" in codes(right.check(altered))


def test_a_result_that_is_no_recording_is_caught(right, tmp_path):
    altered = tmp_path / "b.mp4"
    altered.write_bytes(b"nothing at all" * 100)
    assert codes(right.check(altered)) == {"unreadable"}


# Damaged sources


def test_pictures_of_the_source_that_did_not_decode_are_told(right):
    report = right.check(lost=UndecodedFrames(3, Fraction(3, 25)))
    assert report.ok
    assert "3 frames of the recording damaged" in report.summary


def test_a_source_that_is_damaged_by_more_than_a_little_is_a_fault(right):
    report = right.check(lost=UndecodedFrames(30, Fraction(30, 25)))
    assert codes(report) == {"damaged_source"}
    assert report.faults[0].message.startswith("The recording is damaged: 1 s of the 3 s to keep cannot be decoded")


# The report and the way there


def test_the_report_becomes_plain_data(right):
    data = right.check().to_json()
    assert data["ok"] is True
    assert data["faults"] == []
    assert data["heard"][0].keys() == {"track", "at", "late_ms", "likeness"}


def test_what_is_early_by_next_to_nothing_is_in_time():
    assert [str(milliseconds(seconds)) for seconds in (-1e-8, -0.0012, 0.0)] == ["0.0", "-1.2", "0.0"]


def test_the_summary_counts_as_people_write():
    assert (
        Report(10_436, 91, heard=(ComparedWindow(0, 1, 0.004, 1),)).summary
        == "checked: 10 436 frames, 91 joins, drift 0 ms"
    )
    assert Report(1, 1).summary == "checked: 1 frame, 1 join"
    assert Report(0, 2, heard=(ComparedWindow(0, 1, -1.6, 1),)).summary == "checked: 2 joins, drift 2 ms"
    assert Report(2, 0, faults=(Fault("tracks", ""),)).summary == "checked: 2 frames, 0 joins, 1 fault"


def test_windows_lie_inside_kept_ranges_and_reach_both_ends():
    keep = tuple((Fraction(3 * number), Fraction(3 * number) + Fraction(3, 2)) for number in range(200))
    plan = CutPlan(Fraction(600), keep)
    found = windows(plan.timeline)

    assert found == sorted(found)
    assert 12 <= len(found) <= 30
    assert found[0].at < 1
    assert found[-1].at + found[-1].seconds > 299
    for window in found:
        number = int(window.source // 3)
        start, end = keep[number]
        assert start < window.source < window.source + window.seconds < end
        assert window.at - output_starts(plan)[number] == window.source - start


def test_what_is_muted_is_not_listened_to():
    muted = ((Fraction(0), Fraction(2)), (Fraction(5), Fraction(6)), (Fraction(29), Fraction(30)))
    found = windows(CutPlan(Fraction(30), ((Fraction(0), Fraction(30)),), muted=muted).timeline)
    assert len(found) >= 10
    for window in found:
        assert window.at == window.source
        assert not any(window.at < end and start < window.at + window.seconds for start, end in muted)
    assert found[0].at < Fraction(21, 10)
    assert found[-1].at + found[-1].seconds > Fraction(289, 10)


def test_ranges_too_short_to_listen_to_are_passed_over():
    keep = tuple((Fraction(number), Fraction(number) + Fraction(1, 25)) for number in range(5))
    assert windows(CutPlan(Fraction(5), keep).timeline) == []


def test_it_can_be_stopped_and_leaves_no_thread(right):
    threads = threading.active_count()

    def stop(fraction):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        right.check(progress=stop)
    assert threading.active_count() == threads
