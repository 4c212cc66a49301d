from datetime import datetime
from uuid import UUID

from django.db.models import Sum
from django.http import Http404, HttpRequest
from ninja import Query, Router

from jobs.api.auth import owner
from jobs.api.documented import failures
from jobs.api.schemas import Page
from jobs.api.trash_schemas import Emptied, RemovalList, RemovalOut
from jobs.models import Account, Removal
from jobs.services import trash
from jobs.services.trash import Subject

router = Router(tags=["Trash"])


@router.get("", response={200: RemovalList, **failures(422)}, summary="List the trash")
def list_trash(request: HttpRequest, query: Query[Page]) -> RemovalList:
    """What you have removed and can have back, the newest first."""
    mine = trash.listed(owner(request))
    size = mine.aggregate(size=Sum("size"))["size"] or 0
    return RemovalList(items=[RemovalOut.of(one) for one in mine[query.part]], count=mine.count(), bytes=size)


@router.delete("", response={200: Emptied, **failures()}, summary="Empty the trash")
def empty_trash(request: HttpRequest) -> Emptied:
    """Delete all of it for good. Files of very much go within the next minutes."""
    account = owner(request)
    size = trash.listed(account).aggregate(size=Sum("size"))["size"] or 0
    return Emptied(count=trash.empty(account), bytes=size)


@router.delete(
    "/{uuid:subject_id}", response={200: Emptied, **failures(404)}, summary="Delete something in the trash for good"
)
def delete_for_good(request: HttpRequest, subject_id: UUID) -> Emptied:
    """It cannot be restored afterwards."""
    removal = removed(owner(request), subject_id)
    return Emptied(count=int(trash.purge(removal)), bytes=removal.size)


def removed(account: Account, pk: UUID, *kinds: str) -> Removal:
    """The removal of something of these kinds, all by default, that the account can have back; or 404."""
    found = trash.find(account, pk)
    if found is None or (kinds and found.kind not in kinds):
        raise Http404("nothing in the trash of this owner")
    return found


def put_away(subject: Subject, removal: Removal | None, permanently: bool) -> datetime | None:
    """Remove something that is there, or delete what lies in the trash as `removal` for good. Returns when it goes."""
    if removal is not None:
        trash.purge(removal)
    elif permanently:
        trash.delete(subject)
    elif made := trash.remove(subject):
        return made.until
    return None
