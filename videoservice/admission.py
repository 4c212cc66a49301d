"""How long the body of a request may be, and from whom it is taken in."""

import dataclasses

from django.conf import settings

from videoservice.refusals import SIGN_IN, Refusal

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

    def refusal(self, length: int) -> Refusal | None:
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
