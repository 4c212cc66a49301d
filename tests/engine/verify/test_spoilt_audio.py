"""Audio at fault: the check catches each kind."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.audio import aac_encoder
from jobs.engine.verify import packet_checksums
from jobs.engine.verify.av_sync import windows
from tests.clips import Picture, Sound, heard, make
from tests.engine.verify.cuts import LOUD, Cut, codes, cut_of, moved, remuxed
from tests.judge import output_starts


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


@pytest.mark.parametrize(("coding", "samples", "priming"), [("aac", 1024, 1024), ("ac3", 1536, 256)])
def test_when_a_packet_is_wrong_is_told_by_its_own_time(coding, samples, priming, tmp_path):
    path = make(tmp_path / "a.mp4", None, Sound([(0, 2)], seconds=2, codec=coding))
    wanted = packet_checksums.sums(path)
    assert packet_checksums.sound_faults(path, [wanted]) == []
    wanted[10] ^= 1
    (fault,) = packet_checksums.sound_faults(path, [wanted])
    assert fault.at == round((10 * samples - priming) / 48_000, 3)
