"""Headers of AV1, read as FFmpeg reads them."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.smartcut.bitstream import av1, av1_frame
from jobs.engine.smartcut.codec import RANDOM_ACCESS, REFERENCE, CannotCopy
from jobs.engine.smartcut.svtav1 import Av1Reader
from tests import av1_clips
from tests.clips import make

AOM = {
    "libaom": (),
    "libaom, 10 bit 4:2:2": ("-pix_fmt", "yuv422p10le"),
    "libaom, grey": ("-pix_fmt", "gray"),
    "libaom, 4:4:4 BT.709": ("-pix_fmt", "yuv444p", "-color_primaries", "bt709", "-color_trc", "bt709"),
    "libaom, tiles and error resilience": ("-s", "512x256", "-tiles", "2x2", "-aom-params", "error-resilient=1"),
}
SVT = {
    "SVT-AV1": av1_clips.av1(Fraction(30), 2),
    "SVT-AV1, 10 bit": av1_clips.av1(Fraction(30), 2, pixel_format="yuv420p10le"),
    "SVT-AV1, screen content": av1_clips.av1(Fraction(30), 1, params="lp=1:scm=1"),
}


@pytest.fixture(params=[*AOM, *SVT])
def recording(request, tmp_path) -> Path:
    if request.param in SVT:
        return make(tmp_path / "a.mp4", SVT[request.param])
    return av1_clips.by_libaom(tmp_path, "a.mkv", *AOM[request.param], seconds=1)


def traced(recording) -> list[dict[str, int]]:
    """The syntax elements of each header, by FFmpeg; those of a sequence before those of its frames."""
    argv = [ffmpeg.program(), "-v", "trace", "-i", str(recording), "-map", "0:v", "-c", "copy"]
    log = subprocess.run(
        [*argv, "-bsf:v", "trace_headers", "-f", "null", "-"], capture_output=True, text=True, check=True
    ).stderr
    found: list[dict[str, int]] = []
    for name, value in re.findall(r"\[trace_headers @ \w+\] \d+ +(\w+(?:\[0\])?)(?:\[\d+\])* +[01]* = (-?\d+)", log):
        if name == "obu_forbidden_bit":
            found.append({})
        if found:
            found[-1].setdefault(name, int(value))
    return found


def units_of(recording) -> list[list[av1.Obu]]:
    with av.open(str(recording)) as container:
        return [list(av1.obus(bytes(packet))) for packet in container.demux(video=0) if packet.size]


def test_headers_are_read_as_ffmpeg_reads_them(recording):
    told = [one for one in traced(recording) if one["obu_type"] in (av1.SEQUENCE_HEADER, av1.FRAME, av1.FRAME_HEADER)]
    # What the track's header says comes first, and once more in the first packet.
    told = told[1:]
    units = [unit for packet in units_of(recording) for unit in packet]
    read = [unit for unit in units if unit.obu_type in (av1.SEQUENCE_HEADER, av1.FRAME, av1.FRAME_HEADER)]
    assert len(read) == len(told) >= 25
    for unit, expected in zip(read, told, strict=True):
        assert unit.obu_type == expected["obu_type"]
        if unit.obu_type == av1.SEQUENCE_HEADER:
            sequence = av1.parse_sequence(unit.payload)
            assert_same_sequence(sequence, expected)
            continue
        header = av1_frame.parse_frame(unit.payload, sequence)
        assert header.is_shown == bool(expected["show_existing_frame"] or expected["show_frame"])
        if not expected["show_existing_frame"]:
            assert header.frame_type == expected["frame_type"]
            assert header.base_q_idx == expected["base_q_idx"]
            is_shown_key = header.frame_type == av1_frame.KEY_FRAME and header.is_shown
            assert header.refreshes == (is_shown_key or expected["refresh_frame_flags"] != 0)


def assert_same_sequence(sequence: av1.Sequence, expected: dict[str, int]) -> None:
    color = sequence.color_config
    assert sequence.seq_profile == expected["seq_profile"]
    assert sequence.level == (expected["seq_level_idx[0]"], expected.get("seq_tier[0]", 0))
    assert sequence.size == (expected["max_frame_width_minus_1"] + 1, expected["max_frame_height_minus_1"] + 1)
    assert color.bit_depth == 10 if expected["high_bitdepth"] else 8
    assert color.mono_chrome == bool(expected.get("mono_chrome"))
    assert color.color_range == bool(expected["color_range"])
    assert color.description[0] == expected.get("color_primaries", av1.UNSPECIFIED)
    assert color.chroma_sample_position == expected.get("chroma_sample_position", 0)
    assert sequence.tools.order_hint_bits == expected["order_hint_bits_minus_1"] + 1


@pytest.mark.parametrize("level", [(0, 0), (7, 0), (8, 0), (13, 1), (31, 0)])
def test_another_level_leaves_all_else_of_a_sequence_as_it_is(level, tmp_path):
    unit = units_of(av1_clips.by_libaom(tmp_path, seconds=0.2))[0][0]
    before = av1.parse_sequence(unit.payload)
    (changed,) = av1.obus(av1.with_level(unit.whole, level))
    after = av1.parse_sequence(changed.payload)
    assert after.level == level
    assert (after.size, after.color_config, after.tools) == (before.size, before.color_config, before.tools)
    assert av1.with_level(changed.whole, before.level) == bytes(unit.whole)


def flags_of(recording: Path, extradata: bytes = b"") -> list[int]:
    reader = Av1Reader(extradata)
    return [reader.read(b"".join(unit.whole for unit in packet)).flags for packet in units_of(recording)]


def test_a_copy_may_begin_at_each_shown_key_frame_and_nowhere_else(tmp_path):
    flags = flags_of(make(tmp_path / "a.mp4", av1_clips.av1(Fraction(30), 3)))
    assert [place for place, flag in enumerate(flags) if flag & RANDOM_ACCESS] == [0, 30, 60]
    # Half of the frames are for themselves alone.
    assert any(not flag & REFERENCE for flag in flags)


def test_a_frame_that_is_only_intra_coded_is_no_place_to_begin_at(tmp_path):
    """Frames after it may need those before it: an open group."""
    recording = make(tmp_path / "a.mp4", av1_clips.av1(Fraction(30), 3, params="lp=1:irefresh-type=1"))
    sequence = av1.parse_sequence(units_of(recording)[0][0].payload)
    intra = [
        place
        for place, packet in enumerate(units_of(recording))
        for unit in packet
        if unit.obu_type == av1.FRAME
        and av1_frame.parse_frame(unit.payload, sequence).frame_type == av1_frame.INTRA_ONLY_FRAME
    ]
    assert intra
    assert [place for place, flag in enumerate(flags_of(recording)) if flag & RANDOM_ACCESS] == [0]


def test_damage_and_what_is_never_shown_are_told(tmp_path):
    first, second, *_ = units_of(make(tmp_path / "a.mp4", av1_clips.av1(Fraction(30), 1)))
    whole = b"".join(unit.whole for unit in first)
    for damaged in (whole[:-1], b"\xff" + whole, bytes([0x32]) + b"\xff" * 9, whole[:20]):
        with pytest.raises((ValueError, CannotCopy)):
            Av1Reader(b"").read(damaged)
    with pytest.raises(CannotCopy, match="says how it is coded"):
        Av1Reader(first[0].whole).read(first[1].whole)
    with pytest.raises(CannotCopy, match="not described"):
        Av1Reader(b"").read(second[0].whole)
    reader = Av1Reader(b"")
    reader.read(whole)
    with pytest.raises(CannotCopy, match="no picture"):
        reader.read(b"")


def test_another_size_on_the_way_cannot_be_copied(tmp_path):
    reader = Av1Reader(b"")
    for name, size in (("a.mp4", (160, 96)), ("b.mp4", (176, 96))):
        packet = units_of(make(tmp_path / name, av1_clips.av1(Fraction(30), 0.2, size=size)))[0]
        if size == (160, 96):
            reader.read(b"".join(unit.whole for unit in packet))
        else:
            with pytest.raises(CannotCopy, match="changes on the way"):
                reader.read(b"".join(unit.whole for unit in packet))
