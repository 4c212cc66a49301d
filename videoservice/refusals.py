"""Bodies that the web process does not take in, and what it says then without asking the application."""

import dataclasses
from html import escape
from json import dumps

from django.conf import settings


def body_limit(method: bytes) -> int:
    """The longest body in bytes. PATCH brings chunks of uploads (tus)."""
    limit: int = settings.CHUNK_LIMIT_BYTES if method == b"PATCH" else settings.FORM_LIMIT_BYTES
    return limit


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An answer to a body that is not taken in, given without asking the application. `status` has its words."""

    status: str
    code: str
    message: str

    def headers_and_body(self, accept: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """A page for browsers, the API's error envelope for everybody else."""
        if b"text/html" in accept:
            kind, body = b"text/html", f"<!doctype html><title>Not taken in</title><p>{escape(self.message)}</p>"
        else:
            kind, body = b"application/json", dumps({"error": {"code": self.code, "message": self.message}})
        content = body.encode()
        headers = [
            (b"Connection", b"close"),
            (b"Tus-Resumable", b"1.0.0"),
            (b"Content-Type", kind + b"; charset=utf-8"),
            (b"Content-Length", b"%d" % len(content)),
        ]
        return headers, content

    def raw(self, accept: bytes) -> bytes:
        """The answer as it goes over the line."""
        headers, content = self.headers_and_body(accept)
        lines = [b"HTTP/1.1 " + self.status.encode(), *(name + b": " + value for name, value in headers)]
        return b"\r\n".join([*lines, b"", content])


def too_large(method: bytes) -> Refusal:
    megabytes = body_limit(method) // 1024**2
    if method == b"PATCH":
        message = f"This chunk is too long. Send the file in chunks of at most {megabytes} MB."
    else:
        message = (
            f"This is too large for one piece: the limit is {megabytes} MB. Turn on JavaScript to upload larger files "
            "by the page, or upload in chunks to /uploads."
        )
    return Refusal("413 Content Too Large", "too_large", message)


DISK_FULL = Refusal(
    "507 Insufficient Storage",
    "disk_full",
    "The server's disk is full, so this was not taken in. Make room, or ask the operator to, then try again.",
)
