"""What one request for a recording brings: all of it, or what is missing of it since the last one."""

import dataclasses
import os
import re
from collections.abc import Callable
from io import FileIO
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.http import parse_header_parameters

from jobs.errors import InputError
from jobs.models import Import
from jobs.services import naming, outbound
from jobs.services.outbound import Answer, Limits, TooLarge, Unreachable
from jobs.wording import size as size_in_words

REDIRECTS = 5
SILENCE_SECONDS = 30
SIGN_IN = (401, 402, 403, 407)
GONE = (404, 410)
CHANGED = "changed"
LATER = (408, 425, 429, 500, 502, 503, 504)


@dataclasses.dataclass(frozen=True)
class Begun:
    """What the head of an answer tells: where its bytes begin and end (None: nobody says), how many there are in all
    (None as well), what the recording is called, and what tells these bytes from others later ("" for nothing)."""

    offset: int
    end: int | None
    size: int | None
    name: str
    validator: str


class PartOnly(Unreachable):
    """What was sent came whole, but there is more, which can be asked for at once."""

    code = "broken_off"


Begins = Callable[[Begun], None]
Arrives = Callable[[int], None]
"""Told how many bytes are there now."""


def download(row: Import, part: FileIO, seconds: float, begins: Begins, arrives: Arrives) -> None:
    """Bring the part file to its whole length within `seconds`.

    Raises Unreachable when it is worth another try, which then goes on where this one ended; InputError for what will
    never come; and what `begins` and `arrives` raise.
    """
    offset = trusted(row, part)
    if offset and offset == row.size_bytes:
        return
    with outbound.request(
        "GET",
        row.url,
        private=settings.IMPORT_PRIVATE_ADDRESSES,
        headers={"Range": f"bytes={offset}-", "If-Range": row.validator} if offset else {},
        limits=Limits(
            silence_seconds=SILENCE_SECONDS,
            total_seconds=seconds,
            body_bytes=settings.UPLOAD_LIMIT_BYTES,
        ),
        redirects=REDIRECTS,
    ) as answer:
        if answer.status == 416 and _total(answer) == offset and row.size_bytes in (None, offset):
            return
        try:
            begun = _begun(answer, offset, row)
            part.truncate(begun.offset)
            begins(begun)
            _refuse_other_length(answer, begun, _copy(answer, part, begun.offset, arrives))
        except Unreachable as error:
            if error.code == CHANGED:  # the next try begins anew
                part.truncate(0)
            raise


def trusted(row: Import, part: FileIO) -> int:
    """How much of the part file can be gone on with: what was put on the disk for good, of bytes that can be told from
    others."""
    there = part.seek(0, os.SEEK_END)
    kept = min(there, row.received_bytes) if row.validator else 0
    part.truncate(kept)
    return kept


def _copy(answer: Answer, part: FileIO, offset: int, arrives: Arrives) -> int:
    """Where it ended."""
    try:
        for block in answer.blocks():
            rest = memoryview(block)
            while rest:
                rest = rest[part.write(rest) :]
            offset += len(block)
            if offset > settings.UPLOAD_LIMIT_BYTES:
                raise too_large()
            arrives(offset)
    except TooLarge as error:
        raise too_large() from error
    return offset


def _refuse_other_length(answer: Answer, begun: Begun, offset: int) -> None:
    """A part may be shorter than the one asked for, and one without a length of its own may break off unnoticed."""
    if begun.end is not None and offset > begun.end:
        raise _other_part(answer)
    if begun.end is not None and offset < begun.end:
        raise Unreachable(f"The connection to {answer.place} broke off. Try again later.", code="broken_off")
    if begun.size is not None and offset < begun.size:
        raise PartOnly(f"{answer.place} sent a part of this only. Try again later.")


def too_large() -> InputError:
    limit = size_in_words(settings.UPLOAD_LIMIT_BYTES)
    return InputError(
        f"This recording has more than {limit}, which is the limit. Choose a smaller one.", code="too_large"
    )


# The head of an answer -----------------------------------------------------------------------------------------------


def _begun(answer: Answer, offset: int, row: Import) -> Begun:
    """Raises InputError and Unreachable for what is not a recording, or not from where it was asked for."""
    _refuse(answer)
    if answer.status == 206:
        return _going_on(answer, offset, row)
    length = "" if "Transfer-Encoding" in answer.headers else answer.headers.get("Content-Length", "")
    size = int(length) if length.isdigit() else None
    return Begun(0, size, size, _name(answer), _validator(answer))


def _going_on(answer: Answer, offset: int, row: Import) -> Begun:
    """A part may leave out what the first answer told already."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    first, end, total = (int(found[1]), int(found[2]) + 1, found[3]) if found else (-1, 0, "*")
    known = row.size_bytes if offset else None
    size = int(total) if total != "*" else known
    validator = _validator(answer) or (row.validator if offset else "")
    is_other = offset and (known not in (None, size) or validator != row.validator)
    if first != offset or not first < end <= (size or end) or is_other:
        raise _other_part(answer)
    name = row.name if offset and "Content-Disposition" not in answer.headers else _name(answer)
    return Begun(offset, end, size, name, validator)


def _other_part(answer: Answer) -> Unreachable:
    return Unreachable(f"{answer.place} sent another part than the one asked for. Try again later.", code=CHANGED)


def _total(answer: Answer) -> int | None:
    """The whole length, by an answer to a range that is not there."""
    found = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", "").strip())
    return int(found[1]) if found else None


def _refuse(answer: Answer) -> None:
    status, place = answer.status, answer.place
    if status in (200, 206):
        if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise InputError(
                f"A web page is at this address of {place}, and no recording. Give the address of the file itself.",
                code="web_page",
            )
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise InputError(
                f"{place} sends this compressed, which recordings are not. Give another address.", code="encoded"
            )
    elif status in SIGN_IN:
        raise InputError(
            f"{place} does not give this to everybody ({status}). Give an address that works without signing in.",
            code="sign_in",
        )
    elif status in GONE:
        raise InputError(f"There is nothing at this address of {place} ({status}). Check it.", code="not_there")
    elif status in LATER:
        raise Unreachable(f"{place} cannot send this now ({status}). Try again later.")
    elif status == 416:
        raise Unreachable(f"{place} has changed this meanwhile. Try again later.", code=CHANGED)
    else:
        raise InputError(f"{place} answered {status} instead of a recording. Check the address.", code="no_recording")


def _name(answer: Answer) -> str:
    """As the other server calls it, else by the end of its address."""
    told = answer.headers.get("Content-Disposition", "").encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        name = parse_header_parameters(told)[1].get("filename", "") if told else ""
    except ValueError:
        name = ""
    path = PurePosixPath(unquote(urlsplit(answer.url).path))
    return naming.file_name(name or path.name or urlsplit(answer.url).hostname or "")[:255]


def _validator(answer: Answer) -> str:
    """A strong ETag, or when it was last changed: only these promise the same bytes."""
    etag = answer.headers.get("ETag", "").strip()
    if etag.startswith('"') and len(etag) <= 255:
        return etag
    return answer.headers.get("Last-Modified", "").strip()[:255]
