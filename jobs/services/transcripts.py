"""Transcripts of recordings: the newest one, and changing its lines.

The JSON file is the truth and carries its changes; the other files of the job are written anew from it. Its hash is its
version: a change names the one that it was made on, and one conditional UPDATE decides who was first.
"""

import contextlib
import dataclasses
import functools
import hashlib
import logging
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db import DatabaseError, transaction

from jobs import storage
from jobs.engine.captions.transcript import Transcript
from jobs.errors import InputError
from jobs.models import Artifact, Job, Video
from jobs.operations.transcribe import Transcribe, files
from jobs.services import search_index

log = logging.getLogger(__name__)


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

    @property
    def chapters(self) -> Artifact | None:
        """The file of its chapters, a time and a title a line."""
        made = self.artifact.job.artifacts.all()
        return next((one for one in made if one.kind == "text" and "chapters" in one.metadata), None)


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
    """The newest transcript of a recording; None when there is none, or its file is gone or damaged. Raises OSError
    when the storage is away."""
    found = newest(video)
    return read(found) if found else None


def read(artifact: Artifact) -> Stored | None:
    """Raises and returns as `of`."""
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
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
        try:
            index(stored.artifact)
        except OSError as error:
            log.warning("the transcript %s is indexed later: %s", stored.artifact.pk, error)
    found = read(Artifact.objects.select_related("job").get(pk=stored.artifact.pk))
    if found is None:
        raise _overtaken()
    return found


def _publish(stored: Stored, transcript: Transcript) -> None:
    """Replace the files of a transcript, all or none. Whoever reads an old one right now reads it to its end."""
    with contextlib.ExitStack() as undo, tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        drafts = {draft.path.suffix: draft.path for draft in files(Path(folder), "transcript", transcript)}
        replaced = {suffix: one for suffix, one in stored.files.items() if suffix in drafts}
        new = []
        # The JSON file first: whoever wins its row has won the others.
        for suffix in sorted(replaced, key=lambda suffix: suffix != ".json"):
            new.append((replaced[suffix], _placed(stored.artifact.job, drafts[suffix])))
            undo.callback(_delete, new[-1][1]["key"])
        try:
            _replace(new)
        except DatabaseError:  # it may be that only the answer was lost: the sweep finds what is not needed
            undo.pop_all()
            raise
        undo.pop_all()
    for old in replaced.values():
        _delete(old.key)


def _placed(job: Job, path: Path) -> dict[str, Any]:
    """Publish a file of a transcript under a new key. Returns what its row has to say of it."""
    key = f"{storage.results_key(job.pk, job.attempt)}/{uuid.uuid4()}{path.suffix}"
    sha256, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    storage.publish(path, key, sha256)
    return {"key": key, "sha256": sha256, "size": size}


def _replace(new: Iterable[tuple[Artifact, dict[str, Any]]]) -> None:
    """Have the rows name new files, in one short transaction. Raises InputError (changed)."""
    with transaction.atomic():
        for old, facts in new:
            if not Artifact.objects.filter(pk=old.pk, key=old.key).update(**facts):
                raise _overtaken()


def _delete(key: str) -> None:
    try:
        storage.delete(key)
    except OSError as error:
        log.warning("%s stays for the sweep: %s", key, error)


def index(artifact: Artifact) -> None:
    """Let search find what a transcript says, as its JSON file is now, in place of what older ones said. Raises OSError
    when the storage is away; then all stays as it was, to be done again."""
    subject = artifact.job.subject
    if subject is None:
        return
    while not _is_indexed(Artifact.objects.get(pk=artifact.pk), subject):
        """It was changed while it was read."""


def _is_indexed(present: Artifact, subject: Video) -> bool:
    """Index this state of a transcript. False: it has another one by now."""
    stored = read(present)
    with transaction.atomic():
        row = search_index.hold(present, subject)
        if not Artifact.objects.filter(pk=present.pk, sha256=present.sha256).exists():
            transaction.set_rollback(True)
            return False
        search_index.write(row, present.sha256, stored.transcript.lines if stored else ())
    return True


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
