"""Text answers of the application, compressed as the client takes them. Files have ways of their own."""

import gzip
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeGuard

import brotli
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from videoservice.middleware import AnswerMiddleware

SMALLEST_BYTES = 1000
"""What fits into a packet anyway is left as it is."""
KINDS = ("text/", "application/json", "application/javascript", "image/svg+xml")
PADDING = 100
"""Answers differ by up to so many characters of a header, so that their length does not tell how well a guess of some
secret in them compresses with it (BREACH)."""
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda content: bytes(brotli.compress(content, quality=5)),
    "gzip": lambda content: gzip.compress(content, 5, mtime=0),
}
"""The better one first. Higher qualities take ten times as long for a few hundred bytes."""


class CompressionMiddleware(AnswerMiddleware):
    def changed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return compressed(request, response) if is_text(response) else response

    async def later(self, request: HttpRequest, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        answer = await response
        if is_text(answer):  # in a thread: it takes a millisecond, in which nobody else would be served
            await sync_to_async(compressed, thread_sensitive=False)(request, answer)
        return answer


def is_text(response: HttpResponseBase) -> TypeGuard[HttpResponse]:
    """Whether compressing this answer is worth it: no file or part of one, not too short, not compressed already."""
    return (
        isinstance(response, HttpResponse)
        and len(response.content) >= SMALLEST_BYTES
        and response.headers.get("Content-Type", "").startswith(KINDS)
        and not {"Content-Encoding", "Content-Range", "Accept-Ranges"} & {name.title() for name in response.headers}
    )


def compressed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["Accept-Encoding"])
    taken = accepted(request.headers.get("Accept-Encoding", ""))
    encoding = next((name for name in ENCODINGS if name in taken), None)
    if encoding:
        response.content = ENCODINGS[encoding](response.content)
        response.headers["Content-Encoding"] = encoding
        response.headers["Content-Length"] = str(len(response.content))
        response.headers["X-Padding"] = secrets.token_urlsafe(PADDING)[: secrets.randbelow(PADDING)]
        if (etag := response.headers.get("ETag", "")).startswith('"'):
            response.headers["ETag"] = f"W/{etag}"  # the same text, in other bytes
    return response


def accepted(header: str) -> set[str]:
    """The encodings of an Accept-Encoding header, without those that it forbids by q=0."""
    parts = (part.partition(";") for part in header.lower().split(","))
    return {
        name.strip() for name, _, weight in parts if weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.", "q=.")
    }
