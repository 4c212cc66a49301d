"""What a multipart form holds."""

import hashlib
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from jobs import storage
from jobs.api.auth import owner
from jobs.api.errors import ApiError
from jobs.services import quota, uploads


def take_in(request: HttpRequest) -> None:
    """Have a form with a recording arrive on the disk: its body is only read when its fields are asked for. Raises
    ApiError, OverQuota and ResourceError for one that is not taken."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > settings.FORM_LIMIT_BYTES:
        limit = uploads.size_in_words(settings.FORM_LIMIT_BYTES)
        message = f"One request takes at most {limit}. Send this recording in chunks through /uploads."
        raise ApiError(413, "too_large", message)
    if request.content_type != "multipart/form-data":
        raise ApiError(415, "content_type", "Send the recording as a field of multipart/form-data.")
    uploads.refuse_overfull(length)
    quota.refuse(owner(request), length)
    storage.uploads_folder()  # where Django puts files while they arrive


def content(request: HttpRequest) -> dict[str, Any]:
    """Query, fields and files of a form, the files by their names and SHA-256. Its length must have been looked at."""
    assert request.content_type == "multipart/form-data"
    files = {
        name: [(one.name, _sha256(one)) for one in found if isinstance(one, UploadedFile)]
        for name, found in request.FILES.lists()
    }
    return {"query": dict(request.GET.lists()), "fields": dict(request.POST.lists()), "files": files}


def _sha256(file: UploadedFile) -> str:
    found = hashlib.sha256()
    for chunk in file.chunks(1 << 20):
        found.update(chunk)
    file.seek(0)
    return found.hexdigest()
