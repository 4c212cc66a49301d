"""Where an upload's bytes lie while the storage is a bucket: in the parts of one multipart upload, and in rows that say
which, so that any web process can go on.

A chunk that is large enough is a part. Smaller ones are objects of their own until there are enough of them for one. A
lease on the upload's row keeps two requests apart; who has lost it can change no row any more. A part counts once its
row is there: what was sent before and has none is sent again, under a number of its own, and S3 drops it at the end.
What passed this machine stays here as well (`parts_here`), so that at the end only what others took is fetched.
"""

import contextlib
import hashlib
import logging
import math
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from django.db import Error, transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs import storage
from jobs.errors import ResourceError
from jobs.models import Upload, UploadPart
from jobs.services import chunks, leases, part_files
from jobs.services.parts_here import PartsHere, clear_old, files, read, room_of
from jobs.services.whole_files import WholeFile
from jobs.storage import etags, multipart

log = logging.getLogger(__name__)
ROOM = "uploads"
READERS = 4
LONGEST_SENDING = timedelta(days=1)
READS = 3
"""How often a part is asked for that does not come as it was sent."""


class PartObjects:
    """What has arrived of an upload that this request holds by its token."""

    def __init__(self, upload: Upload, token: str) -> None:
        self.upload, self.token = upload, token
        self.parts = list(upload.parts.all())
        self.here = PartsHere(upload.pk)

    @property
    def size(self) -> int:
        return end_of(self.parts)

    def add(self, blocks: Iterable[bytes]) -> int:
        """Add a chunk, whole or not at all and for good, and return the size then. Raises what `blocks` raises, and
        OSError when the storage does not take it."""
        body = b"".join(blocks)
        if not body:
            return self.size
        waiting = [part for part in self.parts if not part.number]
        length = sum(part.size for part in waiting) + len(body)
        is_last = self.size + len(body) == self.upload.length
        if is_last or length >= self._least_part():
            self._send(waiting, body)
        else:
            self._keep(body)
        return self.size

    @contextlib.contextmanager
    def whole(self) -> Iterator[WholeFile]:
        """All of it as a file of this machine, for as long as the block runs. Raises UploadError (gone) when the
        storage has lost it, and ResourceError when it gives other bytes than it was given, or this machine has no room
        to look at them."""
        key = whole_key(self.upload.pk)
        self._complete(key)
        clear_left()
        if not self._is_as_sent(key):
            self.here.drop()
        try:
            self.here.make_room(self.upload.length)
        except OSError as error:
            raise chunks.disk_full(error) from error
        file = storage.uploads_folder() / f"{self.upload.pk}.{self.token}.part"
        try:
            self.here.become(file)
            bring(key, self.parts, file)
            yield WholeFile(file, stored=key)
        finally:
            self.here.take_back(file)

    def drop(self) -> None:
        drop(self.upload.pk)

    # Taking

    def _least_part(self) -> int:
        """How large a part has to be, so that what is still to come fits into the numbers that are left."""
        sent = end_of([part for part in self.parts if part.number])
        left = max(1, multipart.MOST_PARTS - self.upload.next_part - multipart.SPARE_PARTS)
        return max(multipart.LEAST_BYTES, math.ceil((self.upload.length - sent) / left))

    def _keep(self, body: bytes) -> None:
        """Keep what is too little for a part."""
        offset, key = self.size, f"{folder(self.upload.pk)}/{self.size}-{uuid.uuid4().hex[:8]}"
        storage.put_new(body, key)
        self._note([], UploadPart(offset=offset, size=len(body), number=0, key=key, sha256=_hash(body)))
        self.here.put(offset, body)

    def _send(self, waiting: Sequence[UploadPart], body: bytes) -> None:
        """Send a part: what was kept for it, and these bytes."""
        offset = waiting[0].offset if waiting else self.size
        body = b"".join([*map(self._gathered, waiting), body])
        key, number = whole_key(self.upload.pk), self._number()
        etag = multipart.put(key, self._multipart(key), number, body)
        self._note(waiting, UploadPart(offset=offset, size=len(body), number=number, etag=etag, sha256=_hash(body)))
        self._stay(offset, body, etag)
        for part in waiting:
            storage.delete(part.key)

    def _stay(self, offset: int, body: bytes, etag: str) -> None:
        """Keep here what the bucket has as it was sent, by what it calls it."""
        if etag.strip('"') == etags.of(body):
            self.here.put(offset, body)
        else:
            self.here.drop()

    def _gathered(self, part: UploadPart) -> bytes:
        return self.here.get(part) or _as_sent(part.key, part, lambda: storage.read(part.key))

    def _number(self) -> int:
        self._change(next_part=F("next_part") + 1)
        self.upload.refresh_from_db(fields=["next_part"])
        return self.upload.next_part - 1

    def _multipart(self, key: str) -> str:
        if not self.upload.multipart:
            name = multipart.begin(key)
            self._change(multipart=name)
            self.upload.multipart = name
        return self.upload.multipart

    def _note(self, gathered: Sequence[UploadPart], part: UploadPart) -> None:
        """Write down that a part has arrived, for which these are not needed any more."""
        part.upload = self.upload
        with transaction.atomic():
            self._change(offset=part.offset + part.size)
            UploadPart.objects.filter(pk__in=[one.pk for one in gathered]).delete()
            part.save(force_insert=True)
        self.parts = [*(one for one in self.parts if one not in gathered), part]

    def _change(self, **values: object) -> None:
        """Raises UploadError when the upload is gone, or another's by now."""
        if not Upload.objects.held(self.upload.pk, self.token).update(**values):
            raise chunks.busy() if Upload.objects.filter(pk=self.upload.pk).exists() else chunks.gone()

    # At the end

    def _complete(self, key: str) -> None:
        if _length(key) == self.upload.length:  # whoever did it did not come further
            return
        sent = [(part.number, part.etag) for part in self.parts]
        try:
            multipart.complete(key, self.upload.multipart, sent)
        except multipart.Unlike:  # it calls some of the parts otherwise than it did; what it has is compared below
            names = multipart.parts(key, self.upload.multipart)
            multipart.complete(key, self.upload.multipart, [(number, names.get(number, etag)) for number, etag in sent])
        except FileNotFoundError:
            pass
        if _length(key) != self.upload.length:
            drop(self.upload.pk)
            UploadPart.objects.filter(upload=self.upload).delete()
            Upload.objects.filter(pk=self.upload.pk).update(offset=0, multipart="", next_part=1)
            raise chunks.gone()

    def _is_as_sent(self, key: str) -> bool:
        """Whether the bucket calls the object as its parts are called, each of which was held against what was sent
        when it is still here. Where it does not, as with a key of KMS, all is read again."""
        return storage.stat(key).version == etags.of_parts([part.etag for part in self.parts])


# Holding -------------------------------------------------------------------------------------------------------------


def make(upload: Upload) -> None:
    """There is nothing to make before the first bytes come."""


def room_bytes() -> int:
    """How large an upload may be: a bucket takes any, but once this machine has to have a copy to look at."""
    return multipart.local_room() + sum(map(room_of, files())) - chunks.MARGIN_BYTES


@contextlib.contextmanager
def held(upload: Upload) -> Iterator[PartObjects]:
    """Raises UploadError (busy, gone)."""
    token = uuid.uuid4().hex
    if not Upload.objects.hold(upload.pk, token, leases.LEASE):
        raise chunks.busy() if Upload.objects.filter(pk=upload.pk).exists() else chunks.gone()
    mine = Upload.objects.held(upload.pk, token)
    try:
        upload.refresh_from_db(fields=["multipart", "next_part", "offset"])
        with leases.renewed(mine, f"upload {upload.pk}"):
            yield PartObjects(upload, token)
    finally:
        with contextlib.suppress(Error):  # it runs out
            mine.update(held_by="", held_until=None)


def is_there(upload: Upload) -> bool:
    return Upload.objects.filter(pk=upload.pk).exists()


# In the storage ------------------------------------------------------------------------------------------------------


def folder(pk: uuid.UUID) -> str:
    return f"{ROOM}/{pk}"


def whole_key(pk: uuid.UUID) -> str:
    return f"{folder(pk)}/whole"


def drop(pk: uuid.UUID) -> None:
    """Delete what the storage has of an upload."""
    PartsHere(pk).drop()
    if name := Upload.objects.filter(pk=pk).values_list("multipart", flat=True).first():
        multipart.abort(whole_key(pk), name)
    storage.tidy(folder(pk))


def delete_orphans() -> int:
    """Delete what is old and of no upload: objects, and multipart uploads, for whose parts one pays though no list of
    objects shows them. Also those that results were sent by when somebody died. Returns how many."""
    old = [one for one in multipart.unfinished() if time.time() - one.began > _patience(one.key)]
    folders = [name for name in storage.new().folders(ROOM) if _is_old(f"{ROOM}/{name}")]
    rows = dict(Upload.objects.values_list("pk", "multipart")) if old or folders else {}  # after the lists
    known = {(whole_key(pk), name) for pk, name in rows.items()}
    unknown = [one for one in old if (one.key, one.name) not in known]
    for one in unknown:
        multipart.abort(one.key, one.name)
    left = [name for name in folders if name not in {str(pk) for pk in rows}]
    for name in left:
        storage.tidy(f"{ROOM}/{name}")
    return len(unknown) + len(left)


def clear_left() -> None:
    """Delete what requests that died left in the middle of `whole` on this machine, where no reconciler may run: nobody
    holds their upload by their token any more."""
    clear_old()
    lease = leases.LEASE.total_seconds()
    old = [file for file in storage.uploads_folder().glob("*.*.part") if storage.age_seconds(file) > lease]
    if old:
        rows = Upload.objects.filter(held_until__gte=Now()).exclude(held_by="").values_list("pk", "held_by")
        known = {f"{pk}.{token}.part" for pk, token in rows}
        for file in old:
            if file.name not in known:
                file.unlink(missing_ok=True)


def _patience(key: str) -> float:
    """After how many seconds one counts as left behind. A large result may be long on its way."""
    return part_files.ORPHANED_SECONDS if key.startswith(f"{ROOM}/") else LONGEST_SENDING.total_seconds()


def _is_old(key: str) -> bool:
    return all(time.time() - found.changed > part_files.ORPHANED_SECONDS for found in storage.listed(key))


def bring(key: str, parts: Sequence[UploadPart], file: Path) -> None:
    """Copy what a file lacks of an object into it, and hold every part against the hash of what was sent. Raises
    ResourceError."""
    with file.open("r+b") as target, ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(lambda part: _bring_part(key, part, target.fileno()), parts):
            pass


def _bring_part(key: str, part: UploadPart, target: int) -> None:
    if read(target, part) is not None:
        return
    body = _as_sent(key, part, lambda: multipart.read(key, part.offset, part.size))
    os.pwrite(target, body, part.offset)


def _as_sent(key: str, part: UploadPart, read: Callable[[], bytes]) -> bytes:
    """The bytes of a part, asked for again when they break off or are others. Raises OSError and ResourceError."""
    failure: OSError | None = None
    for _ in range(READS):
        try:
            body = read()
        except FileNotFoundError:
            raise
        except OSError as error:
            failure = error
            continue
        if _hash(body) == part.sha256:
            return body
        failure = None
    raise failure or _other_bytes(key)


def _other_bytes(key: str) -> ResourceError:
    return ResourceError(
        "The storage gives other bytes than it was given. Try again, or ask the operator to look at it.", detail=key
    )


def _length(key: str) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return storage.stat(key).size
    return None


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def end_of(parts: Sequence[UploadPart]) -> int:
    return max((part.offset + part.size for part in parts), default=0)
