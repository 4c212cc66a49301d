"""New sound beside the pictures of a recording, which are copied: all of them."""

from fractions import Fraction
from pathlib import Path

import pytest

from jobs.engine.captions.cues import Caption
from jobs.engine.pipelines import caption_video
from jobs.engine.pipelines.caption_video import TextTrack
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import replace_audio
from jobs.engine.render.stored_packets import stored_track
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests.clips import seen
from tests.media import picture, run_ffmpeg, url


@pytest.fixture(scope="module")
def late(tmp_path_factory) -> Path:
    """HEVC that begins in the middle of a group, as recordings off the air do."""
    folder = tmp_path_factory.mktemp("late")
    coding = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=50:bframes=3")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:duration=6")
    run_ffmpeg(*picture(6), *sound, *coding, "-c:a", "mp2", url(folder / "whole.ts"))
    data = (folder / "whole.ts").read_bytes()
    (folder / "late.ts").write_bytes(data[len(data) // 188 // 5 * 188 :])
    return folder / "late.ts"


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_pictures_before_the_first_keyframe_are_copied_as_well(late, name, tmp_path):
    info, output = inspect(late), tmp_path / name
    count = replace_audio.join(Source(late, info), info.audio, output, progress=lambda fraction: None)
    assert info.video is not None
    assert count == stored_track(late, "mpegts", info.video.index, CancellationToken()).count
    assert len(seen(output)) == len(seen(late))


def test_so_they_are_where_captions_are_put_inside(late, tmp_path):
    info = inspect(late)
    output = tmp_path / f"out{caption_video.suffix_for(info)}"
    shown = [Caption(Fraction(1), Fraction(2), "Hello")]
    caption_video.attach(
        Source(late, info), TextTrack(shown, "en"), output, Workspace(tmp_path, progress=lambda fraction, stage: None)
    )
    there = stored_track(output, "mov" if output.suffix == ".mp4" else "matroska", 0, CancellationToken())
    assert there.count == stored_track(late, "mpegts", 0, CancellationToken()).count
