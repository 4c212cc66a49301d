"""What was heard in utterances, kept so that a transcription which was interrupted goes on after them."""

import dataclasses
import json
from collections.abc import Sequence
from fractions import Fraction

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.captions.word_timing import TimedWord
from jobs.engine.runtime.kept_parts import KeptParts

VERSION = 1
"""Rises when the same utterance would be heard in another way."""


class KeptUtterances:
    """Those of one track, as a recogniser with these options heard them."""

    def __init__(self, kept: KeptParts | None, options: RecogniserOptions, audio: AudioSource) -> None:
        self._parts = kept and kept.of("utterances", VERSION, options, audio.info, audio.track)

    def load(self, start: Fraction, end: Fraction) -> tuple[list[TimedWord], str] | None:
        """Words on the utterance's own clock and their language; None when it was not heard, or is not right."""
        stored = self._parts and self._parts.load(_name(start, end))
        if not self._parts or not stored:
            return None
        try:
            heard = json.loads(bytes(stored))
            words, language = [TimedWord(*word) for word in heard["words"]], str(heard["language"])
        except (ValueError, KeyError, TypeError):
            return None
        self._parts.accept()
        return words, language

    def save(self, start: Fraction, end: Fraction, words: Sequence[TimedWord], language: str) -> None:
        if self._parts:
            heard = {"words": [dataclasses.astuple(word) for word in words], "language": language}
            self._parts.save(_name(start, end), json.dumps(heard).encode())


def _name(start: Fraction, end: Fraction) -> str:
    return f"{start}-{end}".replace("/", "_")
