"""A copied picture of an open group that is counted otherwise than in the recording is named: no checksum sees it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut import x264_open
from jobs.engine.smartcut.bitstream import h264_entry, nal
from jobs.engine.smartcut.bitstream.h264_entry import Numbers, Slice
from jobs.engine.smartcut.copy_plan import Run
from jobs.engine.smartcut.x264_open import OpenH264
from jobs.engine.verify import copy_check, decode_check, numbering_check
from jobs.engine.verify.frame_check import Viewing
from tests.clips import Picture, make
from tests.engine.smartcut.test_splicer import coded
from tests.splices import Result, spliced, spliced_again

OPEN = {"open_gop": 1, "scenecut": 0, "b_adapt": 0}
RECORDINGS = {
    "pyramids": Picture(options=coded("veryfast", bf=3, g=24, **OPEN)),
    "without CABAC": Picture(options=coded("veryfast", bf=2, g=24, profile="main", cabac=0, **OPEN)),
    "several slices": Picture(options=coded("veryfast", bf=3, g=24, slices=4, **OPEN)),
}
DEEP = coded("veryfast", bf=3, g=24, ref=12, **OPEN)
ALL = 1 << 20
"""More references than there are: none of them came before the copy."""


@pytest.fixture(scope="module", params=RECORDINGS)
def result(request, tmp_path_factory) -> Result:
    return spliced(make(tmp_path_factory.mktemp("open") / "a.mp4", RECORDINGS[request.param]))


def codec_of(result: Result) -> OpenH264:
    codec = result.splice.coded.codec
    assert isinstance(codec, OpenH264)
    return codec


def longest_copy(result: Result) -> Run:
    return max((run for run in result.splice.runs if run.copied_from is not None), key=lambda run: run.count)


def stored(result: Result, run: Run) -> list[tuple[int, bytes]]:
    """The pictures of a copy in the result, with their positions in the file."""
    shown, data = decode_check.stamps(result.output, CancellationToken()), result.output.read_bytes()
    at = zip(shown.positions[run.first : run.end].tolist(), shown.sizes[run.first : run.end].tolist(), strict=True)
    return [(position, data[position : position + size]) for position, size in at]


def altered(codec: OpenH264, packet: bytes, change: Callable[[Slice], bytes]) -> bytes:
    units = nal.units(packet, 4)
    return nal.length_prefixed([change(codec.parsed(unit)) if codec.is_slice(unit) else bytes(unit) for unit in units])


def spoilt(result: Result, change: Callable[[Slice], bytes]) -> Path:
    """The result with a picture in the middle of its longest copy counted in another way."""
    run = longest_copy(result)
    data = bytearray(result.output.read_bytes())
    for position, packet in stored(result, run)[run.count // 2 :]:
        found = altered(codec_of(result), packet, change)
        if len(found) == len(packet):
            data[position : position + len(packet)] = found
            break
    output = result.output.with_name("altered.mp4")
    output.write_bytes(data)
    return output


@pytest.mark.parametrize("less", [Numbers(1, 0), Numbers(0, 2)], ids=["frame_num", "pic_order_cnt_lsb"])
def test_one_number_in_the_middle_of_a_copy_is_caught(result, less):
    output = spoilt(result, lambda parsed: h264_entry.counted_from(parsed, less, ALL))
    shown = decode_check.stamps(output, CancellationToken())
    assert copy_check.copy_faults(output, shown, result.splice, CancellationToken()) == []
    viewing = Viewing(output, result.splice.wanted, result.index.clock_hz, result.splice)
    viewing.read(CancellationToken())
    (fault,) = viewing.faults
    assert (fault.code, "counted otherwise" in fault.message) == ("copy_differs", True)


def test_a_right_result_has_no_fault(result):
    shown = decode_check.stamps(result.output, CancellationToken())
    assert any(run.leading_skipped for run in result.splice.runs)
    assert numbering_check.numbering_faults(result.output, shown, result.splice, CancellationToken()) == []


def test_a_right_result_of_a_result_has_no_fault(tmp_path):
    """In it pictures are counted in as many bits as x264 takes for the patches, and in those of the recording."""
    picture = dataclasses.replace(RECORDINGS["pyramids"], options=DEEP, seconds=8)
    result = spliced(make(tmp_path / "a.mp4", picture), [("0.3", "3.5"), ("3.8", "7.9")])
    again = spliced_again(result, [("1.1", "7.2")])
    assert len(set(codec_of(again).headers.log2_max_frame_num)) == 2
    shown = decode_check.stamps(again.output, CancellationToken())
    assert numbering_check.numbering_faults(again.output, shown, again.splice, CancellationToken()) == []


def differing(result: Result, run: Run, packets: list[bytes]) -> list[int]:
    decode_indexes = np.concatenate([np.arange(begin, end) for begin, end in run.copied_ranges])
    codec = codec_of(result)
    return numbering_check.differing(codec.headers, decode_indexes, codec.stored_headers(packets)).tolist()


def test_a_reference_that_is_released_no_more_is_caught(tmp_path):
    """Marking is coded by differences, and as many bits as it takes."""
    picture = Picture(options=coded("slow", bf=5, g=30, ref=5, b_pyramid="strict", open_gop=1))
    result = spliced(make(tmp_path / "a.mp4", picture))
    codec, run = codec_of(result), longest_copy(result)
    packets = [packet for _, packet in stored(result, run)]
    assert differing(result, run, packets) == []
    releasing = [
        place
        for place, packet in enumerate(packets)
        for unit in nal.units(packet, 4)
        if codec.is_slice(unit) and codec.parsed(unit).releases
    ]
    place = releasing[len(releasing) // 2]
    packets[place] = altered(codec, packets[place], lambda parsed: h264_entry.counted_from(parsed, Numbers(0, 0), 0))
    assert differing(result, run, packets) == [place]


def test_a_copy_that_begins_without_an_idr_picture_is_caught(result):
    run = longest_copy(result)
    packets = [packet for _, packet in stored(result, run)]
    begin, _ = run.copied_ranges[0]
    assert not codec_of(result).headers.is_idr[begin] or begin == 0
    again = packets[:1] + packets[:1] + packets[2:]
    assert differing(result, run, again)[0] == 1


def entry_ids(result: Result) -> list[int | None]:
    """idr_pic_id of the pictures that copies begin with."""
    codec = codec_of(result)
    firsts = [stored(result, run)[0][1] for run in result.splice.runs if run.copied_from is not None]
    slices = [next(unit for unit in nal.units(packet, 4) if codec.is_slice(unit)) for packet in firsts]
    return [codec.parsed(unit).own_idr_pic_id for unit in slices]


def test_idr_pictures_that_may_follow_each_other_differ(tmp_path):
    """Those of copies among themselves, from x264's, and from the recording's own."""
    picture = dataclasses.replace(RECORDINGS["pyramids"], seconds=8)
    result = spliced(make(tmp_path / "a.mp4", picture), [("0.3", "3.5"), ("3.8", "8")])
    assert entry_ids(result) == [2, 3]
    again = spliced_again(result, [("1", "2.9"), ("4.5", "7")])
    assert entry_ids(again) == [4, 5]


def test_a_recording_that_leaves_no_idr_pic_id_free_is_not_entered_so(tmp_path, monkeypatch):
    picture = dataclasses.replace(RECORDINGS["pyramids"], seconds=8)
    result = spliced(make(tmp_path / "a.mp4", picture), [("0.3", "3.5"), ("3.8", "8")])
    monkeypatch.setattr(x264_open, "MAXIMUM_IDR_PIC_IDS", 2)
    assert not isinstance(spliced_again(result, [("1", "2.9")]).splice.coded.codec, OpenH264)
