"""One chunk of an upload: taken whole or not at all."""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Protocol

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from jobs.errors import JobError, ResourceError

BLOCK = 256 * 1024
MARGIN_BYTES = settings.FREE_MARGIN_BYTES
"""Room on the disk that an upload has to leave for everything else."""
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


def blocks(source: Source, limit: int, checksum: Checksum | None) -> Iterator[bytes]:
    """The bytes of a chunk. Raises UploadError as soon as there are more than `limit` of them, and at the end when they
    are not what they should be: what came before is then not to be kept."""
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
        yield block
    if digest and checksum and digest.digest() != checksum.digest:
        raise UploadError("The chunk arrived damaged. Send it again.", code="checksum")


def gone() -> UploadError:
    return UploadError("This upload is not there any more. Start it again.", code="gone")


def busy() -> UploadError:
    return UploadError("Another request is at this upload. Wait a moment and try again.", code="busy")


def disk_full(error: OSError | None = None) -> ResourceError:
    return ResourceError(
        "The server's disk is full. What arrived so far is kept: make room, or ask the operator to, then go on.",
        detail=str(error) if error else f"less than {size_in_words(MARGIN_BYTES)} free",
        code="disk_full",
    )
