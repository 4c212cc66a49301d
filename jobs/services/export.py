"""All that an account owns, to be taken along: a list with links, and the entries of a ZIP file.

The list is what can be resumed: each of its links gives one file, in ranges, with the hash that it has to have. The ZIP
file holds the same files, the list, and their hashes as `sha256sum --check` reads them.
"""

import dataclasses
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from jobs import storage
from jobs.models import Account, Artifact, Draft, Image, Job, Pipeline, Run, Video
from jobs.services import naming, pipelines, presets, tags, transcripts
from jobs.zip_stream import Entry

M = TypeVar("M", Job, Run)
Absolute = Callable[[str], str]
"""Makes a whole address of a path of this site."""
FORMAT = 1
LIST, HASHES = "everything.json", "SHA256SUMS"


@dataclasses.dataclass
class Export:
    """`told` is the list, as JSON; `files` what it speaks of, by the path that each has in the ZIP file."""

    told: dict[str, Any]
    files: dict[str, "File"]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())

    def entries(self) -> list[Entry]:
        hashes = "".join(f"{file.sha256}  {path}\n" for path, file in self.files.items() if file.sha256)
        list_text = json.dumps(self.told, indent=2, ensure_ascii=False)
        files = [Entry(path, file.size, file.open, file.changed_at) for path, file in self.files.items()]
        return [_text(LIST, list_text), _text(HASHES, hashes), *files]


@dataclasses.dataclass(frozen=True)
class File:
    key: str
    size: int
    sha256: str
    changed_at: datetime

    def open(self) -> BinaryIO:
        return storage.open_file(self.key)


def _text(path: str, text: str) -> Entry:
    content = text.encode()
    return Entry(path, len(content), lambda: io.BytesIO(content), timezone.localtime())


def of(owner: Account, absolute: Absolute) -> Export:
    """What is there now. What lies in the trash is left out, and so are files that are gone from the disk: they have
    `"file": null`. Raises OSError when the storage is away: nothing is left out because of that."""
    return Gatherer(owner, absolute).gathered()


class Gatherer:
    def __init__(self, owner: Account, absolute: Absolute) -> None:
        self.owner, self.absolute = owner, absolute
        self.files: dict[str, File] = {}
        self._there: dict[str, storage.Stat] = {}
        drafts = Draft.objects.filter(video__owner=owner)
        self._cuts = {draft.video_id: {"parts": draft.parts, "settings": draft.settings} for draft in drafts}
        """Made by hand, on recordings and on results, which have the id of theirs."""
        self._tags = tags.of_all(owner)
        self._names: set[str] = set()
        """The paths as systems take them that know no capitals."""

    def gathered(self) -> Export:
        told = {
            "format": FORMAT,
            "made_at": _time(timezone.now()),
            "account": self._account(),
            "recordings": list(self._recordings()),
            "images": self._images(),
            "chains": [
                {"slug": chain.slug, **pipelines.exported(chain)}
                for chain in Pipeline.objects.filter(owner=self.owner).order_by("name", "pk")
            ],
            "presets": [
                {"name": one.name, "operation": one.operation, "params": presets.values(one)}
                for one in presets.of(self.owner)
            ],
            "webhooks": list(self.owner.webhooks.values("url", "events")),
            "tokens": [
                {"name": token.name, "scope": token.scope, "expires_at": _time(token.expires_at)}
                for token in self.owner.tokens.order_by("pk")
            ],
            "sign_ins": [
                {"at": _time(one.at), "succeeded": one.succeeded, "from": one.address, "browser": one.browser}
                for one in self.owner.sign_ins.order_by("at", "pk")
            ],
        }
        return Export(told, self.files)

    def _account(self) -> dict[str, Any]:
        names = ("email", "name", "time_zone", "dates", "theme", "default_pipeline")
        told = {name: getattr(self.owner, name) for name in names}
        return told | {"created_at": _time(self.owner.date_joined)}

    def _recordings(self) -> Iterator[dict[str, Any]]:
        runs, jobs = Run.objects.of(self.owner), Job.objects.of(self.owner).without_logs()  # these may be long
        for video in Video.objects.of(self.owner).uploaded().order_by("created_at", "pk"):
            folder = f"recordings/{_short(video.title, video)}"
            made = list(_in_order(jobs, video).prefetch_related("artifacts"))
            self._look([video, *(artifact for job in made for artifact in job.artifacts.all())])
            yield {
                "id": str(video.pk),
                "title": video.title,
                "name": video.name,
                "created_at": _time(video.created_at),
                "seconds": video.duration_seconds,
                "tags": self._tags.get(video.pk, []),
                **self._file(f"{folder}/{video.name}", video, "video_file"),
                "transcript": self._transcript(video),
                "cuts": self._cuts.get(video.pk),
                "jobs": [self._job(job, folder) for job in made],
                "chains": [_run(run) for run in _in_order(runs, video)],
            }

    def _transcript(self, video: Video) -> dict[str, Any] | None:
        """What is said, with what was changed by hand."""
        stored = transcripts.of(video)
        if stored is None:  # or its file is gone, or damaged
            return None
        found = stored.transcript
        lines = [{"start": float(line.start), "end": float(line.end), "text": line.text} for line in found.lines]
        return {"language": found.language, "lines": lines}

    def _job(self, job: Job, folder: str) -> dict[str, Any]:
        results = f"{folder}/{_short(job.operation, job)}"
        return {
            "id": str(job.pk),
            "operation": job.operation,
            "params": {name: value for name, value in job.params.items() if name != "version"},
            "status": job.status,
            "error": job.error_message or None,
            "created_at": _time(job.created_at),
            "finished_at": _time(job.finished_at),
            "results": [self._result(artifact, results) for artifact in job.artifacts.all()],
        }

    def _result(self, artifact: Artifact, folder: str) -> dict[str, Any]:
        file = self._file(f"{folder}/{artifact.name}", artifact, "artifact_file")
        return {
            "id": str(artifact.pk),
            "name": artifact.name,
            "kind": artifact.kind,
            **file,
            "cuts": self._cuts.get(artifact.pk),
        }

    def _images(self) -> list[dict[str, Any]]:
        found = list(Image.objects.of(self.owner).order_by("created_at", "pk"))
        self._look(found)
        return [self._image(image) for image in found]

    def _look(self, things: Sequence[Video | Artifact | Image]) -> None:
        """Ask about the files of these, before `_file` tells of them."""
        self._there = storage.stats([thing.key for thing in things])

    def _image(self, image: Image) -> dict[str, Any]:
        file = self._file(f"images/{_short(image.name, image)}.png", image, "image_file")
        return {"id": str(image.pk), "name": image.name, **file}

    def _file(self, path: str, thing: Video | Artifact | Image, address: str) -> dict[str, Any]:
        """Where it lies in the ZIP file, and where it can be had by itself."""
        found = self._there.get(thing.key)
        if found is None:
            return {"file": None}
        path = naming.free(naming.portable(path), self._names)
        size, changed_at = found.size, timezone.localtime(datetime.fromtimestamp(found.changed_ns / 1e9, UTC))
        self.files[path] = File(thing.key, size, thing.sha256, changed_at)
        url = self.absolute(reverse(f"api-v1:{address}", args=[thing.pk]))
        return {"file": {"path": path, "size": size, "sha256": thing.sha256 or None, "url": url}}


def _short(name: str, thing: Video | Job | Image) -> str:
    """A name that no other thing has."""
    clean = naming.clean(name).replace("/", "_").strip(". ")[:80]
    return f"{clean} {str(thing.pk)[:8]}".strip()


def _run(run: Run) -> dict[str, Any]:
    return {"id": str(run.pk), "name": run.name, "status": run.status, "steps": run.steps}


def _in_order(found: QuerySet[M], video: Video) -> QuerySet[M]:
    """Those of one recording: all of an account's at once would not do where there are many."""
    return found.filter(video=video).order_by("created_at", "pk")


def _time(time: Any) -> str | None:
    return time.isoformat() if time else None
