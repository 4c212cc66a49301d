"""The quantizers of pictures, read from their slice headers: those that ffmpeg reads, and those that were asked for."""

import re
import subprocess
from pathlib import Path

import av
import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.smartcut.bitstream import avcc, h264, h264_slice, hevc, hevc_slice, nal
from jobs.engine.smartcut.bitstream.hevc_parameter_sets import PPS_NUT, SPS_NUT, parse_sps
from tests.media import picture, run_ffmpeg, url

H264 = {
    "baseline": "-profile:v baseline -preset ultrafast",
    "three B-frames, weighted": "-preset veryfast -bf 3 -x264-params weightp=2:weightb=1:ref=4",
    "many references, several slices": "-preset medium -bf 3 -x264-params ref=8:slices=3:b-pyramid=normal",
    "open groups": "-preset veryfast -x264-params open-gop=1:keyint=12:bframes=2",
    "ten bits": "-pix_fmt yuv420p10le -preset veryfast",
    "4:4:4": "-pix_fmt yuv444p -preset veryfast -x264-params weightp=2",
    "a quantizer asked for": "-preset veryfast -qp 17",
    "a rate asked for": "-preset veryfast -b:v 60k",
}
HEVC = {
    "quick": "-preset ultrafast",
    "weighted, many references": "-preset medium -x265-params ref=5:weightp=1:weightb=1:bframes=4:b-adapt=1",
    "slices": "-preset ultrafast -x265-params slices=2:wpp=1",
    "a closed group without B-frames": "-preset superfast -x265-params bframes=0:open-gop=0",
    "temporal layers": "-preset superfast -x265-params temporal-layers=1:bframes=3",
    "ten bits": "-pix_fmt yuv420p10le -preset superfast",
    "a quantizer asked for": "-preset superfast -x265-params qp=19",
    "two sets of tools": "-preset slow -x265-params multi-pass-opt-rps=0:opt-qp-pps=1:opt-ref-list-length-pps=1",
}
FADING = ("-vf", "fade=out:st=0.4:d=1.2")
"""What encoders weight their references for."""


def made(path: Path, encoder: str, options: str) -> Path:
    coding = ["-c:v", encoder, *options.split()]
    run_ffmpeg(*picture(2, 25, "320x192"), *FADING, "-pix_fmt", "yuv420p", *coding, url(path))
    return path


def told(path: Path) -> list[int]:
    """SliceQPY of each picture's first slice, as ffmpeg reads the headers."""
    argv = [
        ffmpeg.program(),
        "-hide_banner",
        "-i",
        str(path),
        "-c",
        "copy",
        "-bsf:v",
        "trace_headers",
        "-f",
        "null",
        "-",
    ]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stderr.splitlines()
    found, init_qp, is_first = [], 26, True
    for line in lines:
        if match := re.search(r"\] \d+ +(\S+) .*= (-?\d+)$", line):
            name, value = match[1], int(match[2])
            if name in ("pic_init_qp_minus26", "init_qp_minus26"):
                init_qp = 26 + value
            elif name in ("first_mb_in_slice", "first_slice_segment_in_pic_flag"):
                is_first = value == (0 if name == "first_mb_in_slice" else 1)
            elif name == "slice_qp_delta" and is_first:
                found.append(init_qp + value)
    return found


def read(path: Path) -> list[int]:
    """The same, as the smart cut reads them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        is_h264 = stream.codec_context.name == "h264"
        module, syntax, sps_type, pps_type = (
            (h264, h264_slice, h264.SPS, h264.PPS) if is_h264 else (hevc, hevc_slice, SPS_NUT, PPS_NUT)
        )
        track_header = avcc if module is h264 else module
        length_bytes, sets = track_header.parse_extradata(stream.codec_context.extradata)
        sps, pps = (next(unit for unit in sets if module.nal_unit_type(unit) == kind) for kind in (sps_type, pps_type))
        sets = (h264.parse_sps if is_h264 else parse_sps)(sps), syntax.parse_pps(pps)
        slices = h264.SLICES if is_h264 else range(32)
        found = []
        for packet in container.demux(stream):
            units = nal.units(packet, length_bytes) if packet.size else ()
            first = next((unit for unit in units if module.nal_unit_type(unit) in slices), None)
            if first is not None:
                found.append(syntax.slice_qp(first, *sets))
        return found


@pytest.mark.parametrize("name", H264)
def test_an_h264_slice_tells_its_quantizer(name, tmp_path):
    source = made(tmp_path / "a.mp4", "libx264", H264[name])
    assert read(source) == told(source)
    assert len(read(source)) == 50


@pytest.mark.parametrize("name", HEVC)
def test_an_hevc_slice_tells_its_quantizer(name, tmp_path):
    source = made(tmp_path / "a.mp4", "libx265", HEVC[name])
    assert read(source) == told(source)
    assert len(read(source)) == 50
