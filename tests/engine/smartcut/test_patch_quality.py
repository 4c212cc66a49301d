"""What is encoded next to copied pictures: as fine as they are, in about as many bytes, and no coarser than is seen."""

import dataclasses
import functools
import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.smartcut import packet_survey, patch_quality, strategy
from jobs.engine.smartcut.codec import Coding
from jobs.engine.video import encoding_threads, frame_index
from jobs.engine.video.source import Source
from tests.media import run_ffmpeg, url
from tests.splices import chosen, encoded_pairs, frames_of, least_psnr, psnr, spliced_as_chosen

GRAIN = "testsrc2=size=320x176:rate=25:duration=6,noise=alls=12:allf=t,format=yuv420p"
STILL = "testsrc2=size=320x176:rate=25:duration=6,trim=end_frame=1,loop=149:1,format=yuv420p"
KEEP = (("0.4", "3.9"), ("4.3", "6"))
X264 = "libx264 -preset veryfast -g 50 -sc_threshold 0"
X265 = "libx265 -preset ultrafast -x265-params log-level=none:keyint=50:scenecut=0"


@functools.cache
def clip(folder: Path, picture: str, coding: str, name: str = "a.mp4") -> Path:
    output = folder / name
    run_ffmpeg("-f", "lavfi", "-i", picture, "-c:v", *coding.split(), url(output))
    return output


def surveyed(source: Path) -> packet_survey.CodedPictures:
    info = inspect(source)
    return strategy.survey_seekable(Source(source, info, frame_index.index_frames(source, info)))


def detail(frame: av.VideoFrame) -> float:
    """Energy of what differs from one pixel to the next."""
    luma = frame.to_ndarray()[: frame.height].astype(float)
    return float((np.diff(luma) ** 2).mean())


@pytest.mark.parametrize("quantizer", [12, 21, 33])
@pytest.mark.parametrize("coding", [f"{X264} -qp", "libx265 -preset ultrafast -x265-params log-level=none:qp"])
def test_the_quantizer_of_a_recording_is_told(coding, quantizer, tmp_path):
    separator = "=" if "x265" in coding else " "
    source = clip(tmp_path, GRAIN, f"{coding}{separator}{quantizer}")
    assert abs(surveyed(source).quantizer - quantizer) <= 2


@pytest.mark.parametrize("coding", [f"{X264} -crf 23", f"{X264} -bf 0 -crf 20", f"{X265} -crf 22"])
def test_grain_goes_on_across_a_join_at_the_rate_of_the_source(coding, tmp_path):
    """Less is lost of it than the source lost of what was filmed."""
    result = spliced_as_chosen(clip(tmp_path, GRAIN, coding), KEEP)
    shown = len(result.splice.wanted.source_pts)
    assert 0.2 < result.splice.copied / shown < 0.8
    share = result.source.stat().st_size * shown / len(result.index.pts)
    assert result.output.stat().st_size <= 1.05 * share
    original = frames_of(clip(tmp_path, GRAIN, "libx264 -preset ultrafast -qp 0", "original.mp4"))
    for theirs, ours in encoded_pairs(result):
        assert psnr(theirs, ours) >= psnr(original[theirs.pts], theirs) + 1
    kept = [detail(ours) / detail(theirs) for theirs, ours in encoded_pairs(result)]
    assert 0.85 <= np.mean(kept) <= 1.1
    assert min(kept) >= 0.75


def test_few_bytes_of_a_still_picture_do_not_become_many(tmp_path):
    result = spliced_as_chosen(clip(tmp_path, STILL, f"{X264} -crf 20"), KEEP)
    share = result.source.stat().st_size * len(result.splice.wanted.source_pts) / len(result.index.pts)
    assert result.output.stat().st_size <= 1.5 * share
    assert least_psnr(result) >= 36


def test_a_recording_of_many_bytes_is_encoded_finely_and_no_finer_than_is_seen(tmp_path):
    settings = chosen(clip(tmp_path, GRAIN, f"{X264} -qp 4"), KEEP).splice.coding.settings
    assert (settings.preset, settings.finest) == ("ultrafast", 16)


def test_pictures_that_do_not_decode_are_not_tried(tmp_path, monkeypatch):
    source = clip(tmp_path, GRAIN, f"{X264} -crf 23")

    def torn(self, decoding, run):
        raise patch_quality.Unsound("torn")

    monkeypatch.setattr(patch_quality.RangeDecoder, "frames", torn)
    settings = chosen(source, KEEP).splice.coding.settings
    assert settings.preset == "veryfast"


def test_of_large_frames_few_are_held(tmp_path, monkeypatch):
    """x265 holds each that it looks ahead to in six copies, of 4K a gigabyte: it gets them one by one."""
    source = clip(tmp_path, GRAIN, f"{X265} -crf 22")
    first, *others = held(source)
    assert first == 1 and min(others) > 4
    monkeypatch.setattr(encoding_threads, "LARGE_FRAME_BYTES", 0)
    assert held(source) == [1]


def held(source: Path) -> list[int]:
    """With each of the settings to choose from: how many frames go in before the first comes out."""
    coding = chosen(source, KEEP).splice.coding
    steps = coding.codec.steps(coding.quantizer, coding.track)
    return [frames_before_a_packet(dataclasses.replace(coding, settings=step)) for step in steps]


def frames_before_a_packet(coding: Coding) -> int:
    encoder = coding.codec.open_encoder(coding)
    for count in itertools.count(1):
        frame = av.VideoFrame(encoder.width, encoder.height, encoder.pix_fmt)
        frame.pts = count
        if encoder.encode(frame):
            break
    return count
