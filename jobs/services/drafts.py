"""Cuts made by hand, kept so that another browser shows the same. Of two who change the same version one is first, and
the other one is told."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from jobs.errors import NotNow
from jobs.models import Draft, Video
from jobs.models.draft import new_version


def of(video: Video) -> Draft | None:
    return Draft.objects.filter(video=video).first()


def save(
    video: Video, parts: list[dict[str, Any]], settings: dict[str, Any], *, version: str | None, is_new: bool
) -> Draft:
    """Keep a draft in place of the one of this `version`, of none there may be when it `is_new`, else of any.

    Raises NotNow (changed) when the one that is there is another one, or there is none any more.
    """
    content: dict[str, Any] = {"parts": parts, "settings": settings}
    rows = Draft.objects.filter(video=video)
    if version is not None:
        rows = rows.filter(version=version)
    if not is_new and rows.update(**content, version=new_version(), saved_at=Now()):
        return Draft.objects.get(video=video)
    if version is not None:
        raise _overtaken()
    try:
        with transaction.atomic():
            return Draft.objects.create(video=video, **content)
    except IntegrityError as error:  # somebody else was quicker
        if is_new:
            raise _overtaken() from error
        return save(video, parts, settings, version=None, is_new=False)


def delete(video: Video, version: str | None) -> Draft | None:
    """Give a draft up, and return it; None where there is none. Raises NotNow (changed) for another `version`."""
    found = of(video)
    if found is None:
        return None
    rows = Draft.objects.filter(video=video, version=found.version if version is None else version)
    if not rows.delete()[0]:
        raise _overtaken()
    return found


def _overtaken() -> NotNow:
    return NotNow("These cuts have been changed elsewhere meanwhile. Load them again first.", code="changed")
