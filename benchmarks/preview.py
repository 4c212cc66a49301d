"""How long a trailer of a long recording takes, and where the time goes.

    python benchmarks/preview.py --media talk.mp4 [--loops 85] [--seconds 15] [--runs 3]

Prints, for the best of the runs, seconds on the clock and seconds of processor of the program and its children for each
stage and for the whole.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.container import ffmpeg
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.trailer import TrailerOptions, trailer
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source

Spent = dict[str, tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with picture and sound")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mp4"
        argv = [ffmpeg.program(), "-v", "error", "-stream_loop", str(arguments.loops - 1), "-i", str(arguments.media)]
        subprocess.run([*argv, "-map", "0", "-c", "copy", str(source)], check=True)
        info = inspect(source)
        print(f"{float(info.duration):.0f} s, {info.size_bytes / 1e6:.0f} MB, {info.video.width}x{info.video.height}")
        plan = TrailerOptions(Fraction(arguments.seconds), 5, 640, title="Weekly review", closing="See all of it")
        runs = [spent(source, info, plan, Path(folder)) for _ in range(arguments.runs)]
        best = min(runs, key=lambda run: sum(clock for clock, _ in run.values()))
        for stage, (clock, processor) in best.items():
            print(f"{stage:<26} {clock:8.2f} s {processor:8.2f} s processor")
        clock, processor = (sum(each) for each in zip(*best.values(), strict=True))
        print(f"{'all':<26} {clock:8.2f} s {processor:8.2f} s processor")


def spent(source: Path, info: MediaInfo, plan: TrailerOptions, folder: Path) -> Spent:
    """Seconds on the clock and of processor for each stage."""
    found: Spent = {}
    last = ("", time.monotonic(), used())

    def tell(fraction: float, stage: str) -> None:
        nonlocal last
        stage = stage.partition(" excerpt")[0]
        if stage != last[0]:
            account(stage)

    def account(stage: str) -> None:
        nonlocal last
        now = (stage, time.monotonic(), used())
        if last[0]:
            found[last[0]] = (now[1] - last[1], now[2] - last[2])
        last = now

    trailer(Source(source, info), plan, folder / "trailer.mp4", Workspace(folder, progress=tell))
    account("")
    return found


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
