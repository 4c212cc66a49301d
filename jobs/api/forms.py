"""What a multipart form holds."""

import hashlib
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest


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
