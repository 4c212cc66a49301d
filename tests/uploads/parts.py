"""What tests of uploads share."""

from pathlib import Path

from django.conf import settings

from jobs import storage
from jobs.models import Account, Upload
from jobs.operations import registry
from jobs.services import uploads
from tests import media
from tests.site import Site

MIB = 1024**2


def part_of(site: Site, location: str) -> Path:
    return site.media / "uploads" / f"{location.rpartition('/')[2]}.part"


def left(site: Site) -> set[str]:
    """Everything that lies in the folders of uploads and recordings."""
    return {str(path) for folder in ("uploads", "videos") for path in (site.media / folder).glob("**/*")}


def code(answer) -> str:
    return answer.json()["error"]["code"]


def form_of(slug: str) -> str:
    """The fields of the upload form with one operation chosen, as it is by default."""
    form = registry.get(slug).form_class(prefix=slug)
    fields = {field.html_name: field.value() for field in form if field.value() not in (None, False, "")}
    return "&".join([f"operations={slug}", *(f"{name}={value}" for name, value in fields.items())])


def picture(folder: Path) -> bytes:
    return media.still(folder / "picture.png").read_bytes()


def pending(owner: Account, data: bytes = b"", length: int = 100) -> Upload:
    upload = uploads.begin(owner, name="talk.mp4", length=length)
    storage.upload_path(upload.pk).write_bytes(data)
    return upload


def stored() -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    return {str(path.relative_to(root)) for path in root.glob("*/**/*") if path.is_file()}
