"""What the check of a result's pictures sees that no single picture tells."""

import functools
import random
from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.runtime.threads import CancellationToken, worker_thread
from jobs.engine.smartcut.bitstream import hevc, nal
from jobs.engine.verify import decode_check
from jobs.engine.verify.frame_check import Viewing
from tests.clips import Picture, make
from tests.splices import Result, frames_of, spliced

CODED = "keyint=25:min-keyint=25:scenecut=0:open-gop=0:bframes=4:b-pyramid=1:b-adapt=0:log-level=none"
KEEP = (("0", "1"), ("1.3", "9"))
DROP_EARLIER = 0x40
"""In the first byte after a slice's header of two, at pictures that decoding can start from."""


@pytest.fixture
def result(tmp_path) -> Result:
    source = make(tmp_path / "a.mp4", Picture(codec="libx265", options={"preset": "ultrafast", "x265-params": CODED}))
    return spliced(source, KEEP)


def faults(result: Result, output: Path) -> list[str]:
    viewing = Viewing(output, result.splice.wanted, result.index.clock_hz, result.splice)
    viewing.read(CancellationToken())
    viewing.play(lambda fraction: None)
    return [fault.code for fault in viewing.faults]


def test_a_start_that_drops_the_pictures_before_it_is_caught(result):
    """Each picture decodes, and a decoder that comes from the copy before shows fewer than there are."""
    join = result.splice.wanted.segment_firsts[1]
    assert result.splice.runs[0].copied_from is not None
    assert result.splice.runs[1].first == join
    altered = result.output.with_name("altered.mp4")
    altered.write_bytes(
        dropping(result.output, Fraction(int(result.splice.wanted.start_ticks[join]), result.index.clock_hz))
    )
    assert len(frames_of(altered)) < len(frames_of(result.output))

    assert faults(result, result.output) == []
    assert faults(result, altered) == ["undecodable"]


@pytest.mark.parametrize("is_open", [0, 1])
def test_whatever_is_asked_for_of_a_right_file_decodes(is_open, tmp_path):
    params = f"keyint=12:min-keyint=12:scenecut=0:open-gop={is_open}:bframes=3:b-pyramid=1:b-adapt=0:log-level=none"
    source = make(tmp_path / "a.mp4", Picture(codec="libx265", options={"preset": "ultrafast", "x265-params": params}))
    shown, choice = decode_check.stamps(source, CancellationToken()), random.Random(is_open)
    for _ in range(60):
        asked = choice.sample(range(len(shown.pts)), choice.randint(1, 12))
        with worker_thread(functools.partial(decode_check.played, source, decode_check.visits(shown, asked))) as task:
            assert task.result()[1] == [], asked


def dropping(output: Path, time: Fraction) -> bytes:
    """The file with the picture shown at `time` saying that what was decoded before need not be shown."""
    with av.open(str(output)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        packet = next(packet for packet in packets if packet.pts * packet.time_base == time)
        place, coded = packet.pos, bytes(packet)
    data = bytearray(output.read_bytes())
    for unit in nal.units(coded, 4):
        if hevc.is_random_access_point(unit):
            data[place + coded.index(bytes(unit)) + 2] |= DROP_EARLIER
    return bytes(data)
