"""What to do about work that failed: from the kind of its error to buttons that lead where it can be mended."""

import dataclasses
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from jobs.models import Job
from jobs.operations import registry


@dataclasses.dataclass(frozen=True)
class Remedy:
    """A verb, and the page, or the field of a form, that it leads to."""

    words: str
    address: str


FIELDS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "all_silent": (("Set the threshold", ("threshold_db",)), ("Choose another track", ("audio_track",))),
    "no_silence": (
        ("Let shorter silences count", ("min_silence_ms",)),
        ("Set the threshold", ("threshold_db",)),
    ),
    "no_track": (("Choose the track", ("audio_track", "track")),),
    "no_loudness": (("Change the loudness", ("loudness_lufs",)), ("Choose another track", ("track", "audio_track"))),
    "unlike": (("Choose another recording", ("audio",)),),
    "silent": (("Choose another recording", ("audio",)),),
    "too_short": (("Choose another recording", ("audio",)),),
    "same_recording": (("Choose another recording", ("audio", "recordings")),),
    "missing_input": (("Choose another file", ("audio", "image", "recordings")),),
    "beyond_end": (("Choose other times", ("times", "start")),),
    "bad_range": (("Choose other times", ("end", "times")),),
    "bad_ranges": (("Choose what to keep", ("keep",)),),
    "nothing_to_show": (("Choose what to keep", ("keep", "threshold_db")),),
    "nothing_to_mark": (("Choose other times", ("end",)),),
    "no_text": (("Write the text", ("text",)),),
    "outside": (("Move it into the picture", ("crop", "x_offset")),),
    "bad_crop": (("Choose the part to keep", ("crop",)),),
    "too_small": (("Allow more megabytes", ("size_mb", "crop")), ("Choose a lower resolution", ("resolution",))),
    "too_large": (("Choose a lower resolution", ("resolution",)),),
    "cannot_copy": (("Choose a format", ("format",)), ("Let parts begin on the frame", ("at",))),
    "no_chapters": (("Split it another way", ("by",)),),
    "too_many_parts": (("Make longer parts", ("minutes", "megabytes")),),
    "no_language": (("Choose the language", ("language",)),),
    "no_speech": (("Choose the language", ("language",)),),
    "no_font": (("Leave captions out of the picture", ("burn",)),),
    "bad_container": (("Choose another kind of file", ("container",)),),
}
"""By the kind of error: what a button says, and the first of these fields that the form of the work has."""
UPLOADED = (
    *("damaged", "undecodable", "cut_off", "unreadable", "missing_file", "empty", "encrypted", "not_media"),
    *("no_streams", "unknown_codec", "no_duration", "picture_too_large", "too_many_tracks"),
)
"""Nothing but another file helps."""
USED_UP = ("month_used_up", "day_used_up", "too_many_jobs", "quota")
OTHERS = {"no_audio": "Choose another recording", "no_picture": "Choose another recording", **dict.fromkeys(UPLOADED)}


def of(job: Job) -> list[Remedy]:
    """For a job that failed and that trying again would not help; besides, the job that it had to wait for."""
    return list(_found(job))


def _found(job: Job) -> Iterator[Remedy]:
    code, settings = job.error_code, address_of(job)
    if code == "prerequisite_failed":
        for before in job.after.all():
            yield Remedy(f"Look at “{before.operation_title}”", before.get_absolute_url())
        return
    if not job.error_permanent:
        return
    if code in USED_UP:
        yield Remedy("See what is used", reverse("account-usage"))
        return
    if code in OTHERS:
        yield Remedy(OTHERS[code] or "Upload it anew", reverse("library"))
        return
    fields = fields_of(job.operation)
    led = [(words, next((name for name in names if name in fields), "")) for words, names in FIELDS.get(code, ())]
    for words, name in led:
        if name:
            yield Remedy(words, address_of(job, name))
    if not any(name for _, name in led):
        yield Remedy("Other settings", settings)


def fields_of(operation: str) -> Any:
    try:
        return registry.get(operation).form_class.base_fields
    except KeyError:  # an operation that is gone
        return {}


def address_of(job: Job, field: str = "") -> str:
    """Where the same work can be ordered with other settings, on what it worked on: at a field of its form."""
    subject = job.subject or job.video
    query = urlencode({"do": job.operation, "job": job.pk})
    return f"{subject.get_absolute_url()}?{query}#{f'id_{job.operation}-{field}' if field else 'do'}"
