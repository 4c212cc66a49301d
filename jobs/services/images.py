"""Images for use in work: let in from a whole file, kept while somebody uses them, deleted with their file."""

import logging
import uuid
from datetime import timedelta
from pathlib import Path

from django.db.models.functions import Now

from jobs import storage
from jobs.engine.probe import image_sanitizer as engine
from jobs.errors import InputError
from jobs.models import Account, Image
from jobs.services import jobs, naming, quota
from jobs.services.arrivals import PROBES, record

log = logging.getLogger(__name__)
MOST = 200
"""Images that one owner may have at the same time."""
KEPT_DAYS = 30
"""How long after its last use an image stays."""


def receive(owner: Account, file: Path, *, name: str, pk: uuid.UUID | None = None) -> Image:
    """Keep a whole file as an image. It must lie on the storage's filesystem; it is gone afterwards.

    Raises InputError when it is no image that can be used, and OverQuota; then nothing is left of it. Any other error,
    as ResourceError, is not the file's fault, and it stays where it was.
    """
    pk = pk or uuid.uuid4()
    written = file.with_name(f"{pk}.image.png")
    try:
        refuse_too_many(owner)
        with quota.held(owner, file.stat().st_size, pk):
            with PROBES:
                cleaned = engine.clean(file, written)
            image = Image(
                id=pk,
                owner=owner,
                name=naming.file_name(name),
                key=key_of(pk),
                size=written.stat().st_size,
                sha256=cleaned.sha256,
                width=cleaned.width,
                height=cleaned.height,
                used_at=Now(),
            )
            storage.publish(written, image.key, image.sha256)
            record(image, lambda: storage.discard(image.key))
        image.refresh_from_db(fields=["used_at"])
    except InputError:
        file.unlink(missing_ok=True)
        raise
    finally:
        written.unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    return image


def refuse_too_many(owner: Account) -> None:
    if Image.objects.of(owner).count() >= MOST:
        raise InputError(f"You have {MOST} images here. Delete some of them, then try again.", code="too_many")


def folder(pk: uuid.UUID) -> str:
    return storage.image_folder(pk)


def key_of(pk: uuid.UUID) -> str:
    """Another place at each call, as that of a recording's file (`storage.source_key`)."""
    return f"{folder(pk)}/{uuid.uuid4().hex[:8]}/image.png"


def delete(image: Image) -> None:
    """Delete an image. Work under way that needs it fails with a sentence."""
    pk, owner = image.pk, image.owner
    image.delete()
    storage.tidy(folder(pk))
    jobs.fail_needing(owner, "image", pk)


def sweep() -> int:
    """Delete what nobody has used for long, unless work under way needs it. Returns how many. Safe to repeat."""
    cleared = 0
    for image in Image.objects.unused_for(timedelta(days=KEPT_DAYS)).select_related("owner"):
        if jobs.needing(image.owner, "image", image.pk):
            continue
        try:
            delete(image)
            cleared += 1
        except Image.DoesNotExist:  # somebody else was quicker
            pass
        except OSError as error:
            log.warning("image %s is not deleted yet: %s", image.pk, error)
    return cleared
