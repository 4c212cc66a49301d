"""Requests that may be sent again: the header that tells one by a key of its own."""

import hashlib
from typing import Annotated

from ninja import Header

from jobs.api.errors import ApiError

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text of your own. The same request with the same key makes one thing, however often it comes.",
    ),
]


def hashed(key: str) -> str:
    """What is kept of a key: some databases take letters in either case for the same."""
    return f"api-{hashlib.sha256(key.encode()).hexdigest()}"


def in_progress() -> ApiError:
    return ApiError(
        409, "in_progress", "A request with this Idempotency-Key is under way. Wait a moment, then send it again."
    )


def mismatch() -> ApiError:
    return ApiError(422, "idempotency_mismatch", "This Idempotency-Key was used for another request. Use a new one.")
