"""The work form as a browser without scripts sends it: images come with it, as files beside their fields."""

from collections.abc import Iterable
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import QueryDict

from jobs.auth.requests import MemberRequest
from jobs.errors import JobError
from jobs.forms import WorkForm, image_fields
from jobs.models import Video
from jobs.operations.fields import UPLOADED
from jobs.services import images


def work_form(request: MemberRequest, video: Video | None = None) -> WorkForm:
    """The posted form. Images that came along are kept, and their ids put into their fields."""
    data, refused = with_images(request, image_fields(request.POST.getlist("operations")))
    return WorkForm(data, owner=request.user, video=video, refused=refused)


def with_images(request: MemberRequest, names: Iterable[str]) -> tuple[QueryDict, dict[str, str]]:
    """The posted fields, with the ids of images that came along in the fields of these names; and by these names
    sentences about those that are none."""
    data, refused = request.POST.copy(), {}
    for name in names:
        file = request.FILES.get(f"{name}-{UPLOADED}")
        if not isinstance(file, TemporaryUploadedFile):
            continue
        try:
            data[name] = str(images.receive(request.user, Path(file.temporary_file_path()), name=file.name or "").pk)
        except JobError as error:
            refused[name] = error.message
    return data, refused
