"""What joining costs: three parts, each RECORDING looped to MINUTES, against ffmpeg's concat demuxer.

    python benchmarks/join.py talk.mp4 --minutes 20

The table has a row for each way: all copied, the picture copied and audio encoded, a part of another size among them,
and all encoded. ffmpeg's rows are the concat demuxer with all streams copied, and its concat filter, which encodes.
Time on the clock, of processors, and the most memory that any process had.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.engine.container import ffmpeg
from jobs.engine.pipelines.join import JoinOptions, join
from jobs.engine.probe.inspection import inspect
from jobs.engine.render.joined_parts import Part
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source

PARTS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--minutes", type=float, default=20, help="length of each part")
    parser.add_argument("--encoding-minutes", type=float, default=2, help="length of each part where all is encoded")
    options = parser.parse_args()
    print("| way | minutes | on the clock | of processors | memory | frames copied | audio | check |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="join-") as name:
        folder = Path(name)
        part = looped(options.recording, folder / "part.mp4", options.minutes)
        short = looped(options.recording, folder / "short.mp4", options.encoding_minutes)
        small = other_size(short, folder / "small.mp4")
        whole, brief = options.minutes * PARTS, options.encoding_minutes * PARTS
        row("ffmpeg, concat demuxer, copied", whole, lambda: demuxed([part] * PARTS, folder))
        row("join, all copied", whole, lambda: joined([part] * PARTS, folder))
        row("join, audio encoded", whole, lambda: joined([part] * PARTS, folder, audio="encode"))
        row("ffmpeg, concat filter, encoded", brief, lambda: filtered([short] * PARTS, folder))
        row("join, the middle one smaller", brief, lambda: joined([short, small, short], folder))
        row("join, all encoded", brief, lambda: joined([short] * PARTS, folder, way="encode", audio="encode"))


def run(*arguments: object) -> None:
    subprocess.run([ffmpeg.program(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def looped(recording: Path, output: Path, minutes: float) -> Path:
    run("-stream_loop", -1, "-i", recording, "-t", minutes * 60, "-c", "copy", output)
    return output


def other_size(recording: Path, output: Path) -> Path:
    run("-i", recording, "-vf", "scale=640:480", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy", output)
    return output


def demuxed(parts: list[Path], folder: Path) -> dict[str, object]:
    listed = folder / "list.txt"
    listed.write_text("".join(f"file '{part}'\n" for part in parts))
    run("-f", "concat", "-safe", 0, "-i", listed, "-c", "copy", "-movflags", "+faststart", folder / "joined.mp4")
    return {}


def filtered(parts: list[Path], folder: Path) -> dict[str, object]:
    inputs = [word for part in parts for word in ("-i", part)]
    graph = "".join(f"[{number}:v][{number}:a]" for number in range(len(parts))) + f"concat=n={len(parts)}:v=1:a=1"
    coding = ("-c:v", "libx264", "-preset", "veryfast", "-crf", 19, "-c:a", "aac")
    run(*inputs, "-filter_complex", graph, *coding, "-movflags", "+faststart", folder / "joined.mp4")
    return {}


def joined(parts: list[Path], folder: Path, **options: str) -> dict[str, object]:
    sources = [Part(Source(part, inspect(part)), part.name) for part in parts]
    result = join(sources, folder / "joined.mp4", Workspace(folder), JoinOptions(**options))  # type: ignore[arg-type]
    told = result.to_json()
    return {key: told[key] for key in ("frames", "frames_copied", "audio_copied", "checked")}


def row(name: str, minutes: float, work: Callable[[], dict[str, object]]) -> None:
    """Measure one way in a process of its own, and print what it took."""
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        made = work()
        own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        made["processors"] = sum(one.ru_utime + one.ru_stime for one in (own, others))
        made["memory"] = max(own.ru_maxrss, others.ru_maxrss) / 1024
        os.write(writing, json.dumps(made).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    seconds, made = time.monotonic() - began, json.loads(text)
    copied = f"{made['frames_copied']} of {made['frames']}" if "frames" in made else ""
    audio = "" if "audio_copied" not in made else "copied" if all(made["audio_copied"]) else "encoded"
    figures = f"{seconds:.1f} s | {made['processors']:.1f} s | {made['memory']:.0f} MB"
    print(f"| {name} | {minutes:g} | {figures} | {copied} | {audio} | {made.get('checked', '')} |", flush=True)


if __name__ == "__main__":
    main()
