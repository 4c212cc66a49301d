"""What a killed worker costs: long work killed at a share of its way, then done again from what was kept, and anew.

    python benchmarks/going_on.py [--media talk.mp4] [--minutes 10] [--size 1920x1080] [--at 0.7] [--work convert]

Each try is a process of its own, killed by SIGKILL. Prints a table: seconds on the clock and of processor for the work
as a whole and for what came after the kill, the share of the work that was done again, and how much was kept.
Without `--media` the recording is made: a test picture with noise, and a tone; `transcribe` needs one with speech.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.captions.transcribe import transcribe
from jobs.engine.container import ffmpeg
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.pipelines.trim import TrimOptions, trim
from jobs.engine.pipelines.watermark import Mark, watermark
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source

Work = Callable[[Source, Path, Workspace], object]


def whole(source: Source, output: Path, work: Workspace) -> object:
    kept = TrimOptions(Fraction(0), source.info.duration)
    return trim(source, kept, output, work, RenderOptions("encode"))


def marked(source: Source, output: Path, work: Workspace) -> object:
    return watermark(source, Mark(text="benchmark"), OverlayOptions(), output, work)


def converted(source: Source, output: Path, work: Workspace) -> object:
    return convert(source, ConvertOptions(quality="medium"), output, work)


def written_down(source: Source, output: Path, work: Workspace) -> object:
    audio = AudioSource(source.path, source.info, source.info.audio[0])
    return transcribe(audio, RecogniserOptions(), work)


WORKS: dict[str, Work] = {"encode": whole, "watermark": marked, "convert": converted, "transcribe": written_down}


@dataclasses.dataclass(frozen=True)
class Try:
    seconds: float
    processor: float
    reached: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--at", type=float, default=0.7, help="the share of the work at which it is killed")
    parser.add_argument("--work", nargs="+", choices=WORKS, default=["encode", "watermark", "convert"])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.media, *arguments.child)
        return
    with tempfile.TemporaryDirectory() as name:
        media = arguments.media or made(Path(name) / "made.mp4", arguments.minutes, arguments.size)
        print(
            "| work | as a whole, or anew: s | of processor | killed at | from what was kept: s | of processor "
            "| done again, anew | from what was kept | kept, MB |"
        )
        print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
        for work in arguments.work:
            compare(work, media, arguments.at, Path(name) / work)


def made(path: Path, minutes: float, size: str) -> Path:
    picture = f"testsrc2=size={size}:rate=25:duration={60 * minutes},noise=alls=8:allf=t,format=yuv420p"
    sound = ("-f", "lavfi", "-i", f"sine=duration={60 * minutes}")
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-g", "100", "-c:a", "aac")
    subprocess.run([*ffmpeg.writing(), "-f", "lavfi", "-i", picture, *sound, *coding, f"file:{path}"], check=True)
    return path


def compare(work: str, media: Path, at: float, folder: Path) -> None:
    whole_run = attempt(work, media, folder / "whole", "")
    killed = attempt(work, media, folder / "first", str(folder / "parts"), stop_at=at)
    size = sum(file.stat().st_size for file in (folder / "parts").rglob("*") if file.is_file())
    after = attempt(work, media, folder / "second", str(folder / "parts"))
    again = after.processor / whole_run.processor - (1 - killed.reached)
    print(
        f"| {work} | {whole_run.seconds:.0f} | {whole_run.processor:.0f} | {killed.reached:.0%} "
        f"| {after.seconds:.0f} | {after.processor:.0f} | {killed.reached:.0%} | {max(0.0, again):.0%} "
        f"| {size / 1e6:.0f} |",
        flush=True,
    )


def attempt(work: str, media: Path, folder: Path, parts: str, stop_at: float = 2.0) -> Try:
    """Do it in a process of its own, up to a share of the work."""
    (folder / "cache").mkdir(parents=True)
    command = [sys.executable, __file__, "--media", str(media), "--child", work, str(folder), parts or "none"]
    started, reached = time.monotonic(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    for line in process.stdout:
        reached = json.loads(line)
        if reached >= stop_at:
            os.killpg(process.pid, 9)
            break
    _, status, usage = os.wait4(process.pid, 0)
    if stop_at > 1 and status:
        raise SystemExit(f"{work} ended with {status}")
    return Try(time.monotonic() - started, usage.ru_utime + usage.ru_stime, reached)


def child(media: Path, work: str, folder: str, parts: str) -> None:
    kept = None if parts == "none" else KeptParts(FolderPlace(Path(parts)))

    def progress(fraction: float, stage: str) -> None:
        print(json.dumps(fraction), flush=True)

    space = Workspace(Path(folder), Path(folder) / "cache", progress, kept=kept)
    WORKS[work](Source(media, inspect(media)), Path(folder) / "result.mp4", space)


if __name__ == "__main__":
    main()
