"""What tests of converting share."""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import Converted, convert
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound
from tests.media import run_ffmpeg, url
from tests.processes import wait_for

LOUD = [(0.3, 0.8), (1.2, 1.7)]
SHORT = Picture(seconds=2)
SOUND = Sound(LOUD, seconds=2)


def run(source: Path, options: ConvertOptions | None = None, **told) -> tuple[Converted, Path]:
    options = options or ConvertOptions()
    scratch = source.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    output = source.parent / f"converted{options.kind.suffix}"
    made = convert(Source(source, inspect(source)), options, output, Workspace(scratch, **told))
    assert list(scratch.iterdir()) == []
    return made, output


def killed(source: Path, options: ConvertOptions, parts: Path, beyond: float) -> None:
    """Convert in a process of its own, which is killed when it has come beyond a fraction."""
    reached = source.with_name("reached")

    def hold(done: float, stage: str) -> None:
        if done > beyond:
            reached.touch()
            time.sleep(3600)

    if not (pid := os.fork()):
        with contextlib.suppress(BaseException):
            run(source, options, kept=KeptParts(FolderPlace(parts)), progress=hold)
        os._exit(1)
    try:
        wait_for(reached.exists, "the conversion to come so far", 300)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    shutil.rmtree(source.parent / "scratch")  # as whoever takes its job away does


def noisy(path: Path) -> Path:
    """Three seconds that are hard to compress, with a tone."""
    picture = "testsrc2=size=160x96:rate=25:duration=3,noise=alls=40:allf=t"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    run_ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=3", *coding, url(path))
    return path
