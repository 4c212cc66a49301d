"""Answering a request with a file: ranges, conditions, the right name, and no more of it in memory than a block.

Django's FileResponse knows no ranges and under ASGI reads the whole file into memory first.
"""

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe

from jobs import storage

BLOCK = 512 * 1024
READERS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="sending")
NAMED_SECONDS = 24 * 3600
"""So that what is looked at counts as used at least once a day."""
SAFE_PICTURES = {"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"}
SAFE_TEXT = {"text/plain", "text/vtt"}
LOCKED_IN = "default-src 'none'; sandbox"
"""The policy for files that a browser might take for a page of ours."""


@dataclasses.dataclass(frozen=True)
class Sent:
    """What to send: the storage key, what a download is called, and the hash of the bytes if it is known."""

    key: str
    name: str
    media_type: str
    sha256: str = ""
    is_named: bool = False
    """Whether the address that it was asked under names these very bytes: other ones would have another."""

    @property
    def is_text(self) -> bool:
        return self.media_type.startswith("text/") or self.media_type == "application/json"

    @property
    def is_safe_inline(self) -> bool:
        """Whether a browser can show it in place without running anything in it."""
        main = self.media_type.partition("/")[0]
        return main in ("video", "audio") or self.media_type in SAFE_PICTURES | SAFE_TEXT


class Unsatisfiable(ValueError):
    """The range asks for nothing that the file has."""


def byte_range(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for; None to send everything, as for what cannot be understood.

    One range only: a list of them is answered with the whole, as RFC 9110 allows. Raises Unsatisfiable.
    """
    match = re.fullmatch(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})", header.strip(), re.ASCII | re.IGNORECASE)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last n bytes
        wanted = range(max(0, size - int(last)), size)
    elif last and int(last) < int(first):
        return None
    else:
        wanted = range(int(first), min(int(last) + 1 if last else size, size))
    if not wanted:
        raise Unsatisfiable
    return wanted


class Blocks:
    """A part of an open file, read in a thread block by block. Closes the file, however far it got."""

    def __init__(self, file: BinaryIO, wanted: range) -> None:
        self._file, self._wanted = file, wanted

    async def __aiter__(self) -> AsyncIterator[bytes]:
        position = self._wanted.start
        while left := self._wanted.stop - position:
            part = range(position, position + min(BLOCK, left))
            yield await asyncio.get_running_loop().run_in_executor(READERS, read, self._file, part)
            position = part.stop

    def close(self) -> None:
        self._file.close()


def read(file: BinaryIO, wanted: range) -> bytes:
    """A part of a file, whole. Raises OSError when the file ends before it does."""
    file.seek(wanted.start)
    block = file.read(len(wanted))
    if len(block) < len(wanted):
        raise OSError(f"the file ends at {wanted.start + len(block)}, {len(wanted) - len(block)} bytes early")
    return block


def send(request: HttpRequest, sent: Sent) -> HttpResponseBase:
    """The response to GET or HEAD for a file. `?download` asks the browser to keep it instead of showing it.

    What fits into a block, as players ask for, is read at once: each block after the request costs more than reading.
    Who has it already is told so without a look at the storage, where the hash of the bytes is known.
    """
    if sent.sha256 and (known := unless_changed(request, sent, f'"{sent.sha256}"')):
        return known
    if address := leads_to(request, sent):
        return led(request, sent, address)
    try:
        file, stat = storage.opened(sent.key)
    except FileNotFoundError as error:
        raise Http404(f"the file of {sent.key} is gone") from error
    with contextlib.ExitStack() as closing:
        closing.callback(file.close)
        head, wanted = answer(request, sent, stat)
        if wanted is None:
            return head
        if len(wanted) <= BLOCK:
            head.content = read(file, wanted)
            return head
        blocks = Blocks(file, wanted)
        closing.pop_all()
        return StreamingHttpResponse(blocks, status=head.status_code, headers=head.headers)


def leads_to(request: HttpRequest, sent: Sent) -> str | None:
    """Where a browser or a program gets it, signed and good for some hours; None where the site sends it itself, as it
    always does texts, which scripts and players read: for them they have to come from the site."""
    if sent.is_text and "download" not in request.GET:
        return None
    headers = description(request, sent)
    return storage.url(sent.key, storage.Shown(sent.name, headers["Content-Type"], headers["Content-Disposition"]))


def led(request: HttpRequest, sent: Sent, address: str) -> HttpResponse:
    """GET is led to the address, with its Range; who only asks about the file is answered here. Raises Http404."""
    try:
        stat = storage.stat(sent.key)
    except FileNotFoundError as error:
        raise Http404(f"the file of {sent.key} is gone") from error
    head, wanted = answer(request, sent, stat)
    if wanted is None:
        return head
    return HttpResponse(status=302, headers={"Location": address, "Cache-Control": "no-store"})


def unless_changed(request: HttpRequest, sent: Sent, etag: str) -> HttpResponse | None:
    """304 for who names this ETag; None where more has to be known."""
    if "If-None-Match" not in request.headers or "If-Match" in request.headers:
        return None
    found: HttpResponse | None = get_conditional_response(request, etag)
    if found:
        found["ETag"], found["Cache-Control"] = etag, keeping(sent)
    return found


def keeping(sent: Sent) -> str:
    """How browsers keep it, and never caches that several people share: asked about each time, as somebody else may be
    signed in by then. But pages show dozens of pictures, so one whose address names its bytes is not asked about for a
    day; these answers vary by the cookie of who is signed in."""
    return f"private, max-age={NAMED_SECONDS}, immutable" if sent.is_named else "private, no-cache"


def answer(request: HttpRequest, sent: Sent, stat: storage.Stat) -> tuple[HttpResponse, range | None]:
    """Status and headers for a file of this kind, and the bytes that have to follow; None for none."""
    etag = f'"{sent.sha256}"' if sent.sha256 else f'"{stat.version}"'
    modified = stat.changed_ns // 10**9
    always = {
        "Accept-Ranges": "bytes",
        "Cache-Control": keeping(sent),
        "ETag": etag,
        "Last-Modified": http_date(modified),
    }
    if settings.SENDFILE == "nginx" and storage.in_folder(sent.key):
        there = {"X-Accel-Redirect": f"/protected-media/{quote(sent.key)}"}
        return HttpResponse(headers=always | description(request, sent) | there), None
    if settled := get_conditional_response(request, etag, modified, None):
        for name, value in always.items():
            settled[name] = value
        return settled, None
    try:
        wanted = byte_range(_range_header(request, etag, modified), stat.size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{stat.size}"}), None
    headers = always | description(request, sent)
    if wanted is None:
        status, wanted = 200, range(stat.size)
    else:
        status = 206
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{stat.size}"
    headers["Content-Length"] = str(len(wanted))
    return HttpResponse(status=status, headers=headers), None if request.method == "HEAD" else wanted


def description(request: HttpRequest, sent: Sent) -> dict[str, str]:
    """The headers that say what the bytes are, and keep a browser from taking them for anything else."""
    as_attachment = "download" in request.GET or not sent.is_safe_inline
    headers = {
        "Content-Type": sent.media_type,
        "Content-Disposition": content_disposition_header(as_attachment, sent.name) or "inline",
        "X-Content-Type-Options": "nosniff",
    }
    return headers if sent.is_safe_inline else headers | {"Content-Security-Policy": LOCKED_IN}


def _range_header(request: HttpRequest, etag: str, modified: int) -> str:
    """The Range header, unless the client holds a part of other bytes than these (If-Range)."""
    known = request.headers.get("If-Range")
    if known is None or known.strip() == etag or parse_http_date_safe(known) == modified:
        return request.headers.get("Range", "")
    return ""
