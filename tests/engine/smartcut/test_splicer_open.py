"""H.264 in open GOPs: entered at the I pictures of recovery points, and whole for two decoders from there."""

import dataclasses
import random
from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import silence_cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.bitstream import h264, h264_entry, nal
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.x264_open import OpenH264
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make
from tests.engine.smartcut.test_splicer import coded
from tests.splices import assert_faithful, chosen, spliced, spliced_again

OPEN = {"open_gop": 1, "scenecut": 0, "b_adapt": 0}
RECORDINGS = {
    "a B-frame": ("a.mp4", Picture(options=coded("veryfast", bf=1, g=24, ref=3, **OPEN))),
    "without pyramids": ("a.mp4", Picture(options=coded("veryfast", bf=2, g=24, b_pyramid="none", **OPEN))),
    "pyramids": ("a.mp4", Picture(options=coded("veryfast", bf=3, g=24, **OPEN))),
    "strict pyramids": ("a.mov", Picture(options=coded("veryfast", bf=3, g=24, b_pyramid="strict", **OPEN))),
    "without CABAC": ("a.mp4", Picture(options=coded("veryfast", bf=2, g=24, profile="main", cabac=0, **OPEN))),
    "many references": ("a.mkv", Picture(options=coded("slow", bf=5, g=30, ref=5, open_gop=1))),
    "several slices": ("a.mp4", Picture(options=coded("veryfast", bf=3, g=24, slices=4, **OPEN))),
    "10 bit": ("a.mp4", Picture(pixel_format="yuv420p10le", options=coded(bf=3, g=24, profile="high10", **OPEN))),
    "4:2:2": ("a.mov", Picture(pixel_format="yuv422p", options=coded(bf=2, g=24, profile="high422", **OPEN))),
    "transport stream": (
        "a.ts",
        Picture(Fraction(50), start=Fraction(7), options=coded("veryfast", bf=3, g=24, **OPEN)),
    ),
}


def made(name: str, folder: Path) -> Path:
    filename, picture = RECORDINGS[name]
    return make(folder / filename, picture)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_is_the_right_one_and_in_place(name, tmp_path):
    result = spliced(made(name, tmp_path))
    found = result.splice.coded
    assert (found.keyframes == found.random_access).all()
    assert any(run.leading_skipped for run in result.splice.runs) or not found.leading.any()
    assert_faithful(result)


@pytest.mark.parametrize("name", ["without pyramids", "strict pyramids", "transport stream"])
def test_boundaries_may_lie_anywhere(name, tmp_path):
    source = made(name, tmp_path)
    choice = random.Random(name)
    for _ in range(4):
        edges = sorted(Fraction(choice.randrange(3600), 1000) for _ in range(2 * choice.choice([1, 2, 5, 9])))
        keep = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start > 0.02]
        assert_faithful(spliced(source, keep or [("1", "2")]))


@pytest.mark.parametrize("name", ["pyramids", "without CABAC"])
def test_a_result_that_is_cut_again_is_as_faithful(name, tmp_path):
    result = spliced(made(name, tmp_path), [("0.3", "1.9"), ("2.1", "4")])
    assert_faithful(result)
    again = spliced_again(result, [("0.2", "1.4"), ("1.7", "3")])
    assert again.splice.copied
    assert_faithful(again)


def without_idr(whole: Path, output: Path) -> Path:
    """What a receiver records of a broadcast: it begins at a recovery point, with leading pictures that need more."""
    with av.open(str(whole)) as before, av.open(str(output), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        packets = [packet for packet in before.demux(video=0) if packet.size]
        begin = [place for place, packet in enumerate(packets) if packet.is_keyframe][1]
        for packet in packets[begin:]:
            packet.stream = stream
            after.mux(packet)
    return output


def test_a_broadcast_without_any_idr_picture_is_copied(tmp_path):
    whole = make(tmp_path / "a.ts", dataclasses.replace(RECORDINGS["transport stream"][1], seconds=5))
    result = spliced(without_idr(whole, tmp_path / "b.ts"))
    units = [unit for packet in packets_of(tmp_path / "b.ts") for unit in nal.units(packet, 0)]
    assert not any(h264.nal_unit_type(unit) == h264.IDR_SLICE for unit in units)
    assert result.splice.copied > len(result.index.pts) / 3
    assert_faithful(result)


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_each_copy_begins_with_an_idr_picture_and_is_known_by_its_checksums(tmp_path):
    result = spliced(made("pyramids", tmp_path))
    found = result.splice.coded
    stored = packets_of(result.output)
    number = 0
    for run in result.splice.runs:
        for begin, end in run.copied_ranges:
            assert [found.codec.stored_checksum(packet) for packet in stored[number : number + end - begin]] == (
                found.checksums[begin:end].tolist()
            )
            number += end - begin
        number += run.count if run.copied_from is None else 0
        if run.copied_from is not None:
            first = stored[number - run.count]
            kinds = {h264.nal_unit_type(unit) for unit in nal.units(first, 4)} & set(h264.SLICES)
            assert kinds == {h264.IDR_SLICE}
            assert found.codec.stored_checksum(first[:-3] + bytes([first[-3] ^ 1]) + first[-2:]) != (
                found.codec.stored_checksum(first)
            )


def test_a_slice_counted_anew_is_otherwise_the_same(tmp_path):
    """Of each picture all but what counts it, whether its data is aligned to bytes (CABAC) or not."""
    for name in ("pyramids", "without CABAC"):
        source = made(name, tmp_path)
        codec = OpenH264()
        with av.open(str(source)) as container:
            reader = codec.reader(container.streams.video[0].codec_context.extradata)
            packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        for packet in packets:
            reader.read(packet)
            for unit in (unit for unit in nal.units(packet, 4) if codec.is_slice(unit)):
                parsed = codec.parsed(unit)
                moved = h264_entry.counted_from(parsed, h264_entry.Numbers(3, 6), 100)
                assert codec.parsed(moved).numbers != parsed.numbers
                assert h264_entry.counted_from(codec.parsed(moved), h264_entry.Numbers(-3, -6), 100) == bytes(unit)
                assert codec.checksum([moved]) == codec.checksum([unit])


def test_the_whole_cut_is_proven(tmp_path):
    _, picture = RECORDINGS["pyramids"]
    source = make(tmp_path / "a.mp4", dataclasses.replace(picture, size=(320, 192)), Sound(loud=[(0.2, 3.9)]))
    keep = ((Fraction("0.3"), Fraction("1.9")), (Fraction("2.2"), Fraction("3.8")))
    result = silence_cut.cut(
        Source(source, inspect(source)), CutParams(keep=keep), tmp_path / "b.mp4", Workspace(tmp_path)
    )
    assert result.render == "smart", result.reason
    assert result.report.ok


def test_an_intra_refresh_is_no_place_to_enter(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(options=coded(g=20, intra_refresh=1, scenecut=0)))
    assert "no stretch of what is kept can be copied" in chosen(source, [("0.2", "4")]).reason


def test_whatever_a_damaged_slice_says_it_is_refused_or_read(tmp_path):
    choice = random.Random(3)
    with av.open(str(made("several slices", tmp_path))) as container:
        header = container.streams.video[0].codec_context.extradata
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    read = refused = 0
    for packet in packets * 3:
        codec = OpenH264()
        reader, damaged = codec.reader(header), bytearray(packet)
        damaged[choice.randrange(5, 24)] ^= 1 << choice.randrange(8)
        try:
            reader.read(bytes(damaged))
            codec.copying((), 4)(bytes(damaged), begins=True)
            read += 1
        except (ValueError, CannotCopy):
            refused += 1
    assert read and refused
