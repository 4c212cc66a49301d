"""Tiny recordings for the tests, made on the spot with known contents."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

from jobs.engine.container import ffmpeg
from tests import clip_cache

FAST_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-pix_fmt", "yuv420p")
A_FILE = re.compile(r"(^|[:=,'])/")
"""What an argument looks like that names a file, alone or within a filter."""


def run_ffmpeg(*arguments: object) -> None:
    """Run ffmpeg, overwriting its output; its own words are the failure's message."""
    *words, output = map(str, arguments)
    path = Path(output.removeprefix("file:"))
    if any(A_FILE.search(word) for word in words) or output == "-":
        _run(*words, output)
    else:  # of generators alone
        clip_cache.kept(path, ("ffmpeg", path.suffix, *words), lambda: _run(*words, output))


def _run(*arguments: str) -> None:
    command = [ffmpeg.program(), "-v", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def picture(seconds: object = 4, rate: Fraction | int | str = 25, size: str = "160x90") -> tuple[str, ...]:
    """Input arguments of a moving test picture."""
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")


def tone(seconds: object = 4, hertz: int = 440, sample_rate: int = 44100) -> tuple[str, ...]:
    """Input arguments of a mono sine."""
    return ("-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}:sample_rate={sample_rate}")


def video(path: Path, *options: object, seconds: object = 4, rate: Fraction | int | str = 25) -> Path:
    """A recording with moving picture (H.264) and a tone (AAC); the container follows the name."""
    run_ffmpeg(*picture(seconds, rate), *tone(seconds), *FAST_X264, "-c:a", "aac", *options, url(path))
    return path


def audio(path: Path, *options: object, seconds: object = 4) -> Path:
    """A tone; container and codec follow the name."""
    run_ffmpeg(*tone(seconds), *options, url(path))
    return path


def remuxed(source: Path, path: Path, *options: object, before: tuple[object, ...] = ()) -> Path:
    """The same streams in another file."""
    run_ffmpeg(*before, "-i", url(source), "-map", "0", "-c", "copy", *options, url(path))
    return path


def still(path: Path, *options: object) -> Path:
    """One picture; the format follows the name."""
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36", "-frames:v", 1, *options, url(path))
    return path


def cut_bytes(source: Path, path: Path, fraction: float) -> Path:
    """The first part of a file's bytes, as a broken upload leaves it."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def url(path: Path) -> str:
    """A path that ffmpeg cannot take for an option or an address."""
    return f"file:{path}"
