"""The program that turns audio into words, one recogniser a process.

`python -m jobs.engine.captions.asr_worker '{...}'`.

A process of its own, because the recognisers' libraries hold Python still for seconds, and ending the process is the
one way to stop them at once and to get all of their memory back.

On standard input: for each utterance a line of JSON, {"samples": n}, and n samples of 16 kHz, 16 bit, little endian. On
standard output: first {"model", "device"}, then for each utterance {"words": [[start, end, text, confidence]...],
"language"}, times in seconds after the utterance's start. A word's text begins with a space unless it is glued to the
one before."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.engine.runtime import network_filter, processors

RATE = 16_000
SPHINX_FRAME_SECONDS = 0.01
VARIANT = re.compile(r"\(\d+\)$")
"""How pocketsphinx marks other ways to speak a word: your(2)."""
NOT_WORDS = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
"""Silences and noises, as pocketsphinx names them."""
Samples = NDArray[np.int16]
RecognisedWord = tuple[float, float, str, float]
"""Start and end in seconds, text, confidence from 0 to 1."""


class Recogniser(Protocol):
    model: str
    device: str

    def recognise(self, samples: Samples) -> tuple[list[RecognisedWord], str]:
        """The words of an utterance, and their language."""


class Pocketsphinx:
    """CMU's recogniser with the general English model of its wheel: 126 000 words, lower case, no punctuation."""

    model, device = "en-us", "cpu"

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")

    def recognise(self, samples: Samples) -> tuple[list[RecognisedWord], str]:
        self._decoder.start_utt()
        # The whole at once: then loudness and timbre are evened out over all of it, which is heard better.
        self._decoder.process_raw(samples.astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        words: list[RecognisedWord] = [
            (
                part.start_frame * SPHINX_FRAME_SECONDS,
                (part.end_frame + 1) * SPHINX_FRAME_SECONDS,
                f" {VARIANT.sub('', part.word)}",
                min(1.0, max(0.0, float(part.prob))),
            )
            for part in self._decoder.seg() or []
            if not NOT_WORDS.match(part.word)
        ]
        return words, "en"


class Whisper:
    """OpenAI's model by CTranslate2: many languages, with punctuation. `name` is a folder or the name of a model."""

    def __init__(self, name: str, language: str) -> None:
        import ctranslate2
        from faster_whisper import WhisperModel

        # Where it lies is nobody's business who reads the transcript.
        self.model = Path(name).name
        self.device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        precision = "int8_float16" if self.device == "cuda" else "int8"
        ctranslate2.set_random_seed(SEED)
        threads = processors.available()
        self._whisper = WhisperModel(name, device=self.device, compute_type=precision, cpu_threads=threads)
        self._language: str | None = language or None

    def recognise(self, samples: Samples) -> tuple[list[RecognisedWord], str]:
        segments, about = self._whisper.transcribe(
            samples.astype(np.float32) / 32768,
            language=self._language,
            word_timestamps=True,
            # What was said before tempts it to repeat that for the rest of the recording.
            condition_on_previous_text=False,
            hallucination_silence_threshold=2.0,
            compression_ratio_threshold=LOOPING_COMPRESSION,
            temperature=TEMPERATURES,
            best_of=SAMPLES,
            max_new_tokens=min(MAXIMUM_TOKENS, round(SPARE_TOKENS + TOKENS_PER_SECOND * len(samples) / RATE)),
        )
        words = [
            (word.start, word.end, word.word, word.probability) for segment in segments for word in segment.words or []
        ]
        if self._language is None and about.language_probability > MINIMUM_LANGUAGE_PROBABILITY:
            self._language = about.language
        return words, about.language


MINIMUM_LANGUAGE_PROBABILITY = 0.5
LOOPING_COMPRESSION = 3.0
"""Text that gzip makes so many times smaller is a loop. OpenAI's 2.4 takes Dickens for one."""
TEMPERATURES = (0.0, 0.2, 0.6)
"""Tried in their order while what comes is a loop or unlikely. Each costs as much again; OpenAI has six."""
SAMPLES = 2
"""So many are drawn at a temperature above 0, of which the likelier counts."""
MAXIMUM_TOKENS, SPARE_TOKENS, TOKENS_PER_SECOND = 440, 40, 13
"""Nobody speaks faster, while a loop takes all that it gets; with what stands before, the model's own limit is 448."""
SEED = 1
"""The same audio is written down in the same way."""


def recogniser(engine: str, model: str, language: str) -> Recogniser:
    return Whisper(model, language) if engine == "whisper" else Pocketsphinx()


def requests(source: IO[bytes]) -> Iterator[Samples]:
    while line := source.readline():
        count = int(json.loads(line)["samples"])
        yield np.frombuffer(source.read(2 * count), "<i2")


def main(argv: list[str], source: IO[bytes], sink: IO[bytes]) -> None:
    def answer(message: Any) -> None:
        sink.write(json.dumps(message).encode() + b"\n")
        sink.flush()

    wanted = json.loads(argv[0])
    if wanted["engine"] != "whisper" or Path(wanted["model"]).is_dir():
        network_filter.enter()
    hearing = recogniser(**wanted)
    answer({"model": hearing.model, "device": hearing.device})
    for samples in requests(source):
        words, language = hearing.recognise(samples)
        answer({"words": words, "language": language})


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)
