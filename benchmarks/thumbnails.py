"""How long a storyboard of a long recording takes, against decoding it all with ffmpeg's `fps` filter, and moviepy.

    python benchmarks/thumbnails.py --media talk.mp4 [--minutes 60] [--part-minutes 6]

Encodes the recording once at 1080p (H.264, a keyframe at least every 250 frames) and repeats it without encoding. The
others are so slow that they get only a part of it; what they would take for the whole is in proportion, and counted as
processor time (user and system, children included), which other work on the machine changes least.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from moviepy import VideoFileClip

from jobs.engine.container import ffmpeg
from jobs.engine.probe.inspection import inspect
from jobs.engine.video import storyboard
from jobs.engine.video.thumbnails import even

WIDTH = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with a picture")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--part-minutes", type=float, default=6, help="how much of it the others get")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = looped(arguments.media, folder, arguments.minutes)
        info = inspect(source)
        made, ours = timed(lambda: storyboard.make(source, info, folder, width=WIDTH))
        print(f"{float(info.duration) / 60:.0f} minutes, {info.size_bytes / 1e6:.0f} MB, {made.count} pictures")
        row("storyboard", ours, ours)
        part = min(1, arguments.part_minutes / arguments.minutes)
        interval = float(info.duration) / made.count
        length = ("-t", str(float(info.duration) * part))
        row("ffmpeg, fps filter", timed(lambda: filtered(source, interval, length, folder))[1], ours, part)
        times = [float(moment) for moment in even(info.duration, made.count)]
        few = times[: max(1, round(len(times) * part))]
        with VideoFileClip(str(source), audio=False) as clip:
            row("moviepy, get_frame", timed(lambda: grabbed(clip, few))[1], ours, len(few) / len(times))


def looped(media: Path, folder: Path, minutes: float) -> Path:
    once, source = folder / "once.mp4", folder / "source.mp4"
    scale = ("-vf", "scale=1920:1080,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-an")
    run("-i", media, *scale, once)
    run("-stream_loop", -1, "-i", once, "-t", minutes * 60, "-c", "copy", source)
    return source


def filtered(source: Path, interval: float, length: tuple[str, str], folder: Path) -> None:
    graph = f"fps=1/{interval},scale={WIDTH}:-2"
    run("-threads", 2, *length, "-i", source, "-vf", graph, folder / "tile-%04d.jpg")


def grabbed(clip: VideoFileClip, times: list[float]) -> None:
    for moment in times:
        clip.get_frame(moment)


def run(*arguments: object) -> None:
    subprocess.run([ffmpeg.program(), "-v", "error", "-y", *map(str, arguments)], check=True)


def timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What the work returns; seconds on the clock, and of processor."""
    before, begun = used(), time.monotonic()
    made = work()
    return made, (time.monotonic() - begun, used() - before)


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def row(name: str, taken: tuple[float, float], ours: tuple[float, float], part: float = 1) -> None:
    clock, processor = (seconds / part for seconds in taken)
    print(
        f"{name:<20} {clock:8.1f} s {processor:8.1f} s processor {clock / ours[0]:6.0f} x {processor / ours[1]:6.0f} x"
    )


if __name__ == "__main__":
    main()
