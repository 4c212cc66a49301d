"""Results that become recordings of their own, which stay when what they were made of goes.

In a folder that is a second name for the same bytes. A bucket copies them, which takes seconds for each gigabyte: what
is large a worker of `fetch` does, by a row that is the truth as with imports.
"""

import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from redis.exceptions import RedisError

from jobs import publish, storage
from jobs.errors import Cancelled, InputError, JobError, NotNow
from jobs.models import Keeping, KeptAnswer, Video
from jobs.services import arrivals, idempotency, imports, leases, line, naming, tags, versions

log = logging.getLogger(__name__)
AT_ONCE_BYTES = 256 * 1024**2
"""Up to how much is copied while a page waits."""
MOST_TRIES = 5


def begin(version: Video) -> Video | None:
    """Make a recording of its own of a result. One that the owner has already is not made again. None: it is being
    made, now or since somebody asked before.

    Raises InputError when the file is gone, and NotNow while another request is at it.
    """
    if storage.store().has_links or version.size <= AT_ONCE_BYTES:
        return keep(version)
    if there := _kept_before(version):
        return there
    if not storage.exists(version.key):
        raise versions.gone()
    Keeping.objects.filter(version=version).exclude(problem="").delete()  # it is asked for once more
    if Keeping.objects.get_or_create(version=version, defaults={"owner_id": version.owner_id})[1]:
        line.ring(imports.QUEUE)
        publish.tell([version.owner_id])
    return None


def keep(version: Video, title: str = "") -> Video:
    """The same at once, however long it takes."""
    row = _being_kept(version)
    try:
        return _kept_before(version) or _kept_as(row.pk, version, title)
    finally:
        idempotency.release(row)


def _being_kept(version: Video) -> KeptAnswer:
    """Who keeps a result has it to himself meanwhile. Whoever follows one that died goes on under the same id."""
    try:
        return idempotency.claim(version.owner, f"keep {version.pk}", "")
    except NotNow as error:
        raise NotNow("This is just being made a recording of its own. Wait a moment.", code=error.code) from error


def _kept_before(version: Video) -> Video | None:
    mine = Video.objects.of(version.owner).uploaded().exclude(pk__in=[version.pk, version.origin_id])
    same = mine.filter(sha256=version.sha256, size=version.size, missing_since=None)
    return same.order_by("created_at").first()


def _kept_as(pk: UUID, version: Video, title: str = "", claim: Callable[[], None] = lambda: None) -> Video:
    video = Video(
        id=pk,
        owner_id=version.owner_id,
        title=naming.clean(title)[:200] or version.title,
        name=version.name,
        key=storage.source_key(pk, Path(version.key).suffix.removeprefix(".")),
        size=version.size,
        sha256=version.sha256,
        kind=version.kind,
        duration_seconds=version.duration_seconds,
        details=version.details,
    )
    try:
        if storage.copy(version.key, video.key):
            video.body = _body_of(version)
        if version.poster:
            video.poster = storage.poster_key(pk)
            storage.copy(version.poster, video.poster)
    except FileNotFoundError as error:
        arrivals.discard(video)
        raise versions.gone() from error
    arrivals.record(video, lambda: arrivals.discard(video), claim)
    tags.copy(version, video)
    publish.tell([video.owner_id])
    return video


def _body_of(video: Video) -> UUID:
    row = video.artifact or video
    return row.body or row.pk


# By a worker ---------------------------------------------------------------------------------------------------------


def take_turn() -> None:
    """Do what is next. Returns quietly when there is nothing."""
    token = uuid.uuid4().hex
    if imports.is_held():
        return
    due = Keeping.objects.due().order_by("tries", "pk").values_list("pk", flat=True)[:10]
    if held := next((pk for pk in due if Keeping.objects.hold(pk, token, leases.LEASE)), None):
        _attempt(held, token)


def _attempt(pk: UUID, token: str) -> None:
    mine = Keeping.objects.held(pk, token)
    if (row := mine.select_related("owner", "version").first()) is None:
        return
    try:
        with leases.renewed(mine, f"keeping {row.pk}"):
            _work(row, token)
    except Cancelled:
        log.info("keeping %s was stopped", row.pk)
    except InputError as error:
        mine.update(problem=error.message[:300])
    except storage.StorageAway as error:
        log.warning("keeping %s waits, as the storage is away: %s", row.pk, error)
        mine.update(tries=max(0, row.tries - 1))
    except (JobError, OSError) as error:
        log.warning("keeping %s failed: %s", row.pk, error)
        if row.tries >= MOST_TRIES:
            mine.update(problem="This could not be copied. Try again, or tell the operator.")
    publish.tell([row.owner_id])


def _work(row: Keeping, token: str) -> None:
    """Raises Cancelled when the row is gone, or another's by now: then nothing has been made."""

    def claim() -> None:
        if not Keeping.objects.held(row.pk, token).delete()[0]:
            raise Cancelled("It is not to be kept any more.")

    if _kept_before(row.version):
        Keeping.objects.held(row.pk, token).delete()
    else:
        _kept_as(row.pk, row.version, claim=claim)


def sweep() -> None:
    """Have somebody go on with what nobody is at."""
    if not (waiting := Keeping.objects.due().count()) or imports.is_held():
        return
    try:
        for _ in range(waiting - line.rung(imports.QUEUE)):
            line.ring(imports.QUEUE)
    except RedisError as error:
        log.warning("Redis is away: %s", error)
