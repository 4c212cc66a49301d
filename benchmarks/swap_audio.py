"""How exactly another recording of a talk is found and put under its picture, and what that takes.

    python benchmarks/swap_audio.py [--minutes 10]

Makes pairs whose truth is known: a talk spoken by espeak-ng as a camera hears it from across a room, and as a recorder
hears it whose clock is not quite right. Prints the error of the offset found, the greatest distance of the new sound
from the talk itself anywhere in the result, the confidence, and the processor time over the length of both.
"""

import argparse
import contextlib
import resource
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.analysis.alignment import align
from jobs.engine.analysis.gcc_phat import delay
from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.pipelines import swap_audio
from jobs.engine.pipelines.swap_audio import SwapOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import InputError
from tests import rooms, spoken
from tests.media import FAST_X264, picture, run_ffmpeg, url


class Pair(NamedTuple):
    """`start`: when the recorder begins on the camera's clock, in seconds. `level_db` is its gain."""

    name: str
    start: float
    seconds: float
    ppm: float = 0
    camera_snr_db: float = 15
    recorder_snr_db: float = 30
    level_db: float = 0
    codec: tuple[str, ...] = ("flac",)


def pairs(seconds: float) -> list[Pair]:
    return [
        Pair("same clock", 0, seconds),
        Pair("145 ppm fast", -20, seconds + 40, 145),
        Pair("145 ppm slow, MP3 at 64 kbit/s", 12.5, seconds, -145, codec=("mp3", "-b:a", "64k")),
        Pair("camera in noise (0 dB)", -7, seconds, 60, camera_snr_db=0),
        Pair("both in noise (5 dB), Opus", 3, seconds, 60, 5, 5, codec=("ogg", "-c:a", "libopus", "-b:a", "32k")),
        Pair("30 dB softer", 1, seconds, 30, level_db=-30),
        Pair("the last fifth alone", seconds * 0.8, seconds, 145),
        Pair("begun 75 min before", -4500, 4500 + seconds, 145, codec=("mp3", "-b:a", "64k")),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="length of the talk")
    seconds = parser.parse_args().minutes * 60
    talk, unlike = spoken.talk(3, seconds), spoken.talk(4, seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'':<34} {'offset':>9} {'farthest':>9} {'sure':>6} {'processor':>10}")
        for pair in pairs(seconds):
            own = filmed(folder, talk, pair)
            report(pair.name, own, recorded(folder, talk, pair), talk, pair, folder)
        noisy = align(own, recorded(folder, unlike, Pair("", 0, seconds)))
        print(
            f"{'another talk':<34} {'':>9} {'':>9} {round(100 * noisy.confidence):>4} %  refused: {not noisy.is_sure}"
        )


def sound(path: Path) -> AudioSource:
    info = inspect(path)
    return AudioSource(path, info, info.audio[0])


def filmed(folder: Path, talk: spoken.Talk, pair: Pair) -> AudioSource:
    wav = spoken.write(folder / "camera.wav", rooms.camera(talk, noise_db=pair.camera_snr_db))
    path = folder / "camera.mp4"
    run_ffmpeg(*picture(float(talk.duration), 25, "64x48"), "-i", url(wav), *FAST_X264, "-c:a", "aac", url(path))
    return sound(path)


def recorded(folder: Path, talk: spoken.Talk, pair: Pair) -> AudioSource:
    # What lies before the talk is hiss alone, which needs no resampling.
    lead = max(0, -pair.start - 30)
    heard = rooms.recorder(talk, pair.start + lead, pair.seconds - lead, pair.ppm, pair.recorder_snr_db)
    if lead:
        level = np.float32(10 ** ((talk.level_db - pair.recorder_snr_db) / 20))
        before = spoken.hiss(round(lead * (1 + pair.ppm * 1e-6) * spoken.RATE), 2) * level
        heard = np.concatenate((before, heard))
    wav = spoken.write(folder / "recorder.wav", heard * np.float32(10 ** (pair.level_db / 20)))
    path = folder / f"recorder.{pair.codec[0]}"
    run_ffmpeg("-i", url(wav), *pair.codec[1:], url(path))
    return sound(path)


def report(name: str, own: AudioSource, other: AudioSource, talk: spoken.Talk, pair: Pair, folder: Path) -> None:
    output, before = folder / "out.mp4", used()
    with contextlib.suppress(InputError):
        done = swap_audio.swap(own, other, SwapOptions(), output, Workspace(folder)).alignment
        taken = used() - before
        far = farthest(output, talk, done.begin, done.end)
        speed = float(own.info.duration + other.info.duration) / taken
        error = abs(done.offset_ms - pair.start * 1000)
        sure = round(100 * done.confidence)
        print(f"{name:<34} {error:6.2f} ms {far:6.2f} ms {sure:>4} % {taken:6.1f} s, {speed:.0f} x", flush=True)
        return
    print(f"{name:<34} refused")


def farthest(path: Path, talk: spoken.Talk, begin: float, end: float) -> float:
    """By how many ms the sound is away from the talk at most, looked at every two seconds; pauses are left out."""
    info, rate, reach = inspect(path), 16_000, 1600
    with decoder.decoded(AudioSource(path, info, info.audio[0]), rate=rate, channels=1) as stream:
        found = stream.read(round(float(info.duration) * rate))[:, 0]
    wanted = rooms.at(talk.samples, np.arange(round(float(talk.duration) * rate)) * spoken.RATE / rate)
    worst = 0.0
    for start in np.arange(begin + 0.5, end - 3, 2):
        first = int(start * rate)
        piece = wanted[first : first + 2 * rate]
        one = delay(piece, found[first - reach : first + 2 * rate + reach], rate)
        if spoken.rms(piece) > 0.02 and one:
            worst = max(worst, abs(one.samples - reach) / rate * 1000)
    return worst


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
