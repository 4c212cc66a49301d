"""How long laying a mark over a recording takes, against plain ffmpeg's `overlay` with the same encoder settings.

    python benchmarks/watermark.py --media talk.mp4 [--loops 10] [--runs 3]

Prints a table: seconds on the clock and seconds of processor of the program and its children (the best of the runs),
and both as a share of plain ffmpeg's. The mark is an image of 400 by 200 pixels, a fifth of the picture wide.
"""

import argparse
import functools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.container import ffmpeg
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.watermark import Mark, watermark
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.encoder_settings import H264
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source

ENCODER = ("-c:v", H264.name, "-preset", H264.preset, "-crf", str(H264.crf))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with picture and sound")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, logo = folder / "source.mp4", folder / "logo.png"
        argv = [ffmpeg.program(), "-v", "error", "-stream_loop", str(arguments.loops - 1), "-i", str(arguments.media)]
        subprocess.run([*argv, "-map", "0", "-c", "copy", str(source)], check=True)
        Image.new("RGBA", (400, 200), (200, 30, 30, 128)).save(logo)
        info = inspect(source)
        begin = info.duration / 2
        looks = {
            "all the time": OverlayOptions(),
            "for 10 s": OverlayOptions(start=begin, end=begin + 10, fade=Fraction(1)),
        }
        plain = report("plain ffmpeg", arguments.runs, lambda: overlay(source, info, logo, folder / "plain.mp4"))
        for told, look in looks.items():
            work = functools.partial(
                watermark, Source(source, info), Mark(logo), look, folder / "out.mp4", Workspace(folder)
            )
            report(told, arguments.runs, work, plain)


def overlay(source: Path, info: MediaInfo, logo: Path, out: Path) -> None:
    """What somebody would type."""
    across = round(info.video.display_size[0] / 5)
    graph = f"[1:v]scale={across}:-1[mark];[0:v][mark]overlay=10:10"
    argv = [ffmpeg.program(), "-v", "error", "-y", "-i", str(source), "-i", str(logo), "-filter_complex", graph]
    subprocess.run([*argv, *ENCODER, "-c:a", "copy", str(out)], check=True)


def report(name: str, runs: int, work: Callable[[], object], plain: tuple[float, float] | None = None):
    taken = [timed(work) for _ in range(runs)]
    clock, processor = min(one[0] for one in taken), min(one[1] for one in taken)
    shares = f"{clock / plain[0]:8.2f} x {processor / plain[1]:8.2f} x" if plain else ""
    print(f"{name:<14} {clock:8.2f} s {processor:8.2f} s processor {shares}")
    return clock, processor


def timed(work: Callable[[], object]) -> tuple[float, float]:
    before, begun = used(), time.monotonic()
    work()
    return time.monotonic() - begun, used() - before


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
