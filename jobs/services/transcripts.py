"""Transcripts of recordings: the newest one, and changing its lines.

The JSON file is the truth and carries its changes; the other files of the job are written anew from it. Its hash is its
version: a change names the one that it was made on, and one conditional UPDATE decides who was first.
"""

import contextlib
import dataclasses
import functools
import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from django.db import transaction

from jobs import storage
from jobs.engine.captions.transcript import Transcript
from jobs.errors import InputError
from jobs.models import Artifact, Job, Video
from jobs.operations.transcribe import Transcribe, files
from jobs.services import search_index


@dataclasses.dataclass(frozen=True)
class Stored:
    """A transcript, and the row of its JSON file as it was when it was read."""

    artifact: Artifact
    transcript: Transcript

    @property
    def version(self) -> str:
        return self.artifact.sha256

    @property
    def files(self) -> dict[str, Artifact]:
        """The files that are written from it, by their endings."""
        made = self.artifact.job.artifacts.all()
        beside = {Path(one.key).suffix: one for one in made if one.kind != "video" and "chapters" not in one.metadata}
        # This row as it was read: whether it is still so decides who may change it.
        return beside | {Path(self.artifact.key).suffix: self.artifact}


def newest(video: Video) -> Artifact | None:
    """The JSON file of the transcript that was made last."""
    done = Job.objects.on(video).filter(operation=Transcribe.slug, status=Job.Status.SUCCEEDED)
    found = Artifact.objects.filter(job__in=done, kind=Artifact.Kind.DATA)
    return found.select_related("job").order_by("-job__finished_at").first()


@contextlib.contextmanager
def file_of(video: Video) -> Iterator[Path | None]:
    """The JSON file of the newest transcript, for as long as the block runs; None without one."""
    found = newest(video)
    if found is None or not storage.exists(found.key):
        yield None
        return
    with storage.fetch(found.key, found.sha256) as path:
        yield path


def of(video: Video) -> Stored | None:
    """The newest transcript of a recording; None when there is none or it cannot be read."""
    found = newest(video)
    return read(found) if found else None


def read(artifact: Artifact) -> Stored | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return Stored(artifact, Transcript.loads(storage.read(artifact.key).decode()))
    return None


def edit(stored: Stored, version: str, place: int, text: str) -> Stored:
    """Change a line. Raises InputError, with code `changed` when `version` is not the present one any more."""
    return _changed(stored, version, lambda transcript: transcript.edited(place, text))


def edit_lines(stored: Stored, version: str, lines: Iterable[tuple[int, str]]) -> Stored:
    """Change several lines, by their places, all or none. Raises as `edit` does."""

    def change(transcript: Transcript) -> Transcript:
        return functools.reduce(lambda so_far, line: so_far.edited(*line), lines, transcript)

    return _changed(stored, version, change)


def undo(stored: Stored, version: str) -> Stored:
    """Take the last change back. Raises InputError."""
    return _changed(stored, version, lambda transcript: transcript.undone())


def _changed(stored: Stored, version: str, change: Callable[[Transcript], Transcript]) -> Stored:
    if version != stored.version:
        raise _overtaken()
    changed = change(stored.transcript)
    if changed != stored.transcript:
        _publish(stored, changed)
        index(stored.artifact)
    found = read(Artifact.objects.select_related("job").get(pk=stored.artifact.pk))
    if found is None:
        raise _overtaken()
    return found


def _publish(stored: Stored, transcript: Transcript) -> None:
    """Replace the files of a transcript, all or none. Whoever reads an old one right now reads it to its end."""
    job = stored.artifact.job
    with contextlib.ExitStack() as undo, tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        drafts = {draft.path.suffix: draft for draft in files(Path(folder), "transcript", transcript)}
        replaced = {suffix: one for suffix, one in stored.files.items() if suffix in drafts}
        with transaction.atomic():
            # The JSON file first: whoever wins its row writes the others.
            for suffix in sorted(replaced, key=lambda suffix: suffix != ".json"):
                path, old = drafts[suffix].path, replaced[suffix]
                key = f"{storage.results_key(job.pk, job.attempt)}/{uuid.uuid4()}{suffix}"
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                facts = {"sha256": sha256, "size": path.stat().st_size}
                if not Artifact.objects.filter(pk=old.pk, key=old.key).update(key=key, **facts):
                    raise _overtaken()
                storage.publish(path, key, sha256)
                undo.callback(storage.delete, key)
        undo.pop_all()
    for old in replaced.values():
        storage.delete(old.key)


def index(artifact: Artifact) -> None:
    """Let search find what a transcript says, as its JSON file is now, in place of what older ones said."""
    subject = artifact.job.subject
    if subject is None:
        return
    with transaction.atomic():
        row = search_index.hold(artifact, subject)
        present = Artifact.objects.get(pk=artifact.pk)
        stored = read(present)
        search_index.write(row, present.sha256, stored.transcript.lines if stored else ())


def index_of(job: Job) -> None:
    """To be called after a job succeeded."""
    subject = job.subject
    if job.operation == Transcribe.slug and subject and (artifact := newest(subject)):
        index(artifact)


def catch_up(most: int = 20) -> None:
    """Index what should be and is not: a process died in between, or the newest transcript was removed."""
    for artifact in search_index.missed(most):
        index(artifact)


def _scratch() -> Path:
    folder = storage.room("scratch")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _overtaken() -> InputError:
    return InputError(
        "The transcript has been changed elsewhere meanwhile. Load the page again, then make your change once more.",
        code="changed",
    )
