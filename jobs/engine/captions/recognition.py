"""From audio to words with times: voice first, so that silence is not listened to, then each utterance to a recogniser.

Audio is decoded once, in order, and one utterance of it at a time is in memory for each recogniser.
"""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engine.analysis import utterances, vad
from jobs.engine.analysis.activity import Range
from jobs.engine.audio import decoder
from jobs.engine.captions.asr_worker import NOT_WORDS, RATE
from jobs.engine.captions.recogniser_pool import RecogniserOptions, RecogniserPool
from jobs.engine.captions.transcript import Word
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.progress import Progress
from jobs.engine.runtime.subprocess_runner import Child, CommandLog
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


def recognise(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    options: RecogniserOptions,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    log: CommandLog | None = None,
) -> Recognition:
    """The words of one track. `progress` gets a fraction by the time listened to, and a stage in plain words; what it
    raises ends the work. Raises InputError (`no_speech`) when nobody speaks, ToolError, ResourceError.
    """
    report = progress or (lambda fraction, stage: None)
    track_number = info.audio.index(track)
    voice = vad.measure(
        source,
        info,
        track_number,
        cache_dir=cache,
        progress=lambda done: report(VOICE_SHARE * done, "Finding where somebody speaks"),
    )
    spoken = utterances.utterances(voice, maximum=options.maximum_seconds, pause=Fraction(1, 2))
    if options.engine == "whisper":
        spoken = utterances.packed(spoken, maximum=options.maximum_seconds, pause=PACKED_PAUSE_SECONDS)
    if not spoken:
        raise no_speech()
    report(VOICE_SHARE, "Getting ready to listen")
    with RecogniserPool(options, min(options.processes, len(spoken)), log) as pool, _pcm(source, info, track) as pcm:
        answers = _answers(pool, pcm, spoken, report)
    words = tuple(sorted((word for one in answers for word in one[0]), key=lambda word: (word.start, word.end)))
    if not words:
        raise no_speech()
    languages = Counter(language for part, language in answers if part)
    total = sum((end - start for start, end in spoken), Fraction(0))
    return Recognition(words, pool.model, pool.device, languages.most_common(1)[0][0], total)


def no_speech() -> InputError:
    return InputError(
        "Nobody can be heard speaking in this recording, so there is nothing to write down. Choose another track or "
        "another recording.",
        code="no_speech",
    )


def _pcm(source: Path, info: MediaInfo, track: AudioTrack) -> contextlib.AbstractContextManager[decoder.PcmReader]:
    return decoder.decoded(source, info, track, rate=RATE, channels=1)


Answer = tuple[list[Word], str]


def _answers(pool: RecogniserPool, pcm: decoder.PcmReader, spoken: Sequence[Range], report: Progress) -> list[Answer]:
    """What each utterance says, and in which language, in their order."""
    total = float(sum(end - start for start, end in spoken))
    answers: dict[int, Answer] = {}
    listened = 0.0
    waiting = iter(enumerate(spoken))
    for child in pool.children:
        _give(pool, child, pcm, next(waiting, None))
    while len(answers) < len(spoken):
        for child, message in pool.answers():
            index = pool.busy_with.pop(child)
            start, end = spoken[index]
            answers[index] = _words(message, start, end), str(message["language"])
            listened += float(end - start)
            _give(pool, child, pcm, next(waiting, None))
        share = VOICE_SHARE + (1 - VOICE_SHARE) * listened / total
        report(min(1.0, share), "Writing down what is said")
    return [answers[index] for index in range(len(spoken))]


def _give(pool: RecogniserPool, child: Child, pcm: decoder.PcmReader, utterance: tuple[int, Range] | None) -> None:
    if utterance is None:
        return
    index, (start, end) = utterance
    first, count = round(start * RATE), round((end - start) * RATE)
    pcm.skip(first - pcm.position)
    samples = pcm.read(count)[:, 0]
    pool.ask(child, index, (np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2"))


def _words(answer: dict[str, Any], start: Fraction, end: Fraction) -> list[Word]:
    """The words of an answer on the recording's clock, inside their utterance, without what are no words."""
    words = []
    for begin, until, text, confidence in answer["words"]:
        clean = " ".join("".join(char for char in text if char.isprintable()).split())
        first = min(end, start + Fraction(round(begin * 1000), 1000))
        last = min(end, start + Fraction(round(until * 1000), 1000))
        # Whisper has words for noises, in brackets, and words without length where it heard nothing.
        if clean and first < last and not NOT_WORDS.match(clean):
            words.append(Word(first, last, clean, float(confidence), not text.startswith(" ")))
    return words
