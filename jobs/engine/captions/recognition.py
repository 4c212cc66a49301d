"""From sound to words with times: voice first, so that silence is not listened to, then each stretch to a recogniser.

Sound is decoded once, in order, and one stretch of it at a time is in memory for each recogniser.
"""

import contextlib
import dataclasses
import json
import os
import selectors
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jobs.engine.analysis import utterances, vad
from jobs.engine.analysis.activity import Range
from jobs.engine.audio import decoder
from jobs.engine.captions import asr_worker
from jobs.engine.captions.asr_worker import NOT_WORDS, RATE
from jobs.engine.captions.transcript import Word
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.engine.runtime.subprocess_runner import Child, CommandLog
from jobs.errors import InputError, ToolError

EngineName = Literal["whisper", "pocketsphinx"]
VOICE_SHARE = 0.04
"""Of the time that the whole takes; less beside Whisper, whose speed nobody knows before."""
MOST_PROCESSES = 4
PASSED_ON = ("HOME", "HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HTTPS_PROXY", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
"""What a recogniser may know of our environment: where models lie and how to fetch one. No secrets."""
UNHEARD_PAUSE = Fraction(2)
Progress = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True)
class Ears:
    """Which recogniser listens. `model` is a folder or a name, for Whisper alone; `language` "" finds out by itself."""

    engine: EngineName = "pocketsphinx"
    model: str = ""
    language: str = ""

    @property
    def longest(self) -> Fraction:
        """Seconds that it hears at once: Whisper's window; pocketsphinx does not become better beyond a sentence."""
        return Fraction(30) if self.engine == "whisper" else Fraction(15)

    @property
    def processes(self) -> int:
        """Whisper spreads over the cores by itself."""
        return 1 if self.engine == "whisper" else min(MOST_PROCESSES, os.cpu_count() or 1)


@dataclasses.dataclass(frozen=True)
class Heard:
    """`words` in the order of time; `language` is ISO 639-1, `speech` how many seconds were listened to."""

    words: tuple[Word, ...]
    model: str
    device: str
    language: str
    speech: Fraction


def hear(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    ears: Ears,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    log: CommandLog | None = None,
) -> Heard:
    """The words of one track. `progress` gets a fraction by the time listened to, and a stage in plain words; what it
    raises ends the work. Raises InputError (`no_speech`) when nobody speaks, ToolError, ResourceError.
    """
    tell = progress or (lambda fraction, stage: None)
    place = info.audio.index(track)
    heard_voice = vad.measure(
        source,
        info,
        place,
        cache_dir=cache,
        progress=lambda done: tell(VOICE_SHARE * done, "Finding where somebody speaks"),
    )
    spoken = utterances.stretches(heard_voice, longest=ears.longest, pause=Fraction(1, 2))
    if ears.engine == "whisper":
        spoken = utterances.packed(spoken, longest=ears.longest, pause=UNHEARD_PAUSE)
    if not spoken:
        raise no_speech()
    tell(VOICE_SHARE, "Getting ready to listen")
    with _Pool(ears, min(ears.processes, len(spoken)), log) as pool, _sound(source, info, track) as sound:
        found = _answers(pool, sound, spoken, tell)
    words = tuple(sorted((word for one in found for word in one[0]), key=lambda word: (word.start, word.end)))
    if not words:
        raise no_speech()
    languages = Counter(language for part, language in found if part)
    total = sum((end - start for start, end in spoken), Fraction(0))
    return Heard(words, pool.model, pool.device, languages.most_common(1)[0][0], total)


def no_speech() -> InputError:
    return InputError(
        "Nobody can be heard speaking in this recording, so there is nothing to write down. Choose another track or "
        "another recording.",
        code="no_speech",
    )


def _sound(source: Path, info: MediaInfo, track: AudioTrack) -> contextlib.AbstractContextManager[decoder.Pcm]:
    return decoder.decoded(source, info, track, rate=RATE, channels=1)


Answer = tuple[list[Word], str]


def _answers(pool: "_Pool", sound: decoder.Pcm, spoken: Sequence[Range], tell: Progress) -> list[Answer]:
    """What each stretch says, and in which language, in the order of the stretches."""
    total = float(sum(end - start for start, end in spoken))
    answers: dict[int, Answer] = {}
    listened = 0.0
    waiting = iter(enumerate(spoken))
    for child in pool.children:
        _give(pool, child, sound, next(waiting, None))
    while len(answers) < len(spoken):
        for child, told in pool.told():
            place = pool.at.pop(child)
            start, end = spoken[place]
            answers[place] = _words(told, start, end), str(told["language"])
            listened += float(end - start)
            _give(pool, child, sound, next(waiting, None))
        share = VOICE_SHARE + (1 - VOICE_SHARE) * listened / total
        tell(min(1.0, share), "Writing down what is said")
    return [answers[place] for place in range(len(spoken))]


def _give(pool: "_Pool", child: Child, sound: decoder.Pcm, stretch: tuple[int, Range] | None) -> None:
    if stretch is None:
        return
    place, (start, end) = stretch
    first, count = round(start * RATE), round((end - start) * RATE)
    sound.skip(first - sound.position)
    samples = sound.read(count)[:, 0]
    pool.ask(child, place, (np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2"))


def _words(told: dict[str, Any], start: Fraction, end: Fraction) -> list[Word]:
    """The words of an answer on the recording's clock, inside their stretch, without what are no words."""
    found = []
    for begin, until, text, confidence in told["words"]:
        clean = " ".join("".join(char for char in text if char.isprintable()).split())
        first = min(end, start + Fraction(round(begin * 1000), 1000))
        last = min(end, start + Fraction(round(until * 1000), 1000))
        # Whisper has words for noises, in brackets, and words without length where it heard nothing.
        if clean and first < last and not NOT_WORDS.match(clean):
            found.append(Word(first, last, clean, float(confidence), not text.startswith(" ")))
    return found


class _Pool:
    """Recognisers at work, each in a process of its own that ends with the block."""

    def __init__(self, ears: Ears, count: int, log: CommandLog | None) -> None:
        self.at: dict[Child, int] = {}
        """The place of the stretch that a recogniser is busy with."""
        self.children: list[Child] = []
        self.model = self.device = ""
        self._ears, self._count, self._log = ears, count, log
        self._stack = contextlib.ExitStack()
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "_Pool":
        with self._stack as stack:
            stack.enter_context(self._selector)
            for _ in range(self._count):
                started = subprocess_runner.started(
                    command(self._ears), log=self._log, stdin=-1, env=environment(), limits=limits(self._ears)
                )
                child = stack.enter_context(started)
                self.children.append(child)
                self._selector.register(child.stdout, selectors.EVENT_READ, child)
            for child in self.children:
                ready = _line(child)
                self.model, self.device = str(ready["model"]), str(ready["device"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *told: object) -> None:
        self._stack.close()

    def ask(self, child: Child, place: int, samples: np.ndarray[Any, Any]) -> None:
        self.at[child] = place
        try:
            child.stdin.write(json.dumps({"samples": len(samples)}).encode() + b"\n" + samples.tobytes())
            child.stdin.flush()
        except BrokenPipeError as error:
            raise _gone(child) from error

    def told(self) -> Iterator[tuple[Child, dict[str, Any]]]:
        """The answers that are there; none when none comes within half a second."""
        for key, _ in self._selector.select(0.5):
            yield key.data, _line(key.data)


def command(ears: Ears) -> list[str]:
    return [sys.executable, "-P", "-m", asr_worker.__name__, json.dumps(dataclasses.asdict(ears))]


def environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # One thread of BLAS is enough: the recognisers have threads of their own.
    return passed | sandbox.environment()


def limits(ears: Ears) -> subprocess_runner.Limits:
    """Only what is fetched by name needs the network."""
    return subprocess_runner.Limits(network=ears.engine == "whisper" and not Path(ears.model).is_dir())


def _line(child: Child) -> dict[str, Any]:
    line = child.stdout.readline()
    if not line:
        raise _gone(child)
    found: dict[str, Any] = json.loads(line)
    return found


def _gone(child: Child) -> ToolError:
    """What to raise when a recogniser has ended by itself."""
    child.wait()
    return ToolError("The recogniser stopped before it was done. Tell the operator, who can see why.")
