"""What cleaning gains on made noisy speech, what it does to clean speech, and what it takes.

    python benchmarks/clean_audio.py [--seconds 60] [--strength 0.5]

Speech by espeak-ng over noises of known level. Prints the segmental signal-to-noise ratio before and after (20 ms steps
with speech, each within -10 and 35 dB), and for clean speech how far the result is from it. Then the processor time of
a whole run on a recording with picture.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.audio import dehum, denoise
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.filter_graph import filtered
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from tests import spoken
from tests.media import FAST_X264, picture, run_ffmpeg, url
from tests.spoken import RATE

LEVELS_DB = (0, 10, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--strength", type=float, default=0.5)
    arguments = parser.parse_args()
    talk = spoken.talk(7, arguments.seconds)
    print(f"{'noise':<10}" + "".join(f"{f'at {level} dB':>22}" for level in LEVELS_DB))
    for name, make in spoken.NOISES.items():
        noise = make(len(talk.samples), 3)
        row = [gain(talk, talk.over(noise, level), arguments.strength) for level in LEVELS_DB]
        print(f"{name:<10}" + "".join(f"{cell:>22}" for cell in row), flush=True)
    found = cleaned(talk.samples, arguments.strength)
    error = float(np.sum((found - talk.samples) ** 2))
    kept = f"{10 * np.log10(np.sum(talk.samples**2) / error):.0f} dB" if error else "every sample is the same"
    print(f"clean speech: {kept}")
    whole(talk, arguments.strength)


def cleaned(samples: np.ndarray, strength: float) -> np.ndarray:
    """As jobs.engine.pipelines.clean_audio does it, without the coding around it."""
    blocks = np.array_split(samples[:, None], 20)
    lines = dehum.find(filtered(blocks, [f"aresample={dehum.RATE}"], RATE, 1))
    blocks = list(filtered(blocks, lines.filters() if lines else [], RATE, 1))
    starts = denoise.measure(blocks, RATE).noise()
    if len(starts):
        blocks = list(denoise.denoised(blocks, denoise.sample(blocks, starts, RATE), strength, RATE))
    return np.concatenate(blocks)[:, 0]


def gain(talk: spoken.Talk, noisy: np.ndarray, strength: float) -> str:
    before, after = segmental_snr(talk.samples, noisy), segmental_snr(talk.samples, cleaned(noisy, strength))
    return f"{before:.1f} to {after:.1f} ({after - before:+.1f})"


def segmental_snr(wanted: np.ndarray, found: np.ndarray) -> float:
    step = RATE // 50
    count = len(wanted) // step
    signal, error = (
        np.sum(part[: count * step].reshape(count, step).astype(float) ** 2, axis=1)
        for part in (wanted, found[: len(wanted)] - wanted)
    )
    speech = signal > signal.max() * 1e-4
    return float(np.clip(10 * np.log10(signal[speech] / (error[speech] + 1e-12)), -10, 35).mean())


def whole(talk: spoken.Talk, strength: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wav = spoken.write(folder / "noisy.wav", talk.over(spoken.room(len(talk.samples), 3), 10))
        source = folder / "noisy.mp4"
        sound = ("-ar", "48000", "-ac", "2", "-c:a", "aac")
        run_ffmpeg(*picture(float(talk.duration), 25, "64x48"), "-i", url(wav), *FAST_X264, *sound, url(source))
        info = inspect(source)
        for options in (CleanOptions(strength), CleanOptions(strength, loudness_lufs=-16)):
            before = used()
            audio = AudioSource(source, info, info.audio[0])
            done = clean_audio.clean(audio, options, folder / "out.mp4", Workspace(folder))
            taken = used() - before
            words = "noise and hum" if options.loudness_lufs is None else "and to -16 LUFS"
            speed = float(info.duration) / taken
            print(f"{words}: {taken:.1f} s of processor for {float(info.duration):.0f} s of stereo ({speed:.0f} x)")
            print("  " + "; ".join(f"{label}: {value}" for label, value in done.facts))


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
