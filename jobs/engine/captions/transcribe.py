"""What is said in a recording, as a transcript; kept by content, since it takes long to get."""

import dataclasses
import hashlib
import json
import os
import tempfile
from pathlib import Path

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions import line_breaking, recognition
from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.captions.transcript import Transcript
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.runtime.workspace import Workspace

VERSION = 2
"""Rises when the same audio would be written down in another way."""


def transcribe(audio: AudioSource, options: RecogniserOptions, work: Workspace) -> Transcript:
    """The transcript of a track; the arguments and errors are those of `recognition.recognise`."""
    stored = work.cache and work.cache / f"transcript-{_key(options, audio.track)}.v{VERSION}.json"
    if stored and (known := _load(stored)):
        return known
    heard = recognition.recognise(audio, options, work)
    transcript = Transcript(
        engine=options.engine,
        model=heard.model,
        language=heard.language,
        duration=audio.info.duration,
        lines=tuple(line_breaking.lines(heard.words)),
    )
    if stored:
        _save(stored, transcript)
    return transcript


def _key(options: RecogniserOptions, track: AudioTrack) -> str:
    fields = json.dumps([dataclasses.asdict(options), track.index], sort_keys=True)
    return hashlib.sha256(fields.encode()).hexdigest()[:16]


def _load(path: Path) -> Transcript | None:
    """None when there is none or it cannot be read: what is in the cache may rot."""
    try:
        return Transcript.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(path: Path, transcript: Transcript) -> None:
    """A folder that cannot be written only means that nothing is kept."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(transcript.dumps())
        Path(name).replace(path)
    except OSError:
        return
    finally:
        Path(name).unlink(missing_ok=True)
