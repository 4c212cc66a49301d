"""Recordings on their way from an address."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status
from ninja.errors import ValidationError as SchemaError
from pydantic import ValidationError

from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.errors import ApiError, of_schema
from jobs.api.import_schemas import ImportDeleted, ImportIn, ImportList, ImportOut, ImportQuery
from jobs.api.schemas import path_of
from jobs.auth.access import owned
from jobs.models import Import
from jobs.services import imports, pipelines

router = Router(tags=["Imports"])
JSON = ("application/json", "application/x-www-form-urlencoded")
"""How JSON comes: curl calls what follows `-d` a form, unless it is told otherwise."""


def is_asked(request: HttpRequest) -> bool:
    """Whether a call that takes whole recordings names one by its address instead."""
    return request.content_type in JSON


def wanted(request: HttpRequest) -> ImportIn:
    """Raises ApiError."""
    try:
        return ImportIn.model_validate_json(request.body)
    except ValidationError as error:
        problems = [{"loc": ("body", "import", *item["loc"]), "msg": item["msg"]} for item in error.errors()]
        raise of_schema(SchemaError(problems)) from error


def begin(request: HttpRequest, response: HttpResponse) -> Status[ImportOut]:
    account, asked = owner(request), wanted(request)
    row = imports.begin(
        account,
        asked.url,
        title=asked.title,
        pipeline=pipelines.ordered(account, asked.pipeline),
        allow_duplicate=asked.duplicate == "allow",
    )
    response["Location"] = path_of("import", row.pk)
    return Status(202, ImportOut.of(row))


@router.get("", response={200: ImportList, **failures(422)}, summary="List imports")
def list_imports(request: HttpRequest, query: Query[ImportQuery]) -> ImportList:
    """Recordings that you have asked for by their address, newest first. One that ended stays here for a week."""
    found = Import.objects.of(owner(request))
    if query.status:
        found = found.filter(status=query.status)
    rows = found.order_by("-created_at", "pk")[query.part]
    return ImportList(items=[ImportOut.of(row) for row in rows], count=found.count())


@router.get("/{uuid:import_id}", response={200: ImportOut, **failures(404)}, summary="Get an import", url_name="import")
def get_import(request: HttpRequest, import_id: UUID) -> ImportOut:
    """How far it has come, and the recording that it has become."""
    return ImportOut.of(owned(Import, owner(request), import_id))


@router.post("/{uuid:import_id}/cancel", response={200: ImportOut, **failures(404, 409)}, summary="Cancel an import")
@work
def cancel_import(request: HttpRequest, import_id: UUID) -> ImportOut:
    """Stop it and throw away what has arrived. Cancelling it again changes nothing; 409 when it had ended in another
    way."""
    row = owned(Import, owner(request), import_id)
    if not imports.cancel(row):
        row = owned(Import, owner(request), import_id)
        if row.status != Import.Status.CANCELLED:
            raise ApiError(409, "ended", "This import has already ended, so there is nothing to cancel.")
    return ImportOut.of(row)


@router.post(
    "/{uuid:import_id}/retry", response={200: ImportOut, **failures(404, 409, 429)}, summary="Try an import again"
)
@work
def retry_import(request: HttpRequest, import_id: UUID) -> ImportOut:
    """Go on with one that failed, with what has arrived, or begin one anew that was cancelled. 409 while it is under
    way, and when it has succeeded."""
    row = owned(Import, owner(request), import_id)
    imports.retry(row)
    return ImportOut.of(row)


@router.delete("/{uuid:import_id}", response={200: ImportDeleted, **failures(404, 409)}, summary="Remove an import")
def delete_import(request: HttpRequest, import_id: UUID) -> ImportDeleted:
    """Forget one that ended, and what had arrived of it; a recording that it became stays. 409 while it is under
    way."""
    row = owned(Import, owner(request), import_id)
    gone = ImportDeleted(id=row.pk, bytes=0 if row.status == Import.Status.SUCCEEDED else row.received_bytes)
    imports.remove(row)
    return gone
