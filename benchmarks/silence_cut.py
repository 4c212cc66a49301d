"""How long the silence cut takes, against the ffmpeg one-liner on the same ranges, in one run.

    python benchmarks/silence_cut.py --media talk.mp4 [--loops 20] [--threshold-db -28] [--runs 3]
    python benchmarks/silence_cut.py --media talk.mp4 --loops 15 --keyframe-every 30 --cut-every 10
    python benchmarks/silence_cut.py --media talk.mp4 --loops 20 --keyframe-every 250 --quality
    python benchmarks/silence_cut.py --media talk.mp4 --loops 256 --height 1080 --keyframe-every 60 --alone
    python benchmarks/silence_cut.py --generate 60 --loops 10
    python benchmarks/silence_cut.py --media talk.mp4 --row noise --quality
    python benchmarks/silence_cut.py --media talk.mp4 --rows all --minutes 90 --quality --smartcut smartcut
    python benchmarks/silence_cut.py --generate 60 --codec av1 --keyframe-every 60
    python benchmarks/silence_cut.py --media talk.mp4 --loops 20 --auto-editor auto-editor --smartcut smartcut

Prints a table: seconds on the clock (the best of the runs), how many times faster than the one-liner at medium that
is, the same for seconds of processor of the program and its children (which other work on the machine changes least),
the recording's length over the time, the result's size, that over its share of the recording's (by its length), and the
most memory that was held. With `--quality` also the size of the picture alone, that over its share, and the PSNR (luma)
of encoded pictures against the recording's own: the mean, and the lowest. A row of `--row` is a recording made of the
media: the options that ROWS names, where none is given on the command line. `--rows` takes several in turn, each
`--brief` and in a process of its own, as long as there is time: a row that is not over then is ended, and said so.
Peers that are named by their program get the same ranges; auto-editor wants ffmpeg and ffprobe on the path. One that
refuses them, or takes longer than `--peer-minutes`, has its row all the same.
"""

import argparse
import contextlib
import itertools
import math
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.cut_recordings import CODERS, ROWS, Recipe, encoded, generated, looped, regular, run
from jobs.engine.analysis import peak_levels
from jobs.engine.container import ffmpeg
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.pipelines import silence_cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source


@dataclass
class Row:
    name: str
    seconds: float
    processor: float
    size: int = 0
    memory: int = 0
    stages: dict[str, float] | None = None
    output: Path | None = None
    failure: str = ""


@dataclass
class Quality:
    """Of a result's picture: bytes, and decibels of the encoded ones against the recording's own: mean and lowest."""

    size: int
    mean: float
    lowest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recordings = parser.add_mutually_exclusive_group(required=True)
    recordings.add_argument("--media", type=Path, help="a recording with picture, sound and silences")
    recordings.add_argument("--generate", type=int, metavar="SECONDS", help="make one of so many seconds instead")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--threshold-db", type=float, default=-28)
    parser.add_argument("--keyframe-every", type=int, help="encode the recording anew first, a keyframe every N frames")
    parser.add_argument(
        "--codec", choices=CODERS, default="h264", help="what --keyframe-every and --height encode it as"
    )
    parser.add_argument("--height", type=int, help="make the picture so many pixels high first, in proportion")
    parser.add_argument("--row", choices=ROWS, help="a recording of a kind")
    parser.add_argument("--rows", help=f"all, or some of them, with commas between: {', '.join(ROWS)}")
    parser.add_argument("--minutes", type=float, default=180, help="how long --rows may take")
    parser.add_argument("--peer-minutes", type=float, default=30, help="how long a peer may take")
    parser.add_argument("--seconds", type=float, help="take so much of the recording's beginning")
    parser.add_argument("--frame-rate", type=int, help="with --keyframe-every: at this rate")
    parser.add_argument("--noise", type=int, default=0, help="with --keyframe-every: with noise of this strength")
    parser.add_argument(
        "--variable", action="store_true", help="with --keyframe-every: without a third of its pictures"
    )
    parser.add_argument("--stereo", action="store_true", help="with two voices in a room for its sound")
    parser.add_argument("--sound-alone", action="store_true", help="without its picture")
    parser.add_argument("--brief", action="store_true", help="the smart cut, the one-liner at medium, and peers")
    parser.add_argument("--alone", action="store_true", help="the smart cut alone, for its time and its memory")
    parser.add_argument("--cut-every", type=float, help="cut a second out every S seconds instead of the silence")
    parser.add_argument("--quality", action="store_true", help="compare the pictures of the results, too")
    parser.add_argument("--auto-editor", type=Path, metavar="PROGRAM", help="compare with auto-editor, too")
    parser.add_argument("--smartcut", type=Path, metavar="PROGRAM", help="compare with smartcut, too")
    parser.add_argument("--runs", type=int, default=1)
    parser.set_defaults(**ROWS.get(parser.parse_args().row, {}))
    arguments = parser.parse_args()
    if arguments.rows:
        in_turn(parser, arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        source, plan, rows = measured(arguments, Path(folder))
        print_table(source, plan, rows)
        if arguments.quality and inspect(source).video:
            print_quality(source, plan, rows)


def in_turn(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Each row as this program with `--row`, given the other arguments of this call."""
    names = list(ROWS) if arguments.rows == "all" else arguments.rows.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        parser.error(f"there is no row {', '.join(unknown)}")
    own = {"rows", "minutes", "row"}
    given = {name: value for name, value in vars(arguments).items() if value != parser.get_default(name)}
    rest = [
        f"--{name.replace('_', '-')}{'' if value is True else f'={value}'}"
        for name, value in given.items()
        if name not in own
    ]
    ends = time.monotonic() + 60 * arguments.minutes
    for name in names:
        print(f"\n## {name}\n", flush=True)
        argv = [sys.executable, __file__, *rest, "--brief", "--row", name]
        with subprocess.Popen(argv, start_new_session=True) as row:
            try:
                if status := row.wait(max(0, ends - time.monotonic())):
                    print(f"ended with {status}")
            except subprocess.TimeoutExpired:
                os.killpg(row.pid, signal.SIGKILL)  # with the peer that it waits for
                print(f"not over after the {arguments.minutes:g} minutes that all rows had")


def measured(arguments: argparse.Namespace, folder: Path) -> tuple[Path, CutPlan, list[Row]]:
    media = arguments.media or generated(arguments.generate, folder)
    media = encoded(media, Recipe.of(arguments), folder)
    source = looped(media, arguments.loops, folder)
    info, params = inspect(source), CutParams(threshold_db=arguments.threshold_db)
    if arguments.cut_every:
        params = CutParams(keep=regular(info.duration, Fraction(str(arguments.cut_every))))
    plan = silence_cut.plan_only(Source(source, info), params)
    suffix = ".mp4" if info.video else ".m4a"
    ours, whole, medium, veryfast = (folder / f"{name}{suffix}" for name in ("ours", "whole", "medium", "veryfast"))

    def best(name: str, work: Callable[[], object], output: Path | None = None) -> Row:
        rows = [timed(name, work, output) for _ in range(arguments.runs)]
        return min(rows, key=lambda row: row.seconds)

    def peer(name: str, argv: list[str], output: Path) -> Row:
        try:
            return best(name, partial(run, argv, 60 * arguments.peer_minutes), output)
        except subprocess.CalledProcessError as error:
            return Row(name, math.nan, math.nan, failure=f"ended with {error.returncode}")
        except subprocess.TimeoutExpired:
            return Row(name, math.nan, math.nan, failure=f"not over after {arguments.peer_minutes:g} minutes")

    def cut(way: Literal["smart", "encode"], output: Path) -> silence_cut.CutResult:
        return silence_cut.cut(Source(source, info), params, output, Workspace(folder), RenderOptions(way))

    rows = [best("silence cut", partial(cut, "smart", ours), ours)]
    if arguments.alone:
        return source, plan, rows
    rows.append(peer("one-liner, medium", one_liner(source, plan, medium, x264("medium")), medium))
    if not arguments.brief:
        rows += [
            best("levels alone", lambda: peak_levels.measure(source, info)),
            best("plan alone", lambda: silence_cut.plan_only(Source(source, info), params)),
            best("silence cut, encode", partial(cut, "encode", whole), whole),
            peer("one-liner, veryfast", one_liner(source, plan, veryfast, x264("veryfast")), veryfast),
        ]
    if arguments.codec != "h264":
        same = folder / "same.mp4"
        argv = one_liner(source, plan, same, CODERS[arguments.codec])
        rows.append(peer(f"one-liner, {arguments.codec}", argv, same))
    rows += [peer(*one) for one in peers(arguments, source, plan, folder)]
    return source, plan, rows


def x264(preset: str) -> tuple[str, ...]:
    return ("-c:v", "libx264", "-preset", preset, "-crf", "20")


def one_liner(source: Path, plan: CutPlan, output: Path, coding: tuple[str, ...]) -> list[str]:
    """What people type: one pass, both filters choosing by time."""
    return [
        *(ffmpeg.program(), "-v", "error", "-y", "-i", str(source)),
        *(("-vn",) if output.suffix == ".m4a" else ("-vf", f"select='{kept(plan)}',setpts=N/FRAME_RATE/TB", *coding)),
        *("-af", f"aselect='{kept(plan)}',asetpts=N/SR/TB"),
        *("-c:a", "aac", "-b:a", "160k", str(output)),
    ]


def peers(
    arguments: argparse.Namespace, source: Path, plan: CutPlan, folder: Path
) -> Iterator[tuple[str, list[str], Path]]:
    """Name, command line and output of each peer that was named."""
    if arguments.auto_editor:
        output = folder / "auto-editor.mp4"
        edges = [Fraction(0), *itertools.chain(*plan.keep), plan.duration]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        removed = [f"{float(begin):.6f}s,{float(end):.6f}s" for begin, end in gaps if begin < end]
        options = ["--edit", "none", "--margin", "0s", "--silent-speed", "99999", "--no-open", "--progress", "none"]
        argv = [str(arguments.auto_editor), str(source), *options, "--cut-out", *removed, "-o", str(output)]
        yield "auto-editor", argv, output
    if arguments.smartcut:
        output = folder / "smartcut.mp4"
        edges = ",".join(f"{float(edge):.6f}" for edge in itertools.chain(*plan.keep))
        yield "smartcut", [str(arguments.smartcut), str(source), str(output), "-k", edges], output


def kept(plan: CutPlan) -> str:
    """An expression for filters that is true in what is kept."""
    # From just before the first picture, which rounding may not lose, to just before the end: `between` takes both in.
    return "+".join(f"between(t,{float(start) - 0.001:.6f},{float(end) - 0.001:.6f})" for start, end in plan.keep)


def quality(source: Path, plan: CutPlan, output: Path) -> Quality:
    """Compare each picture of a result with the one of the recording that it stands for."""
    numbered = "setpts=N/FRAME_RATE/TB"
    graph = f"[1:v]select='{kept(plan)}',{numbered}[a];[0:v]{numbered}[b];[b][a]psnr=stats_file=-"
    argv = [ffmpeg.program(), "-v", "error", "-i", str(output), "-i", str(source), "-lavfi", graph, "-f", "null", "-"]
    told = subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    # Of copied pictures, which are the same, nothing is to be said.
    found = [float(value) for value in re.findall(r"psnr_y:(\S+)", told) if value != "inf"] or [math.inf]
    return Quality(picture_bytes(output), sum(found) / len(found), min(found))


def picture_bytes(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(packet.size for packet in container.demux(video=0))


def timed(name: str, work: Callable[[], object], output: Path | None) -> Row:
    begun, used = time.monotonic(), processor_seconds()
    with Memory() as memory:
        result = work()
    size = output.stat().st_size if output else 0
    stages = result.seconds if isinstance(result, silence_cut.CutResult) else None
    return Row(name, time.monotonic() - begun, processor_seconds() - used, size, memory.most, stages, output)


def processor_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Memory:
    """The most resident memory of this process and its children together, looked at four times a second."""

    def __init__(self) -> None:
        self.most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.25):
            self.most = max(self.most, resident(Path("/proc/self")) + sum(map(resident, children())))


def children() -> list[Path]:
    found = []
    for thread in Path("/proc/self/task").iterdir():
        # Threads end at any time.
        with contextlib.suppress(OSError):
            found += (thread / "children").read_text().split()
    return [Path("/proc") / number for number in found]


def resident(folder: Path) -> int:
    try:
        return int((folder / "statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def print_table(source: Path, plan: CutPlan, rows: list[Row]) -> None:
    print(f"{float(plan.duration):.1f} s, {len(plan.keep)} kept ranges, {float(plan.output_duration):.1f} s kept\n")
    print(f"load of the machine {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores\n")
    print(f"| {'':20} | seconds | x medium | processor | x medium | x real time | size MB | of share | memory MB |")
    print(f"|{'-' * 22}|--------:|---------:|----------:|---------:|------------:|--------:|---------:|----------:|")
    medium = next((row for row in rows if row.name == "one-liner, medium"), Row("", math.nan, math.nan))
    share = source.stat().st_size * float(plan.output_duration / plan.duration)
    for row in rows:
        print(
            f"| {row.name:20} | {row.seconds:7.2f} | {medium.seconds / row.seconds:8.2f} "
            f"| {row.processor:9.2f} | {medium.processor / row.processor:8.2f} "
            f"| {float(plan.duration) / row.seconds:11.1f} | {row.size / 1e6:7.2f} | {row.size / share:8.2f} "
            f"| {row.memory / 1e6:9.0f} |"
        )
    for row in rows:
        if row.failure:
            print(f"\n{row.name}: {row.failure}")
        if row.stages:
            print(f"\n{row.name}: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in row.stages.items())}")


def print_quality(source: Path, plan: CutPlan, rows: list[Row]) -> None:
    print(f"\n| {'':20} | picture MB | of share | PSNR of encoded ones, dB | lowest |")
    print(f"|{'-' * 22}|-----------:|---------:|-------------------------:|-------:|")
    share = picture_bytes(source) * float(plan.output_duration / plan.duration)
    for row in rows:
        if row.output:
            found = quality(source, plan, row.output)
            print(
                f"| {row.name:20} | {found.size / 1e6:10.2f} | {found.size / share:8.2f} "
                f"| {found.mean:24.1f} | {found.lowest:6.1f} |"
            )


if __name__ == "__main__":
    main()
