"""A copied picture that is not the recording's own any more is named, wherever in the result it is."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.model.report import Fault
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.verify import copy_check, decode_check
from tests.clips import Picture, make
from tests.splices import Result, spliced

H264 = {"preset": "ultrafast", "crf": "24", "g": "12", "bf": "2"}
HEVC = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12:min-keyint=12:bframes=3:open-gop=1:b-adapt=0"}
RECORDINGS = {
    "H.264": ("a.mp4", Picture(options=H264)),
    "H.264 behind start codes": ("a.ts", Picture(options=H264)),
    "HEVC with open groups": ("a.mp4", Picture(codec="libx265", options=HEVC)),
    "HEVC behind start codes": ("a.ts", Picture(codec="libx265", options=HEVC)),
}


@pytest.fixture(scope="module", params=RECORDINGS)
def result(request, tmp_path_factory) -> Result:
    filename, picture = RECORDINGS[request.param]
    return spliced(make(tmp_path_factory.mktemp("copies") / filename, picture))


def copied(result: Result) -> list[int]:
    """Places in the result of what is copied."""
    return [
        place
        for stretch in result.splice.runs
        if stretch.copied_from is not None
        for place in range(stretch.first, stretch.end)
    ]


def with_a_bit_flipped(result: Result, place: int, byte: int) -> Path:
    at = Fraction(int(result.splice.wanted.start_ticks[place]), result.index.clock_hz)
    with av.open(str(result.output)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        hit = next(packet for packet in packets if packet.pts * packet.time_base == at)
        position, size = hit.pos, hit.size
    data = bytearray(result.output.read_bytes())
    data[position + byte % size] ^= 1
    altered = result.output.with_name("altered.mp4")
    altered.write_bytes(data)
    return altered


def faults_of(result: Result, output: Path) -> list[Fault]:
    return copy_check.copy_faults(
        output, decode_check.stamps(output, CancellationToken()), result.splice, CancellationToken()
    )


def test_what_was_copied_whole_has_no_fault(result):
    assert copied(result)
    assert faults_of(result, result.output) == []


# In the length of the first unit, in its header, and in its last byte.
@pytest.mark.parametrize("byte", [3, 4, -1])
def test_one_bit_in_a_copied_picture_is_caught(result, byte):
    for place in copied(result)[:: max(1, len(copied(result)) // 5)]:
        faults = faults_of(result, with_a_bit_flipped(result, place, byte))
        assert [fault.code for fault in faults] == ["copy_differs"]
        assert faults[0].at == round(int(result.splice.wanted.start_ticks[place]) / result.index.clock_hz, 3)


def test_what_was_encoded_is_not_compared(result):
    own = next(place for place in range(len(result.splice.wanted.start_ticks)) if place not in copied(result))
    assert faults_of(result, with_a_bit_flipped(result, own, -1)) == []


def copied_pair(result: Result) -> int:
    """The first of two copied pictures that are stored one after the other."""
    _, sums = copy_check.expected(result.splice)
    return next(place for place in range(len(sums)) if (sums[place : place + 2] != copy_check.ENCODED).all())


def test_copied_pictures_that_are_shown_in_each_others_place_are_caught(result):
    shown = decode_check.stamps(result.output, CancellationToken())
    place = copied_pair(result)
    shown.pts[[place, place + 1]] = shown.pts[[place + 1, place]]
    faults = copy_check.copy_faults(result.output, shown, result.splice, CancellationToken())
    assert [fault.code for fault in faults] == ["copy_differs"]


def test_copied_pictures_in_another_order_are_caught(result):
    """Each is the source's, but a decoder would predict them from the wrong ones."""
    shown = decode_check.stamps(result.output, CancellationToken())
    place = copied_pair(result)
    for stored in (shown.positions, shown.sizes):
        stored[[place, place + 1]] = stored[[place + 1, place]]
    faults = copy_check.copy_faults(result.output, shown, result.splice, CancellationToken())
    assert [fault.code for fault in faults] == ["copy_differs"]
