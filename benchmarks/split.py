"""How long splitting a recording takes, against `cp` of the same file and ffmpeg's segment muxer.

    python benchmarks/split.py --media talk.mp4 [--loops 85] [--minutes 10] [--runs 3]

Prints a table: seconds on the clock (the best of the runs), seconds of processor of the program and its children, how
many parts there are, and how much of the picture was copied.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.container import ffmpeg, muxers
from jobs.engine.pipelines.split import split
from jobs.engine.pipelines.split_options import Pauses, SplitOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime import zip_archive
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with picture and sound")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--minutes", type=Fraction, default=Fraction(10), help="how long parts are")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.mp4"
        run(
            *("-stream_loop", str(arguments.loops - 1), "-i", str(arguments.media)),
            *("-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-movflags", "+faststart", str(source)),
        )
        measure(source, folder / "parts", 60 * arguments.minutes, arguments.runs)


def measure(source: Path, folder: Path, seconds: Fraction, runs: int) -> None:
    info = inspect(source)
    print(f"{float(info.duration):.0f} s, {info.size_bytes / 1e6:.0f} MB, parts of {float(seconds) / 60:g} min")
    size = info.size_bytes * seconds / info.duration
    ways = {
        "exact": SplitOptions(seconds=seconds),
        "at keyframes": SplitOptions(seconds=seconds, at="keyframe"),
        f"{float(size) / 1e6:.0f} MB": SplitOptions("megabytes", maximum_bytes=int(size)),
        "pauses": SplitOptions("silences", pauses=Pauses(minimum_ms=500, minimum_part_seconds=seconds / 2)),
        "pauses, voice": SplitOptions("silences", pauses=Pauses("voice", minimum_part_seconds=seconds / 2)),
    }

    def copied() -> str:
        shutil.copyfile(source, folder / "copy.mp4")
        return ""

    def segmented(container: str = "mp4") -> str:
        command = ("-i", str(source), "-map", "0", "-c", "copy", "-f", "segment", "-reset_timestamps", "1")
        run(*command, "-segment_time", f"{float(seconds):f}", str(folder / f"%03d.{container}"))
        return f"{len(list(folder.iterdir()))} parts"

    report("cp", folder, runs, copied)
    report("ffmpeg -f segment -c copy", folder, runs, segmented)
    for name, options in ways.items():
        report(name, folder, runs, lambda options=options: made(Source(source, info), options, folder))
    report(
        "at keyframes, in a zip file", folder, runs, lambda: zipped(Source(source, info), ways["at keyframes"], folder)
    )
    alone = Source(source, info).audio_only
    report("sound alone, exact", folder, runs, lambda: made(alone, ways["exact"], folder))


def made(source: Source, options: SplitOptions, folder: Path) -> str:
    container = muxers.without_video(muxers.MP4, source.info)
    result = split(source, options, folder, container, Workspace(folder.parent))
    return f"{len(result.parts)} parts. {result.told.reason or ' '.join(result.told.notes or ())}"


def zipped(source: Source, options: SplitOptions, folder: Path) -> str:
    told = made(source, options, folder)
    for _ in zip_archive.stored([(path.name, path) for path in sorted(folder.iterdir())], folder / "parts.zip"):
        pass
    return told


def run(*arguments: str) -> None:
    subprocess.run([ffmpeg.program(), "-v", "error", "-y", *arguments], check=True)


def report(name: str, folder: Path, runs: int, work: Callable[[], str]) -> None:
    taken = [timed(folder, work) for _ in range(runs)]
    clock, processor, told = min(taken)
    print(f"{name:<28} {clock:7.2f} s {processor:7.2f} s processor  {told}", flush=True)


def timed(folder: Path, work: Callable[[], str]) -> tuple[float, float, str]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    before, begun = used(), time.monotonic()
    told = work()
    return time.monotonic() - begun, used() - before, told


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
