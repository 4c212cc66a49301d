"""What is said in a recording: read, and changed line by line."""

from typing import Annotated
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.engine.captions.transcript import MAXIMUM_LINE_CHARACTERS, Line, Word
from jobs.services import transcripts, versions
from jobs.services.transcripts import Stored

router = Router(tags=["Transcripts"])
MOST_LINES = 1000
"""How many lines one call may change."""


class WordOut(Schema):
    text: str
    start: float = Field(description="Seconds.")
    end: float
    confidence: float | None = Field(description="0 to 1; null for what was written by hand.")
    glued: bool = Field(description="Whether no space stands before it, as in Chinese.")

    @classmethod
    def of(cls, word: Word) -> "WordOut":
        start, end = round(float(word.start), 3), round(float(word.end), 3)
        return cls(text=word.text, start=start, end=end, confidence=word.confidence, glued=word.glued)


class LineOut(Schema):
    """A line of captions."""

    line: int = Field(description="Its place, from 0.")
    start: float = Field(description="Seconds.")
    end: float
    text: str
    words: list[WordOut]

    @classmethod
    def of(cls, place: int, line: Line) -> "LineOut":
        words = [WordOut.of(word) for word in line.words]
        start, end = round(float(line.start), 3), round(float(line.end), 3)
        return cls(line=place, start=start, end=end, text=line.text, words=words)


class TranscriptOut(Schema):
    """The newest transcript of a recording."""

    video: UUID
    job: UUID = Field(description="The job that listened; its other files (SRT, WebVTT, TXT) follow each change.")
    version: str = Field(description="What a change has to name. It is the `ETag`, too.")
    language: str = Field(description="ISO 639-1.")
    engine: str
    model: str
    changes: int = Field(description="How many changes by hand can be taken back.")
    lines: list[LineOut]

    @classmethod
    def of(cls, video: UUID, stored: Stored) -> "TranscriptOut":
        found = stored.transcript
        return cls(
            video=video,
            job=stored.artifact.job_id,
            version=stored.version,
            language=found.language,
            engine=found.engine,
            model=found.model,
            changes=len(found.edits),
            lines=[LineOut.of(place, line) for place, line in enumerate(found.lines)],
        )


class LineIn(Schema):
    model_config = ConfigDict(extra="forbid")

    line: Annotated[int, Field(ge=0, le=1_000_000, description="Its place, from 0.")]
    text: Annotated[
        str,
        Field(
            max_length=MAXIMUM_LINE_CHARACTERS,
            description="Words that stay keep their times; others share that of what they replace. Empty takes it out.",
        ),
    ]


class TranscriptPatch(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"version": "9f2c…", "lines": [{"line": 3, "text": "We cease the day."}]}},
    )

    version: str = Field(description="The version that the change was made on.")
    lines: list[LineIn] = Field(min_length=1, max_length=MOST_LINES)


class Undo(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"version": "9f2c…"}})

    version: str = Field(description="The version whose last change is to be taken back.")


@router.get("/{uuid:video_id}/transcript", response={200: TranscriptOut, **failures(404)}, summary="Get a transcript")
def get_transcript(request: HttpRequest, response: HttpResponse, video_id: UUID) -> TranscriptOut:
    """The newest one, with the time of every word. 404 where nothing has been transcribed."""
    return shown(response, video_id, stored_of(request, video_id))


@router.patch(
    "/{uuid:video_id}/transcript",
    response={200: TranscriptOut, **failures(404, 409, 422)},
    summary="Change lines of a transcript",
)
@work
def change_transcript(
    request: HttpRequest, response: HttpResponse, video_id: UUID, patch: TranscriptPatch
) -> TranscriptOut:
    """All of the lines or none. The files of the job are written anew. 409 when it was changed since `version`."""
    stored = stored_of(request, video_id)
    changed = transcripts.edit_lines(stored, patch.version, [(one.line, one.text) for one in patch.lines])
    return shown(response, video_id, changed)


@router.post(
    "/{uuid:video_id}/transcript/undo",
    response={200: TranscriptOut, **failures(404, 409, 422)},
    summary="Take the last change of a transcript back",
)
@work
def undo_change(request: HttpRequest, response: HttpResponse, video_id: UUID, body: Undo) -> TranscriptOut:
    """One line at a time, the last one first. 409 when it was changed since `version`."""
    return shown(response, video_id, transcripts.undo(stored_of(request, video_id), body.version))


def stored_of(request: HttpRequest, video_id: UUID) -> Stored:
    """Or 404."""
    stored = transcripts.of(versions.owned(owner(request), video_id))
    if stored is None:
        raise Http404("nothing has been transcribed")
    return stored


def shown(response: HttpResponse, video_id: UUID, stored: Stored) -> TranscriptOut:
    response["ETag"] = f'"{stored.version}"'
    return TranscriptOut.of(video_id, stored)
