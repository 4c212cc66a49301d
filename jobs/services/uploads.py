"""Recordings on their way in, by chunks that can go on after any break.

The bytes lie in a part file. Its size is how much has arrived: the row only says what is to become of it. A lock on the
part file keeps two requests apart, also those of different processes.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import logging
import os
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Now
from django.template.defaultfilters import filesizeformat

from jobs import storage
from jobs.engine.probe import image_sanitizer as engine_images
from jobs.errors import InputError, JobError, ResourceError
from jobs.models import Account, Image, Import, Room, Upload, Video
from jobs.services import images, naming, quota, videos
from jobs.services.videos import DuplicateVideo, receive
from videoservice.outages import FULL

__all__ = [
    "Checksum",
    "DuplicateVideo",
    "UploadError",
    "abort",
    "append",
    "begin",
    "expire",
    "finish",
    "order",
    "receive",
]

log = logging.getLogger(__name__)
BLOCK = 256 * 1024
MARGIN_BYTES = settings.FREE_MARGIN_BYTES
"""Room on the disk that an upload has to leave for everything else."""
MOST_OPEN = 20
"""Uploads that one owner may have unfinished at the same time; each holds room on the disk until it expires."""
LARGEST_SHARE = 0.5
"""How much of the room on the disk one owner's unfinished uploads may hold for what is still to come of them. A single
one may have all of it."""
ORPHANED_SECONDS = 3600
"""How old a file must be to count as left behind; the longest check of a file is far shorter."""
CHECKSUMS = ("sha1", "sha256", "md5")


class UploadError(JobError):
    """A request that does not fit the upload's state; `code` is busy, gone, offset, checksum or too_large."""


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclasses.dataclass(frozen=True)
class Checksum:
    """What a chunk has to hash to; `algorithm` is one of CHECKSUMS."""

    algorithm: str
    digest: bytes


def size_in_words(count: int) -> str:
    return filesizeformat(count).replace("\xa0", " ")


def begin(
    owner: Account,
    *,
    name: str,
    length: int,
    title: str = "",
    work: Mapping[str, Mapping[str, Any]] | None = None,
    pipeline: str = "",
    kind: Upload.Kind = Upload.Kind.RECORDING,
    pk: uuid.UUID | None = None,
) -> Upload:
    """Make room for `length` bytes of a recording or image, by an id of its own or `pk`.

    Raises InputError (empty, too_large, too_many), OverQuota and ResourceError.
    """
    refuse_size(length)
    if kind == Upload.Kind.IMAGE:
        engine_images.refuse_long(length)
    _refuse_greedy(owner, length)
    facts = {"owner": owner, "kind": kind, "name": naming.file_name(name), "title": naming.clean(title)[:200]}
    order = {"work": dict(work or {}), "pipeline": pipeline}
    with transaction.atomic():
        Room.hold(owner)
        quota.refuse(owner, length)
        upload = Upload.objects.create(pk=pk or uuid.uuid4(), length=length, expires_at=_expiry(), **facts, **order)
    upload.refresh_from_db(fields=["expires_at"])
    try:
        part = storage.upload_path(upload.pk)
        part.touch(exist_ok=False)
        storage.sync(part.parent)
    except OSError as error:
        upload.delete()
        raise _disk_full(error) from error
    return upload


def refuse_size(length: int) -> None:
    """Raise InputError (empty, too_large) for a file that is never taken, and ResourceError when the disk is full."""
    if length <= 0:
        raise InputError("The file is empty. Choose another one.", code="empty")
    if length > settings.UPLOAD_LIMIT_BYTES:
        limit, size = size_in_words(settings.UPLOAD_LIMIT_BYTES), size_in_words(length)
        raise InputError(f"This file has {size}; the limit is {limit}. Choose a smaller one.", code="too_large")
    refuse_overfull(length)


def order(upload: Upload, work: Mapping[str, Mapping[str, Any]], pipeline: str = "") -> None:
    """Have something else done with the recording than was said at the start. Raises UploadError."""
    with _held(upload):
        upload.work, upload.pipeline = dict(work), pipeline
        Upload.objects.filter(pk=upload.pk).update(work=upload.work, pipeline=pipeline)


def refuse_overfull(length: int) -> None:
    """Raise ResourceError when the disk cannot take this much beside what uploads under way were promised."""
    free = _room_bytes() - _promised_bytes(Upload.objects.all()) - Import.objects.promised_bytes()
    if length > free:
        raise ResourceError(
            f"This file has {size_in_words(length)}, but the server has room for {size_in_words(max(0, free))} only. "
            "Delete recordings or results that are no longer needed, or ask the operator to make room.",
            code="disk_full",
        )


def _refuse_greedy(owner: Account, length: int) -> None:
    """Raise InputError when too much of the disk would be kept for one owner's uploads, which others may need."""
    mine = Upload.objects.of(owner)
    if mine.count() >= MOST_OPEN:
        raise InputError(
            f"You have {MOST_OPEN} unfinished uploads. Finish or discard some of them, then try again.", code="too_many"
        )
    promised = _promised_bytes(mine)
    room = _room_bytes() - _promised_bytes(Upload.objects.exclude(owner=owner))
    if promised and promised + length > room * LARGEST_SHARE:
        raise InputError(
            f"Your unfinished uploads still need {size_in_words(promised)}, and the server cannot keep more than "
            f"{size_in_words(max(0, int(room * LARGEST_SHARE)))} free for you alone. Finish or discard some of them, "
            "then try again.",
            code="too_many",
        )


def _room_bytes() -> int:
    return storage.free_bytes() - MARGIN_BYTES


def _promised_bytes(unfinished: QuerySet[Upload]) -> int:
    """What is still to come of uploads under way."""
    return int(unfinished.aggregate(rest=Sum(F("length") - F("offset")))["rest"] or 0)


def received(upload: Upload) -> int:
    """How many bytes have arrived. Raises UploadError while another request is at it, and when it is gone."""
    with _held(upload) as part:
        return os.fstat(part.fileno()).st_size


def append(upload: Upload, offset: int, source: Source, checksum: Checksum | None = None) -> int:
    """Add a chunk that starts at `offset`, and return the offset after it. A chunk is taken whole or not at all, and
    for good: what was once said to be here is here after a power cut.

    Raises UploadError, and ResourceError when the disk is full.
    """
    with _held(upload) as part:
        size = part.seek(0, os.SEEK_END)
        if offset != size:
            raise UploadError(f"The upload is at byte {size}, not {offset}. Go on from there.", code="offset")
        # What others write counts here too. A chunk is small against the margin, so its own length does not matter.
        if storage.free_bytes() < MARGIN_BYTES:
            raise _disk_full()
        try:
            _copy(source, part, min(settings.CHUNK_LIMIT_BYTES, upload.length - size), checksum)
            os.fdatasync(part.fileno())
        except BaseException as error:
            part.truncate(size)
            if isinstance(error, OSError) and error.errno in FULL:
                raise _disk_full(error) from error
            raise
        if not Upload.objects.filter(pk=upload.pk).update(offset=part.tell(), expires_at=_expiry()):
            raise _gone()
        upload.refresh_from_db(fields=["offset", "expires_at"])
        return upload.offset


def finish(upload: Upload) -> Video | Image:
    """Make the recording or image of a whole upload. It gets the upload's id, so that who missed the answer can ask
    again.

    The upload is gone afterwards, also when its bytes are refused; it is kept for another try when the server could not
    look at them. Raises as `receive` does, and UploadError.
    """
    with _held(upload):
        part = storage.upload_path(upload.pk)
        try:
            found = _arrived(upload.owner, upload.pk) or _received(upload, part)
        except InputError:
            upload.delete()
            raise
        if isinstance(found, Video):
            videos.start(found, upload.work, upload.pipeline)
        part.unlink(missing_ok=True)
        Upload.objects.filter(pk=upload.pk).delete()
        return found


def made(owner: Account, pk: uuid.UUID) -> Video | Image | None:
    """What a finished upload became."""
    return Video.objects.of(owner).filter(pk=pk).first() or Image.objects.of(owner).filter(pk=pk).first()


def _arrived(owner: Account, pk: uuid.UUID) -> Video | Image | None:
    """As `made`, also when it was removed meanwhile: the files are its own."""
    return Video.with_trash.of(owner).filter(pk=pk).first() or made(owner, pk)


def _received(upload: Upload, file: Path) -> Video | Image:
    if upload.kind == Upload.Kind.IMAGE:
        return images.receive(upload.owner, file, name=upload.name, pk=upload.pk)
    facts = {name: getattr(upload, name) for name in ("name", "title", "work", "pipeline", "pk")}
    return videos.receive(upload.owner, file, **facts)


def abort(upload: Upload) -> None:
    """Forget an upload and its bytes. Raises UploadError (busy) while another request is at it."""
    part = storage.upload_path(upload.pk)
    with contextlib.ExitStack() as stack:
        if part.exists():
            stack.enter_context(_held(upload))
        part.unlink(missing_ok=True)
        Upload.objects.filter(pk=upload.pk).delete()


def expire() -> int:
    """Clear away what nobody goes on with: expired uploads and files without one. Returns how many it cleared.

    Also puts right what a crash between a recording's row and its jobs left. Safe to run by several at once.
    """
    _start_forgotten_work()
    cleared = 0
    for upload in Upload.objects.expired():
        try:
            abort(upload)
            cleared += 1
        except UploadError:  # a chunk is just arriving
            pass
        except OSError as error:
            log.warning("upload %s is not cleared away yet: %s", upload.pk, error)
    return cleared + _delete_orphans()


def _start_forgotten_work() -> None:
    Upload.objects.filter(pk__in=Image.objects.values("pk")).delete()
    for upload in Upload.objects.filter(pk__in=Video.with_trash.values("pk")):
        video = Video.with_trash.filter(pk=upload.pk).first()
        if video:
            videos.start(video, upload.work, upload.pipeline)
            storage.upload_path(upload.pk).unlink(missing_ok=True)  # the recording has a name of its own for the bytes
            upload.delete()


def _delete_orphans() -> int:
    folder = storage.uploads_folder()
    # The files first: an upload that begins in between must not lose its own.
    old = [file for file in folder.iterdir() if storage.age_seconds(file) > ORPHANED_SECONDS]
    known = {storage.upload_path(pk) for pk in _coming()} if old else set()
    orphans = [file for file in old if file not in known]
    for file in orphans:
        file.unlink(missing_ok=True)
    return len(orphans)


def _coming() -> Iterator[uuid.UUID]:
    """Whose part files are kept."""
    yield from Upload.objects.values_list("pk", flat=True)
    yield from Import.objects.kept().values_list("pk", flat=True)


def _expiry() -> Any:
    return Now() + timedelta(hours=settings.UPLOAD_EXPIRES_HOURS)


@contextlib.contextmanager
def _held(upload: Upload) -> Iterator[FileIO]:
    """The part file, open and locked. Raises UploadError (busy, gone)."""
    path = storage.upload_path(upload.pk)
    if not path.exists():
        _bring_back(upload, path)
    try:
        part = path.open("r+b", buffering=0)
    except FileNotFoundError as error:
        raise _gone() from error
    with part:
        _lock(part)
        if not _is_at(part, path):  # it was finished or given up between opening and locking
            raise _gone()
        yield part


def _lock(part: FileIO) -> None:
    """Raises UploadError (busy)."""
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UploadError("Another request is at this upload. Wait a moment and try again.", code="busy") from error


def _bring_back(upload: Upload, path: Path) -> None:
    """Where a file can have one name only, who died between its move and its row left it behind at its new place."""
    for moved in storage.own_files(storage.recording_key(upload.pk)):
        if moved.stem != "source":
            continue
        with moved.open("r+b", buffering=0) as part:
            _lock(part)
            if _is_at(part, moved) and _arrived(upload.owner, upload.pk) is None:
                moved.rename(path)


def _is_at(part: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(part.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _copy(source: Source, part: FileIO, limit: int, checksum: Checksum | None) -> None:
    """Copy a chunk of at most `limit` bytes to the end of the part file."""
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    while block := source.read(BLOCK):
        limit -= len(block)
        if limit < 0:
            most = size_in_words(settings.CHUNK_LIMIT_BYTES)
            raise UploadError(
                f"This chunk is too long: a chunk has at most {most}, and no more than what is left of the file. "
                "Send less at once.",
                code="too_large",
            )
        if digest:
            digest.update(block)
        rest = memoryview(block)
        while rest:
            rest = rest[part.write(rest) :]
    if digest and checksum and digest.digest() != checksum.digest:
        raise UploadError("The chunk arrived damaged. Send it again.", code="checksum")


def _gone() -> UploadError:
    return UploadError("This upload is not there any more. Start it again.", code="gone")


def _disk_full(error: OSError | None = None) -> ResourceError:
    return ResourceError(
        "The server's disk is full. What arrived so far is kept: make room, or ask the operator to, then go on.",
        detail=str(error) if error else f"less than {size_in_words(MARGIN_BYTES)} free",
        code="disk_full",
    )
