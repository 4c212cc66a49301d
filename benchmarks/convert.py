"""What trimming and converting a recording costs, against `cp` of the same file and against ffmpeg's plain encodings.

    python benchmarks/convert.py --media talk.mp4 [--loops 10] [--seconds 20]

Prints a table: seconds on the clock and of processor (of the program and its children), and the size of the result.
Copies are measured on the looped recording; encodings on `--seconds` of it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.container import ffmpeg
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines.convert import hls
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source

PLAIN = {
    "ffmpeg, x264 medium, crf 23": ("-c:v", "libx264", "-crf", "23"),
    "ffmpeg, x264 fast, crf 21": ("-c:v", "libx264", "-preset", "fast", "-crf", "21"),
}
OPTIONS = {
    "mp4, picture encoded": ConvertOptions("mp4", "medium"),
    "mp4 in 480p": ConvertOptions("mp4", shape=Shape(resolution=480)),
    "hevc": ConvertOptions("hevc", "medium"),
    "av1": ConvertOptions("av1", "medium"),
    "webm": ConvertOptions("webm", "medium"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording in H.264 and AAC")
    parser.add_argument("--loops", type=int, default=10, help="repeat the recording this often, without encoding")
    parser.add_argument("--seconds", type=int, default=20, help="of the recording, for what has to be encoded")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, short, output = folder / "source.mp4", folder / "short.mp4", folder / "out"
        encode(["-stream_loop", str(arguments.loops - 1), "-i", arguments.media, "-c", "copy", source])
        encode(["-i", arguments.media, "-t", str(arguments.seconds), "-c", "copy", short])
        copies(source, output, folder)
        encodings(short, output, folder)


def copies(source: Path, output: Path, folder: Path) -> None:
    info = inspect(source)
    print(f"{float(info.duration):.0f} s, {info.size_bytes / 1e6:.0f} MB, {info.video}")
    report("cp", output, lambda: subprocess.run(["cp", source, output], check=True))
    report("mp4, copied", output, lambda: convert(Source(source, info), ConvertOptions(), output, Workspace(folder)))
    trimmed = output.with_suffix(".mp4")
    middle = CutParams(keep=((info.duration / 10 + Fraction(1, 3), info.duration * 9 / 10 + Fraction(1, 3)),))
    for way in ("smart", "encode"):
        report(
            f"trim to 80 %, {way}",
            trimmed,
            lambda way=way: cut(Source(source, info), middle, trimmed, Workspace(folder), RenderOptions(way=way)),
        )  # type: ignore[misc]


def encodings(source: Path, output: Path, folder: Path) -> None:
    info = inspect(source)
    print(f"\n{float(info.duration):.0f} s, {info.size_bytes / 1e6:.1f} MB")
    for name, options in PLAIN.items():
        report(
            name, output, lambda options=options: encode(["-i", source, *options, "-c:a", "copy", "-f", "mp4", output])
        )  # type: ignore[misc]
    for name, options in OPTIONS.items():
        report(name, output, lambda options=options: convert(Source(source, info), options, output, Workspace(folder)))  # type: ignore[misc]
    half = ConvertOptions("mp4", limit_bytes=info.size_bytes // 2)
    report("mp4 of half the size", output, lambda: convert(Source(source, info), half, output, Workspace(folder)))
    report("hls", output, lambda: hls.stream(Source(source, info), Shape(), output, Workspace(folder)))
    sizes = hls.ladder(info.require_video(), Shape())
    report(
        f"hls's {len(sizes)} sizes one by one",
        output,
        lambda: [alone(source, output, info, one, folder) for one in sizes],
    )


def alone(source: Path, output: Path, info, one, folder: Path) -> None:
    convert(
        Source(source, info),
        ConvertOptions("mp4", "medium", shape=Shape(resolution=one.short_side)),
        output,
        Workspace(folder),
    )


def encode(arguments: list[object]) -> None:
    subprocess.run([ffmpeg.program(), "-y", "-v", "error", *map(str, arguments)], check=True)


def report(name: str, output: Path, work: Callable[[], object]) -> None:
    before, begun = used(), time.monotonic()
    work()
    clock, processor = time.monotonic() - begun, used() - before
    print(f"{name:<28} {clock:8.2f} s {processor:8.2f} s processor {output.stat().st_size / 1e6:8.2f} MB", flush=True)


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
