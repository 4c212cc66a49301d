"""What it saves to encode audio once: cleaning and cutting in one go, in steps that hand over without loss, and apart.

    python benchmarks/encoding_once.py --media talk.mp4 [--loops 5] [--lufs -16]

Noise of a room is put under the recording's audio, which is cleaned, cut, and brought to a loudness. Each row gives
seconds on the clock and of processor, and how near the result comes to the same made without any loss: SNR, and the
opinion score (1 to 5) by Zimtohrli (Google, 2024; `pip install zimtohrli`).
"""

import argparse
import dataclasses
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests import spoken
from tests.media import run_ffmpeg, url

try:
    import zimtohrli
except ImportError:
    zimtohrli = None

RATE = 48_000
NOISE_DB = 20
CLEAN = CleanOptions()
SCORED_SECONDS = 20
"""Zimtohrli is told stretches of this length: what it takes grows with them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--lufs", type=float, default=-16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = noisy(arguments.media, arguments.loops, folder)
        steps = Steps(source, folder, arguments.lufs)
        wanted = samples(steps.reference(folder / "wanted.mkv"))
        print("| | clock | processor | SNR | opinion |\n|---|--:|--:|--:|--:|")
        for title, make in (
            ("one after the other", steps.apart),
            ("the same, handed over without loss", steps.handed_over),
            ("all in the cut", steps.at_once),
        ):
            print(f"| {title} | {measured(make, folder / 'out.mp4', wanted)} |", flush=True)


def noisy(media: Path, loops: int, folder: Path) -> Path:
    """The recording with noise, in a file whose audio is AAC, as cameras have it."""
    looped, source = folder / "looped.mp4", folder / "noisy.mp4"
    run_ffmpeg("-stream_loop", str(loops - 1), "-i", url(media), "-c", "copy", url(looped))
    clean = samples(looped)
    noise = spoken.room(len(clean), 3)[:, None]
    gain = spoken.rms(clean) / spoken.rms(noise) * 10 ** (-NOISE_DB / 20)
    raw = folder / "noisy.f32"
    raw.write_bytes((clean + gain * noise).astype(np.float32).tobytes())
    pcm = ("-f", "f32le", "-ar", str(RATE), "-ac", str(clean.shape[1]), "-i", url(raw))
    run_ffmpeg(
        *("-i", url(looped), *pcm, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "192k"),
        url(source),
    )
    return source


@dataclasses.dataclass
class Steps:
    source: Path
    folder: Path
    lufs: float

    def apart(self, output: Path, *, handover: bool = False) -> Path:
        cleaned = self.clean(self.source, self.folder / "cleaned.mp4", CLEAN, handover=handover)
        cut = self.cut(cleaned, self.folder / "cut.mp4", handover=handover)
        return self.clean(cut, output, CleanOptions(strength=0, hum="off", loudness_lufs=self.lufs))

    def handed_over(self, output: Path) -> Path:
        return self.apart(output, handover=True)

    def at_once(self, output: Path) -> Path:
        return self.cut(self.source, output, clean=CLEAN, lufs=self.lufs)

    def reference(self, output: Path) -> Path:
        return self.cut(self.source, output.with_suffix(".mp4"), clean=CLEAN, lufs=self.lufs, handover=True)

    def cut(
        self,
        source: Path,
        output: Path,
        *,
        clean: CleanOptions | None = None,
        lufs: float | None = None,
        handover: bool = False,
    ) -> Path:
        audio = AudioOptions(loudness_lufs=lufs, handover=handover)
        params = CutParams(threshold_db=-28)
        cut(Source(source, inspect(source)), params, output, Workspace(self.folder), RenderOptions(audio=audio), clean)
        return output

    def clean(self, source: Path, output: Path, options: CleanOptions, *, handover: bool = False) -> Path:
        info = inspect(source)
        options = dataclasses.replace(options, handover=handover)
        clean_audio.clean(AudioSource(source, info, info.audio[0]), options, output, Workspace(self.folder))
        return output


def measured(make: Callable[[Path], Path], output: Path, wanted: np.ndarray) -> str:
    clock, processor = time.monotonic(), used()
    make(output)
    clock, processor = time.monotonic() - clock, used() - processor
    found = samples(output)
    count = min(len(wanted), len(found))
    error = np.sum((found[:count] - wanted[:count]).astype(float) ** 2)
    snr = 10 * np.log10(np.sum(wanted[:count].astype(float) ** 2) / error)
    return f"{clock:.1f} s | {processor:.1f} s | {snr:.1f} dB | {opinion(wanted[:count, 0], found[:count, 0])}"


def opinion(wanted: np.ndarray, found: np.ndarray) -> str:
    if zimtohrli is None:
        return "not installed"
    step = SCORED_SECONDS * RATE
    begins = range(0, max(1, len(wanted) - step), max(step, len(wanted) // 6))
    scores = [zimtohrli.mos_from_signals(wanted[at : at + step], found[at : at + step]) for at in begins]
    return f"{np.mean(scores):.2f}"


def samples(path: Path) -> np.ndarray:
    info = inspect(path)
    with decoder.decoded(AudioSource(path, info, info.audio[0]), rate=RATE) as pcm:
        return pcm.read(RATE * (int(info.duration) + 2))


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
