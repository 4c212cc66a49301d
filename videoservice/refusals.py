"""Bodies that the web process does not take in, and what it says then without asking the application."""

import dataclasses
from html import escape
from json import dumps

from django.conf import settings

PAGE = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not taken in · videoservice</title>
<style>
:root {{ color-scheme: light dark }}
body {{ max-width: 36rem; margin: 20vh auto; padding: 0 1.5rem; font: 1rem/1.5 system-ui, sans-serif }}
</style>
<main><h1>That was not taken in</h1><p>{message}</p><p><a href="/">Back to the library</a></p></main>
</html>
"""
"""A page that needs nothing else: the names of the site's own files are known to the application only."""


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An answer to a body that is not taken in, given without asking the application. `status` has its words."""

    status: str
    code: str
    message: str

    def headers_and_body(self, accept: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """A page for browsers, the API's error envelope for everybody else."""
        if b"text/html" in accept:
            kind, body = b"text/html", PAGE.format(message=escape(self.message))
        else:
            kind, body = b"application/json", dumps({"error": {"code": self.code, "message": self.message}})
        content = body.encode()
        headers = [
            (b"Connection", b"close"),
            (b"Tus-Resumable", b"1.0.0"),
            (b"Content-Type", kind + b"; charset=utf-8"),
            (b"Content-Length", b"%d" % len(content)),
        ]
        if self.status.startswith("401"):
            headers.append((b"WWW-Authenticate", b"Bearer"))
        return headers, content

    def raw(self, accept: bytes) -> bytes:
        """The answer as it goes over the line."""
        headers, content = self.headers_and_body(accept)
        lines = [b"HTTP/1.1 " + self.status.encode(), *(name + b": " + value for name, value in headers)]
        return b"\r\n".join([*lines, b"", content])


MIB = 1024**2
SMALL_LIMIT_BYTES = MIB
"""For everything but recordings: fields of forms, parameters of calls."""
FORM_PATHS = (b"/submit/", b"/api/v1/videos")
CHUNK_PATHS = (b"/uploads", b"/api/v1/uploads")


@dataclasses.dataclass(frozen=True)
class Admission:
    """How long a request's body may be, by where it goes. `is_known` is whether it names a session or a token at all.

    Whether those are good is found out by the application, after the body; but nobody fills the disk without an account
    and without even a try at one. `path` is as it was sent, with its query.
    """

    method: bytes
    path: bytes
    is_known: bool

    def refusal(self, length: int) -> "Refusal | None":
        """Why a body of so many bytes is not taken in; None when it is."""
        limit = self._limit
        if length > limit:
            return Refusal("413 Content Too Large", "too_large", self._too_large(limit // MIB))
        if length > SMALL_LIMIT_BYTES and not self.is_known:
            return SIGN_IN
        return None

    @property
    def _limit(self) -> int:
        limit: int = SMALL_LIMIT_BYTES
        if self._takes_form:
            limit = settings.FORM_LIMIT_BYTES
        elif self._takes_chunk:
            limit = settings.CHUNK_LIMIT_BYTES
        return limit

    @property
    def _takes_form(self) -> bool:
        return self.method == b"POST" and self._place in FORM_PATHS

    @property
    def _takes_chunk(self) -> bool:
        is_upload = any(self._place == path or self._place.startswith(path + b"/") for path in CHUNK_PATHS)
        return is_upload and self.method in (b"PATCH", b"POST")  # POST: with the creation, or instead of PATCH

    @property
    def _place(self) -> bytes:
        return self.path.partition(b"?")[0]

    def _too_large(self, megabytes: int) -> str:
        if self._takes_chunk:
            return f"This chunk is too long. Send the file in chunks of at most {megabytes} MB."
        if self._takes_form:
            return (
                f"This is too large for one piece: the limit is {megabytes} MB. Turn on JavaScript to upload larger "
                "files by the page, or upload in chunks to /uploads."
            )
        return f"This is too large: the limit is {megabytes} MB here. Send less at once."


SIGN_IN = Refusal("401 Unauthorized", "unauthorized", "Sign in, or send a token, and try again.")
DISK_FULL = Refusal(
    "507 Insufficient Storage",
    "disk_full",
    "The server's disk is full, so this was not taken in. Make room, or ask the operator to, then try again.",
)
