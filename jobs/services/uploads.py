"""Recordings on their way in, by chunks that can go on after any break.

The row says what is to become of it. Where its bytes lie, and how much has arrived, `part_files` and `part_objects`
tell.
"""

import contextlib
import logging
import uuid
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Now

from jobs import storage
from jobs.engine.probe import image_sanitizer as engine_images
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Image, Import, Room, Upload, Video
from jobs.services import arrivals, chunks, images, naming, part_files, quota, videos
from jobs.services.chunks import CHECKSUMS, MARGIN_BYTES, Checksum, Source, UploadError, size_in_words
from jobs.services.videos import DuplicateVideo, receive
from jobs.services.whole_files import WholeFile

__all__ = [
    "CHECKSUMS",
    "MARGIN_BYTES",
    "Checksum",
    "DuplicateVideo",
    "UploadError",
    "abort",
    "append",
    "begin",
    "expire",
    "finish",
    "forget",
    "order",
    "receive",
    "size_in_words",
]

log = logging.getLogger(__name__)
MOST_OPEN = 20
"""Uploads that one owner may have unfinished at the same time; each holds room on the disk until it expires."""
LARGEST_SHARE = 0.5
"""How much of the room on the disk one owner's unfinished uploads may hold for what is still to come of them. A single
one may have all of it."""


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
    arrivals.announced()
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
        _places().make(upload)
    except OSError as error:
        upload.delete()
        raise chunks.disk_full(error) from error
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
    with _places(upload).held(upload):
        upload.work, upload.pipeline = dict(work), pipeline
        Upload.objects.filter(pk=upload.pk).update(work=upload.work, pipeline=pipeline)


def refuse_overfull(length: int) -> None:
    """Raise ResourceError when the disk cannot take this much beside what uploads under way were promised."""
    promised = _promised_bytes(Upload.objects.all()) + Import.objects.promised_bytes()
    free = min(_room_bytes() - promised, _places().room_bytes())
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
    with _places(upload).held(upload) as place:
        return place.size


def append(upload: Upload, offset: int, source: Source, checksum: Checksum | None = None) -> int:
    """Add a chunk that starts at `offset`, and return the offset after it. A chunk is taken whole or not at all, and
    for good: what was once said to be here is here after a power cut.

    Raises UploadError, and ResourceError when the disk is full.
    """
    with _places(upload).held(upload) as place:
        size = place.size
        if offset != size:
            raise UploadError(f"The upload is at byte {size}, not {offset}. Go on from there.", code="offset")
        # What others write counts here too. A chunk is small against the margin, so its own length does not matter.
        if storage.free_bytes() < MARGIN_BYTES:
            raise chunks.disk_full()
        limit = min(settings.CHUNK_LIMIT_BYTES, upload.length - size)
        there = place.add(chunks.blocks(source, limit, checksum))
        if not Upload.objects.filter(pk=upload.pk).update(offset=there, expires_at=_expiry()):
            raise chunks.gone()
        upload.refresh_from_db(fields=["offset", "expires_at"])
        return upload.offset


def finish(upload: Upload) -> Video | Image:
    """Make the recording or image of a whole upload. It gets the upload's id, so that who missed the answer can ask
    again.

    The upload is gone afterwards, also when its bytes are refused; it is kept for another try when the server could not
    look at them. Raises as `receive` does, and UploadError.
    """
    with _places(upload).held(upload) as place:
        try:
            found = _arrived(upload.owner, upload.pk)
            if found is None:
                with place.whole() as file:
                    found = _received(upload, file)
        except InputError:
            place.drop()
            upload.delete()
            raise
        if isinstance(found, Video):
            videos.start(found, upload.work, upload.pipeline)
        place.drop()
        Upload.objects.filter(pk=upload.pk).delete()
        return found


def made(owner: Account, pk: uuid.UUID) -> Video | Image | None:
    """What a finished upload became."""
    return Video.objects.of(owner).filter(pk=pk).first() or Image.objects.of(owner).filter(pk=pk).first()


def _arrived(owner: Account, pk: uuid.UUID) -> Video | Image | None:
    """As `made`, also when it was removed meanwhile: the files are its own."""
    return Video.with_trash.of(owner).filter(pk=pk).first() or made(owner, pk)


def _received(upload: Upload, file: WholeFile) -> Video | Image:
    if upload.kind == Upload.Kind.IMAGE:
        return images.receive(upload.owner, file.path, name=upload.name, pk=upload.pk)
    facts = {name: getattr(upload, name) for name in ("name", "title", "work", "pipeline", "pk")}
    return videos.receive(upload.owner, file, **facts)


def abort(upload: Upload) -> None:
    """Forget an upload and its bytes. Raises UploadError (busy) while another request is at it."""
    with contextlib.ExitStack() as stack:
        places = _places(upload)
        if places.is_there(upload):
            stack.enter_context(places.held(upload))
        places.drop(upload.pk)
        Upload.objects.filter(pk=upload.pk).delete()


def forget(upload: Upload) -> None:
    """As `abort`, also while the storage is away: then what that has of it is swept later."""
    try:
        abort(upload)
    except OSError as error:
        log.warning("what the storage has of upload %s is not cleared away yet: %s", upload.pk, error)
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
    places = {part_files, _places()}
    return cleared + sum(one.delete_orphans() for one in places)


def _start_forgotten_work() -> None:
    Upload.objects.filter(pk__in=Image.objects.values("pk")).delete()
    for upload in Upload.objects.filter(pk__in=Video.with_trash.values("pk")):
        video = Video.with_trash.filter(pk=upload.pk).first()
        if video:
            videos.start(video, upload.work, upload.pipeline)
            _places(upload).drop(upload.pk)  # the recording has a name of its own for the bytes
            upload.delete()


def _places(upload: Upload | None = None) -> ModuleType:
    """Where the bytes of uploads lie. One that began before the storage became a bucket goes on in its part file."""
    if storage.store().is_folder or (upload and part_files.is_there(upload)):
        return part_files
    from jobs.services import part_objects  # with all of boto3, which a folder does not need

    return part_objects


def _expiry() -> Any:
    return Now() + timedelta(hours=settings.UPLOAD_EXPIRES_HOURS)
