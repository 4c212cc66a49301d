"""A ZIP file as an answer: made as the client takes it, in threads, with its length told before."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from jobs import zip_stream
from jobs.file_response import READERS
from jobs.zip_stream import Entry


class Blocks:
    """The bytes of a ZIP file. Closes the file that it is at, however far it got."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._blocks = zip_stream.stream(entries)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while (block := await loop.run_in_executor(READERS, next, self._blocks, None)) is not None:
            yield block

    def close(self) -> None:
        with contextlib.suppress(ValueError):  # a thread is at it, and ends with its block
            self._blocks.close()


def zipped(request: HttpRequest, entries: Sequence[Entry], name: str) -> HttpResponseBase:
    """The response to GET or HEAD for a ZIP file of these entries."""
    headers = {
        "Content-Type": "application/zip",
        "Content-Length": str(zip_stream.length(entries)),
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    return StreamingHttpResponse(Blocks(entries), headers=headers)
