"""Frames at fault: the check catches each kind."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.verify.decode_check import Stamps
from jobs.engine.verify.frame_check import time_faults
from jobs.engine.video import frame_schedule
from tests.clips import Picture, Sound
from tests.engine.verify.cuts import LOUD, UNEVEN, Cut, codes, cut_of, moved, remuxed
from tests.judge import output_starts


@pytest.fixture(scope="module")
def uneven(tmp_path_factory) -> Cut:
    return cut_of(tmp_path_factory.mktemp("uneven"), "a.mp4", Picture(times=UNEVEN), Sound(LOUD, seconds=6))


def copy_of(packet):
    copied = av.Packet(bytes(packet))
    copied.stream, copied.time_base = packet.stream, packet.time_base
    copied.pts, copied.dts, copied.duration = packet.pts, packet.dts, packet.duration
    return copied


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
