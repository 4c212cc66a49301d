"""How long taking the sound out of a recording takes, against `cp` of the same file and the same sound by plain ffmpeg.

    python benchmarks/extract_audio.py --media talk.mp4 [--loops 85] [--runs 3]

Prints a table: seconds on the clock (the best of the runs), seconds of processor of the program and its children, and
the recording's length over the time on the clock.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.track_file import AudioFileOptions
from jobs.engine.container import ffmpeg
from jobs.engine.pipelines.extract_audio import extract
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace

OPTIONS = {
    "copy": AudioFileOptions(),
    "mp3": AudioFileOptions("mp3"),
    "m4a at 96 kbit/s": AudioFileOptions("m4a", bitrate_kbps=96),
    "opus": AudioFileOptions("opus"),
    "flac": AudioFileOptions("flac"),
    "wav": AudioFileOptions("wav"),
    "mp3 at -16 LUFS": AudioFileOptions("mp3", loudness_lufs=-16),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with sound")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source.mp4", Path(folder) / "out"
        argv = [ffmpeg.program(), "-v", "error", "-stream_loop", str(arguments.loops - 1), "-i", str(arguments.media)]
        subprocess.run([*argv, "-map", "0", "-c", "copy", str(source)], check=True)
        info = inspect(source)
        print(f"{float(info.duration):.0f} s, {info.size_bytes / 1e6:.0f} MB, sound in {info.audio[0].codec}")
        report("cp", arguments.runs, info.duration, lambda: subprocess.run(["cp", source, output], check=True))
        for name, options in OPTIONS.items():

            def work(options: AudioFileOptions = options) -> object:
                return extract(AudioSource(source, info, info.audio[0]), options, output, Workspace(output.parent))

            report(name, arguments.runs, info.duration, work)


def report(name: str, runs: int, duration, work: Callable[[], object]) -> None:
    taken = [timed(work) for _ in range(runs)]
    clock, processor = min(one[0] for one in taken), min(one[1] for one in taken)
    print(f"{name:<18} {clock:8.2f} s {processor:8.2f} s processor {float(duration) / clock:8.0f} x")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    before, begun = used(), time.monotonic()
    work()
    return time.monotonic() - begun, used() - before


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
