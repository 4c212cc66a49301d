"""The transcript beside a recording's player: its words, and changes to its lines."""

import json
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from jobs.auth.access import refused, signed_in
from jobs.auth.requests import MemberRequest
from jobs.auth.scopes import work
from jobs.engine.captions.transcript import Line
from jobs.errors import InputError
from jobs.operations.transcribe import ABOUT, language_name
from jobs.services import transcripts, versions
from jobs.services.transcripts import Stored


def desk_of(stored: Stored | None) -> dict[str, Any]:
    """For the template `videos/_transcript.html`; empty where nothing has been transcribed, or cannot be read now."""
    if stored is None:
        return {}
    return {
        "transcript": stored.transcript,
        "transcript_version": stored.version,
        "about": about(stored),
        "captions": stored.files.get(".vtt"),
    }


def about(stored: Stored) -> str:
    """Who listened, in which language, and how far to trust it."""
    found = stored.transcript
    model = f" ({found.model})" if found.engine == "whisper" else ""
    return f"{language_name(found.language)}, written down by {ABOUT.get(found.engine, found.engine)}{model}."


@require_safe
@signed_in
def words(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Every word with its time, and the version that a change has to name."""
    stored = stored_of(request, pk)
    lines = [plain(line) for line in stored.transcript.lines]
    return answer(stored, lines=lines)


@require_POST
@work
@signed_in
def edit(request: MemberRequest, pk: UUID, place: int) -> HttpResponse:
    """Change a line: `{"version", "text"}`. 409 when the transcript was changed meanwhile."""
    stored = stored_of(request, pk)
    try:
        asked = posted(request)
        changed = transcripts.edit(stored, str(asked["version"]), place, str(asked["text"]))
    except (ValueError, KeyError, TypeError):
        return refused(422, "params", "Send the version of the transcript and the text of the line.")
    except InputError as error:
        return refused(409 if error.code == "changed" else 422, error.code, error.message)
    return answer(changed, place=place, line=plain(changed.transcript.lines[place]))


@require_POST
@work
@signed_in
def undo(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take the last change back: `{"version"}`."""
    stored = stored_of(request, pk)
    try:
        changed = transcripts.undo(stored, str(posted(request)["version"]))
    except (ValueError, KeyError, TypeError):
        return refused(422, "params", "Send the version of the transcript.")
    except InputError as error:
        return refused(409 if error.code == "changed" else 422, error.code, error.message)
    place = stored.transcript.edits[-1].line
    return answer(changed, place=place, line=plain(changed.transcript.lines[place]))


def stored_of(request: MemberRequest, pk: UUID) -> Stored:
    stored = transcripts.of(versions.owned(request.user, pk))
    if stored is None:
        raise Http404("nothing has been transcribed")
    return stored


def posted(request: HttpRequest) -> dict[str, Any]:
    """Raises ValueError or TypeError for anything but an object."""
    found = json.loads(request.body)
    if not isinstance(found, dict):
        raise TypeError(type(found))
    return found


def answer(stored: Stored, **more: Any) -> HttpResponse:
    told = {"version": stored.version, "changes": len(stored.transcript.edits), **more}
    return JsonResponse(told, headers={"Cache-Control": "no-store"})


def plain(line: Line) -> dict[str, Any]:
    """Times in seconds; a word is [start, end, text], and 1 more when it is glued to the one before."""
    words = [
        [round(float(word.start), 3), round(float(word.end), 3), word.text, *([1] if word.glued else [])]
        for word in line.words
    ]
    return {"start": round(float(line.start), 3), "end": round(float(line.end), 3), "words": words}
