"""From audio to words with times: voice first, so that silence is not listened to, then each utterance to a recogniser.

Audio is decoded once, in order, and one utterance of it at a time is in memory for each recogniser.
"""

import bisect
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from jobs.engine.analysis import utterances, vad
from jobs.engine.analysis.activity import Range, voice_activity
from jobs.engine.analysis.vad import Voice
from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions import healing
from jobs.engine.captions.asr_worker import NOT_WORDS, RATE, Samples
from jobs.engine.captions.healing import Span
from jobs.engine.captions.kept_utterances import KeptUtterances
from jobs.engine.captions.recogniser_pool import RecogniserOptions, RecogniserPool
from jobs.engine.captions.transcript import Word
from jobs.engine.captions.word_timing import TimedWord, timed, with_lengths
from jobs.engine.model.progress import Progress
from jobs.engine.runtime.subprocess_runner import Child
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import InputError

VOICE_SHARE = 0.04
"""Of the time that the whole takes; less beside Whisper, whose speed nobody knows before."""
PACKED_PAUSE_SECONDS = Fraction(2)


@dataclasses.dataclass(frozen=True)
class Recognition:
    """`words` in the order of time; `language` is ISO 639-1, `speech` how many seconds were listened to."""

    words: tuple[Word, ...]
    model: str
    device: str
    language: str
    speech: Fraction


def recognise(audio: AudioSource, options: RecogniserOptions, work: Workspace) -> Recognition:
    """The words of a track. The fraction that `work.progress` gets goes by the time listened to.

    Raises InputError (`no_speech`) when nobody speaks, ToolError, ResourceError, and what `work.progress` raises.
    """
    voice = vad.measure(
        audio.path,
        audio.info,
        audio.info.audio.index(audio.track),
        cache_dir=work.cache,
        progress=lambda done: work.progress(VOICE_SHARE * done, "Finding where somebody speaks"),
    )
    spoken = utterances.utterances(voice, maximum=options.maximum_seconds, pause=Fraction(1, 2))
    if options.engine == "whisper":
        spoken = utterances.packed(spoken, maximum=options.maximum_seconds, pause=PACKED_PAUSE_SECONDS)
    if not spoken:
        raise no_speech()
    work.progress(VOICE_SHARE, "Getting ready to listen")
    parts = _parts(voice, spoken)
    kept = KeptUtterances(work.kept, options, audio)
    if known := [part for part in parts if part.known(kept)]:
        options = options.in_language(Counter(part.language for part in known if part.words).most_common(1))
    with (
        RecogniserPool(options, min(options.processes, len(spoken)), work.log) as pool,
        decoder.decoded(audio, rate=RATE, channels=1) as pcm,
    ):
        _Hearing(pool, pcm, options.engine == "whisper", kept).hear(parts, work.progress)
    words = tuple(word for part in parts for word in _on_the_clock(part))
    if not words:
        raise no_speech()
    languages = Counter(part.language for part in parts if part.words)
    total = sum((end - start for start, end in spoken), Fraction(0))
    return Recognition(words, pool.model, pool.device, languages.most_common(1)[0][0], total)


def no_speech() -> InputError:
    return InputError(
        "Nobody can be heard speaking in this recording, so there is nothing to write down. Choose another track or "
        "another recording.",
        code="no_speech",
    )


@dataclasses.dataclass(eq=False)
class _Utterance:
    """One utterance, from `start` to `end` on the recording's clock. What is heard of it, `words`, counts from its own
    start, as `voice` does: where somebody speaks beyond doubt."""

    start: Fraction
    end: Fraction
    voice: list[Span]
    words: list[TimedWord] = dataclasses.field(default_factory=list)
    language: str = ""
    again: list[Span] = dataclasses.field(default_factory=list)
    """What is still to be listened to again."""
    was_heard: bool = False
    """By an attempt before this one."""

    def known(self, kept: KeptUtterances) -> bool:
        """Take what an attempt before has heard, where it is kept."""
        if found := kept.load(self.start, self.end):
            self.words, self.language = found
            self.was_heard = True
        return self.was_heard

    @property
    def seconds(self) -> Fraction:
        return self.end - self.start


def _parts(voice: Voice, spoken: Sequence[Range]) -> list[_Utterance]:
    clips = voice_activity(voice).clips
    begins, ends = [begin for begin, _ in clips], [end for _, end in clips]
    parts = []
    for start, end in spoken:
        here = clips[bisect.bisect_right(ends, start) : bisect.bisect_left(begins, end)]
        inside = [(float(max(begin, start) - start), float(min(until, end) - start)) for begin, until in here]
        parts.append(_Utterance(start, end, inside))
    return parts


class _Hearing:
    """Utterances given to recognisers as they become free, and bits of them once more where that helps (`healing`)."""

    def __init__(self, pool: RecogniserPool, pcm: decoder.PcmReader, rough: bool, kept: KeptUtterances) -> None:
        """`rough`: the recogniser's times are to be refined, and what it says is to be doubted."""
        self._pool, self._pcm, self._rough, self._kept = pool, pcm, rough, kept
        self._samples: dict[Child, Samples] = {}
        """The audio of the utterance that a recogniser is busy with, as long as parts of it may be heard again."""
        self._busy: dict[Child, tuple[_Utterance, Span | None]] = {}

    def hear(self, parts: Sequence[_Utterance], report: Progress) -> None:
        total = sum(part.seconds for part in parts)
        listened = sum((part.seconds for part in parts if part.was_heard), Fraction(0))
        waiting = iter([part for part in parts if not part.was_heard])

        def tell() -> None:
            share = VOICE_SHARE + (1 - VOICE_SHARE) * float(listened / total)
            report(min(1.0, share), "Writing down what is said")

        tell()
        for child in self._pool.children:
            self._next(child, waiting)
        while self._busy:
            for child, message in self._pool.answers():
                part, span = self._busy.pop(child)
                self._take(part, span, message, self._samples[child])
                if part.again:
                    self._again(child, part, part.again.pop())
                else:
                    listened += part.seconds
                    self._kept.save(part.start, part.end, part.words, part.language)
                    self._next(child, waiting)
            tell()

    def _next(self, child: Child, waiting: Iterator[_Utterance]) -> None:
        if (part := next(waiting, None)) is None:
            return
        self._pcm.skip(round(part.start * RATE) - self._pcm.position)
        samples = self._pcm.read(round(part.seconds * RATE))[:, 0]
        self._samples[child] = (np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2")
        self._busy[child] = part, None
        self._pool.ask(child, self._samples[child])

    def _again(self, child: Child, part: _Utterance, span: Span) -> None:
        self._busy[child] = part, span
        self._pool.ask(child, _cut(self._samples[child], span))

    def _take(self, part: _Utterance, span: Span | None, message: dict[str, Any], samples: Samples) -> None:
        heard = [TimedWord(*one) for one in message["words"]]
        if not self._rough:
            part.words, part.language = with_lengths(heard), str(message["language"])
            return
        begin = span[0] if span else 0.0
        placed = timed(heard, _cut(samples, span) if span else samples, RATE)
        on_part = [word.at(word.start + begin, word.end + begin) for word in placed]
        words = healing.without_loops(healing.voiced_only(on_part, part.voice))
        if span:
            part.words = healing.healed(part.words, span, words)
        else:
            part.words, part.language = words, str(message["language"])
            part.again = healing.doubts(words, part.voice, float(part.seconds))


def _cut(samples: Samples, span: Span) -> Samples:
    return samples[round(span[0] * RATE) : round(span[1] * RATE)]


def _on_the_clock(part: _Utterance) -> Iterator[Word]:
    """The words of an utterance on the recording's clock, inside it, without what are no words."""
    for word in part.words:
        text = " ".join("".join(char for char in word.text if char.isprintable()).split())
        first = min(part.end, part.start + Fraction(round(word.start * 1000), 1000))
        last = min(part.end, part.start + Fraction(round(word.end * 1000), 1000))
        # Whisper has words for noises, in brackets.
        if text and first < last and not NOT_WORDS.match(text):
            yield Word(first, last, text, word.confidence, not word.text.startswith(" "))
