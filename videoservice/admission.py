"""How long the body of a request may be, from whom it is taken in, and whether there is room for it."""

import dataclasses
import shutil

from django.conf import settings

from jobs.models import Account
from jobs.services import quota
from videoservice.refusals import AWAY, DISK_FULL, SIGN_IN, Refusal

MIB = 1024**2
SMALL_LIMIT_BYTES = MIB
"""For everything but recordings: fields of forms, parameters of calls."""
UNKNOWN_LIMIT_BYTES = 64 * 1024
"""What everybody may send, to sign in with. It stays in memory: nobody unknown gets a byte onto the disk."""
FORM_PATHS = (
    *(b"/submit/", b"/api/v1/videos", b"/api/v1/images", b"/api/v1/video/watermark", b"/api/v1/audio/extract"),
    *(b"/video/watermark", b"/audio/extract"),
)
CHUNK_PATHS = (b"/uploads", b"/api/v1/uploads")


@dataclasses.dataclass(frozen=True)
class Admission:
    """What may come in a request's body, by where it goes. `path` is as it was sent, with its query.

    `is_known` is whether its session or token is good: found out before a body longer than UNKNOWN_LIMIT_BYTES.
    """

    method: bytes
    path: bytes
    is_known: bool = False

    def refusal(self, length: int) -> Refusal | None:
        """Why a body of so many bytes is not taken in; None when it is."""
        if refusal := self.too_large(length):
            return refusal
        return SIGN_IN if length > UNKNOWN_LIMIT_BYTES and not self.is_known else None

    def too_large(self, length: int) -> Refusal | None:
        limit = self._limit
        if length <= limit:
            return None
        return Refusal("413 Content Too Large", "too_large", self._too_large(limit // MIB), heading="That is too large")

    def over_quota(self, length: int, account: Account) -> Refusal | None:
        """Why an account has no room for a form with so many bytes; None when it has. Uploads by chunks have had theirs
        since they began."""
        if self._takes_form:
            try:
                quota.refuse(account, length)
            except quota.OverQuota as error:
                return Refusal("413 Content Too Large", error.code, error.message, heading="There is no room")
        return None

    @property
    def takes_recordings(self) -> bool:
        """Whether what comes there is checked before it is answered."""
        return self._takes_form or self._takes_chunk

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


def no_room(length: int) -> Refusal | None:
    """Why so many bytes more are not stored: some room is kept on the disk for everything else."""
    try:
        free = shutil.disk_usage(settings.FILE_UPLOAD_TEMP_DIR).free
    except OSError:
        return AWAY
    return DISK_FULL if free - length < settings.FREE_MARGIN_BYTES else None
