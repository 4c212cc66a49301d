"""Headers of VP9 frames, read as FFmpeg reads them."""

import re
import subprocess

import av
import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.smartcut.bitstream import vp9
from jobs.engine.smartcut.codec import RANDOM_ACCESS, CannotCopy
from jobs.engine.smartcut.libvpx import Vp9Reader
from tests.clips import Picture, make
from tests.media import run_ffmpeg
from tests.vp9_clips import with_hidden_frames

CODED = {
    "error resilience": ("-error-resilient", "1"),
    "4:4:4": ("-pix_fmt", "yuv444p"),
    "10 bit": ("-pix_fmt", "yuv420p10le"),
    "12 bit 4:2:2": ("-pix_fmt", "yuv422p12le"),
    "full range BT.709": ("-color_range", "pc", "-colorspace", "bt709"),
}


@pytest.fixture(params=["hidden frames", *CODED])
def recording(request, tmp_path):
    if request.param == "hidden frames":
        return with_hidden_frames(tmp_path)
    plain = make(tmp_path / "a.mp4", Picture(seconds=1))
    options = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
    run_ffmpeg("-i", plain, *CODED[request.param], *options, tmp_path / "b.webm")
    return tmp_path / "b.webm"


def traced(recording) -> list[dict[str, int]]:
    """The syntax elements of each frame, by FFmpeg."""
    argv = [ffmpeg.program(), "-v", "trace", "-i", str(recording), "-map", "0:v", "-c", "copy"]
    argv += ["-bsf:v", "vp9_superframe_split,trace_headers", "-f", "null", "-"]
    log = subprocess.run(argv, capture_output=True, text=True, check=True).stderr
    found: list[dict[str, int]] = []
    for name, value in re.findall(r"\[trace_headers @ \w+\] \d+ +(\w+)(?:\[\d\])* +[01]+ = (-?\d+)", log):
        if name == "frame_marker":
            found.append({})
        if found:
            found[-1].setdefault(name, int(value))
    return found


def test_frames_are_read_as_ffmpeg_reads_them(recording):
    with av.open(str(recording)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    headers = [vp9.parse_header(frame) for packet in packets for frame in vp9.frames(packet)]
    expected = traced(recording)
    assert len(headers) == len(expected) >= len(packets)
    for header, told in zip(headers, expected, strict=True):
        is_repeat = bool(told["show_existing_frame"])
        assert header.is_shown == (is_repeat or bool(told["show_frame"]))
        assert header.is_key == (not is_repeat and told["frame_type"] == vp9.KEY_FRAME)
        assert header.base_q_idx == told.get("base_q_idx")
        assert (header.size is not None) == ("frame_width_minus_1" in told)
        if header.sequence:
            color = header.sequence.color_config
            assert header.sequence.size == (told["frame_width_minus_1"] + 1, told["frame_height_minus_1"] + 1)
            assert color.color_space == told["color_space"]
            assert color.color_range == bool(told["color_range"])
            assert color.subsampling_x == bool(told.get("subsampling_x", 1))
            assert color.bit_depth == (8 if header.sequence.profile < 2 else 10 + 2 * told["ten_or_twelve_bit"])


def packets_of(tmp_path) -> list[bytes]:
    with av.open(str(with_hidden_frames(tmp_path))) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_a_copy_may_begin_at_each_keyframe_and_nowhere_else(tmp_path):
    reader = Vp9Reader()
    flags = [reader.read(packet).flags for packet in packets_of(tmp_path)]
    assert [place for place, flag in enumerate(flags) if flag & RANDOM_ACCESS] == [0, 30, 60, 90]


def test_what_shows_nothing_or_changes_on_the_way_is_not_copied(tmp_path):
    packets = packets_of(tmp_path)
    hidden = next(packet for packet in packets if len(list(vp9.frames(packet))) > 1)
    reader = Vp9Reader()
    reader.read(packets[0])
    with pytest.raises(CannotCopy, match="no picture"):
        reader.read(next(vp9.frames(hidden)))
    larger = make(tmp_path / "large.webm", Picture(seconds=1, size=(176, 96), codec="libvpx-vp9"))
    with av.open(str(larger)) as container, pytest.raises(CannotCopy, match="changes on the way"):
        reader.read(bytes(next(container.demux(video=0))))
    with pytest.raises(CannotCopy, match="begin with a keyframe"):
        Vp9Reader().read(packets[1])


def test_damage_is_told(tmp_path):
    first, *_ = packets_of(tmp_path)
    for damaged in (b"", b"\0" + first, first[:1] + b"\0" * 40, b"\x82\x49" + bytes([0xC1, 0xFF, 0xFF, 0xC1])):
        with pytest.raises((ValueError, CannotCopy)):
            Vp9Reader().read(damaged)
