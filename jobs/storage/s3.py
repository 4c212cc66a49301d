"""A store that is a bucket of S3, or of what speaks like it (`s3_client`).

What is sent is held against what the bucket says of it afterwards, what is fetched against the hash that it has
to have.
"""

import contextlib
import errno
import functools
import hashlib
import logging
import math
import mimetypes
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from jobs.storage import etags, signing, stopping
from jobs.storage.address import Address
from jobs.storage.bucket import Bucket
from jobs.storage.copies import Copies
from jobs.storage.ranges import RangeFile
from jobs.storage.s3_client import told
from jobs.storage.store import Shown, Stat

log = logging.getLogger(__name__)
PART_BYTES = 16 * 1024**2
PARALLEL = 4
COPIED_AT_ONCE = 16
TRIES = 3
TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict")
"""How a bucket says that there is something under a key already."""
LINK_BYTES = 256 * 1024**2
"""Up to how much is copied while a page waits."""
COPY_BYTES = 1024**2
"""From what size on a file that was just published is worth to be kept as a local copy."""
ENDLESS = 1 << 60
"""How much room there is in a bucket, as far as anybody knows."""
SHA256 = "sha256"
"""Under which name an object carries the hash of its bytes."""
TRIED = "tried"
"""The key of a file that is there only while somebody tries whether one is taken."""
TRIED_SECONDS = 3600
"""How often that is done: in a bucket that keeps all versions something stays of it."""


class OtherBytes(OSError):
    """The bucket has, or gives, other bytes than it was given."""


class S3Store(Bucket):
    has_links = False
    is_folder = False

    def __init__(self, address: Address, local: Path) -> None:
        super().__init__(address)
        self.local = local
        self.copies = Copies(local / "copies", local / "cache")
        self._tried = -math.inf

    # Reading

    def stat(self, key: str) -> Stat:
        return _stat(self.head(key))

    def open(self, key: str) -> tuple[BinaryIO, Stat]:
        stat = self.stat(key)
        return cast(BinaryIO, RangeFile(stat.size, functools.partial(self._range, key, stat.version))), stat

    def _range(self, key: str, version: str, start: int, end: int) -> bytes:
        """These bytes of the object that was looked at. Raises OtherBytes for fewer."""
        if start >= end:
            return b""
        asked = {"Range": f"bytes={start}-{end - 1}", "IfMatch": f'"{version}"'}
        for left in reversed(range(TRIES)):
            try:
                with told(key):
                    body = cast(bytes, self.client.get_object(**self.object(key), **asked)["Body"].read())
                if len(body) == end - start:
                    return body
                failure: OSError = OtherBytes(errno.EIO, f"{len(body)} bytes came of {end - start}", key)
            except FileNotFoundError:
                raise
            except OSError as error:
                failure = error
            if left:
                log.warning("%s is read again: %s", key, failure)
        raise failure

    @contextlib.contextmanager
    def fetch(self, key: str, sha256: str = "") -> Iterator[Path]:
        head = self.head(key)
        sha256 = sha256 or head.get("Metadata", {}).get(SHA256, "")
        name = self._copy_name(key, sha256, head["ETag"])
        bring = functools.partial(self._bring, key, head, sha256)
        with self.copies.held(name, head["ContentLength"], bring) as copy:
            yield copy

    def is_near(self, key: str, sha256: str) -> bool:
        return bool(sha256) and (self.copies.folder / self._copy_name(key, sha256, "")).exists()

    def _copy_name(self, key: str, sha256: str, etag: str) -> str:
        found = sha256 or hashlib.sha256(f"{self.bucket}/{self.name(key)} {etag}".encode()).hexdigest()
        return f"{found}{Path(key).suffix}"

    def _bring(self, key: str, head: dict[str, Any], sha256: str, part: Path) -> None:
        """Fetch an object into a file in parallel ranges, and look at it. Raises OtherBytes when it is not what was
        asked for twice, and what a check of `stopping` does."""
        asked = stopping.asked()
        for left in reversed(range(TRIES)):
            try:
                with told(key):
                    self.client.download_file(self.bucket, self.name(key), str(part), Callback=asked, Config=_config())
                self._look_at(key, head, sha256, part)
            except FileNotFoundError:
                raise
            except OSError as error:
                if not left or error.errno == errno.ENOSPC:
                    raise
                log.warning("%s is fetched again: %s", key, error)
            else:
                return

    def _look_at(self, key: str, head: dict[str, Any], sha256: str, part: Path) -> None:
        if (size := part.stat().st_size) != head["ContentLength"]:
            raise OtherBytes(errno.EIO, f"{size} bytes came of {head['ContentLength']}", key)
        if sha256:
            with part.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise OtherBytes(errno.EIO, f"its SHA-256 is {found}, not {sha256}", key)
        elif not self._fits(part, head):
            raise OtherBytes(errno.EIO, f"it is not what its ETag {head['ETag']} says", key)

    # Publishing

    def publish(self, file: Path, key: str, sha256: str = "") -> None:
        """It stays as a local copy where there is room: work that comes next often begins with it."""
        self._send(file, key, sha256)
        self.settle(file, key, sha256)

    def settle(self, file: Path, key: str, sha256: str) -> None:
        if sha256 and file.exists() and file.stat().st_size >= COPY_BYTES:
            self.copies.offer(f"{sha256}{Path(key).suffix}", file)
        file.unlink(missing_ok=True)

    def share(self, file: Path, key: str, sha256: str = "") -> None:
        self._send(file, key, sha256)

    def take_back(self, file: Path, key: str) -> None:
        """It has been there all the time."""

    def _send(self, file: Path, key: str, sha256: str) -> None:
        """Send a file in parallel parts, each with its checksum, and hold what arrived against it. There is nothing
        under the key before all of it is there."""
        for left in reversed(range(TRIES)):
            try:
                with told(key):
                    self.client.upload_file(
                        str(file), self.bucket, self.name(key), Config=_config(), ExtraArgs=self._facts(key, sha256)
                    )
                self._arrived(file, key)
            except OSError as error:
                if not left or error.errno == errno.ENOSPC:
                    raise
                log.warning("%s is sent again: %s", key, error)
            else:
                return

    def _arrived(self, file: Path, key: str) -> None:
        head = self.head(key)
        there, size = head["ContentLength"], file.stat().st_size
        if there != size or not self._fits(file, head):
            with contextlib.suppress(OSError):
                self.delete(key)
            raise OtherBytes(errno.EIO, f"the bucket has {there} bytes with ETag {head['ETag']} of {size} others", key)

    def _fits(self, file: Path, head: dict[str, Any]) -> bool:
        """Whether a file may be what the bucket has. The ETag of what a key of KMS encrypts tells nothing of the bytes,
        also where nobody but the bucket itself asks for that."""
        used = (self.address.sse, head.get("ServerSideEncryption", ""))
        return any(one.startswith("aws:kms") for one in used) or etags.fits(file, head["ETag"], PART_BYTES)

    def _facts(self, key: str, sha256: str = "") -> dict[str, Any]:
        """What is said of an object when it is made."""
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        metadata = {"Metadata": {SHA256: sha256}} if sha256 else {}
        return {"ContentType": kind, **metadata, **self.encryption()}

    def put_new(self, content: bytes, key: str) -> None:
        try:
            with told(key):
                try:
                    self.client.put_object(**self.object(key), Body=content, IfNoneMatch="*", **self._facts(key))
                except ClientError as error:
                    if error.response["Error"]["Code"] not in TAKEN:
                        raise
        except OSError:
            if not self.has(key):  # another try of ours may have been answered after the connection broke
                raise

    def link(self, key: str, second: str) -> bool:
        """A bucket copies by itself; a large one takes it seconds, so pages may wait for small ones only."""
        if self.stat(key).size > LINK_BYTES:
            return False
        self.copy(key, second)
        return True

    def copy(self, key: str, second: str) -> bool:
        """The bucket copies it, in parts where it is larger than 5 GB. Returns False: it is kept twice."""
        head = self.head(key)
        facts = self._facts(second) | {"Metadata": head.get("Metadata", {}), "MetadataDirective": "REPLACE"}
        with told(key):
            self.client.copy(self.object(key), self.bucket, self.name(second), ExtraArgs=facts, Config=_copying())
        if (there := self.stat(second).size) != head["ContentLength"]:
            self.delete(second)
            raise OtherBytes(errno.EIO, f"the copy has {there} bytes, not {head['ContentLength']}", second)
        return False

    @contextlib.contextmanager
    def drafting(self, key: str, ending: str) -> Iterator[Path]:
        folder = self.local / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{uuid.uuid4()}{ending}"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    # Deleting

    def delete_with_folders(self, key: str, room: str) -> None:
        self.delete(key)

    # Looking

    def room_bytes(self) -> tuple[int, int]:
        return ENDLESS, ENDLESS

    def make_room(self, size: int) -> None:
        self.copies.make_room(size)

    def try_out(self) -> None:
        """Whether the bucket answers to these credentials, now and then also whether it takes a file and lets it go;
        and whether this machine's disk takes one."""
        with told():
            self.client.list_objects_v2(Bucket=self.bucket, Prefix=self.name(""), MaxKeys=1)
            if time.monotonic() > self._tried + TRIED_SECONDS:
                self.client.put_object(**self.object(TRIED), Body=b"1", **self._facts(TRIED))
                self.client.delete_object(**self.object(TRIED))
                self._tried = time.monotonic()
        self.local.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.local) as file:
            file.write(b"1")

    # Serving

    def url(self, key: str, shown: Shown) -> str | None:
        return signing.url(self, key, shown) if self.address.direct else None

    def __hash__(self) -> int:
        return hash((self.address, self.local))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, S3Store) and (self.address, self.local) == (other.address, other.local)


def _stat(head: dict[str, Any]) -> Stat:
    return Stat(head["ContentLength"], int(head["LastModified"].timestamp() * 10**9), head["ETag"].strip('"'))


def _config() -> TransferConfig:
    return TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARALLEL, max_io_queue=32
    )


def _copying() -> TransferConfig:
    """A bucket copies up to 5 GB in one piece, and tells no progress of it. Nothing of it passes here, so many parts go
    at once."""
    return TransferConfig(multipart_threshold=1 << 30, multipart_chunksize=1 << 28, max_concurrency=COPIED_AT_ONCE)
