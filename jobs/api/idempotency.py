"""Requests that may be sent again: the header that tells one by its key, for every call that makes something."""

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError as FormError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Header, Status
from ninja.errors import HttpError
from ninja.errors import ValidationError as SchemaError
from ninja.operation import Operation
from ninja.responses import NinjaJSONEncoder
from ninja.utils import contribute_operation_args, contribute_operation_callback, is_async_callable
from pydantic import BaseModel, StringConstraints

from jobs.api import inside
from jobs.api.auth import asker
from jobs.api.documented import failures
from jobs.api.errors import DJANGOS, ApiError
from jobs.errors import JobError
from jobs.models import KeptAnswer
from jobs.services import idempotency

View = TypeVar("View", bound=Callable[..., Any])
Asked = Callable[..., Any]
Made = Callable[[Any], bool]
REFUSALS: tuple[type[Exception], ...] = (ApiError, JobError, HttpError, SchemaError, FormError, *DJANGOS)
"""What a call raises before it makes anything."""
HEADER = Header(
    None,
    alias="Idempotency-Key",
    description="Any text of your own. The same request with the same key makes one thing, however often it comes "
    "within 24 hours; the header Idempotency-Replayed marks later answers, which are 200 where the first was 201.",
)


def anything(value: Any) -> bool:
    """Whatever is no refusal made something."""
    return True


def idempotent(
    *, secret: bool = False, asked: Asked | None = None, made: Made = anything, whole: bool = False
) -> Callable[[View], View]:
    """Give a call that makes something the header `Idempotency-Key`. It stands below the router's own decorator:

        @router.post("", response={201: ThingOut, **failures(422)}, summary="Make a thing")
        @idempotent()
        def make_thing(request, response, body: ThingIn) -> Status[ThingOut]:

    Sent again, the call is answered with the thing as it is now where it gave a `Location`, else, and with `secret`
    (an answer holds what is shown once), with the very answer from before. What was refused made nothing and leaves the
    key free; so does an answer of which `made` says that it tells of nothing made. After any other error something may
    have been made: the same request then looks for it by `name_of`. With `whole` nothing was, as the thing and its kept
    answer come in one transaction: for a call that only writes rows, and few, since it holds their locks. `asked` tells
    what a request asks for, as something for JSON, where more counts than the call's arguments, or less; it gets the
    call's arguments, and may refuse.
    """

    def decorated(view: View) -> View:
        assert not is_async_callable(view), "its row is read and written in a thread"

        @functools.wraps(view)
        def once(request: HttpRequest, *args: Any, idempotency_key: str | None = None, **arguments: Any) -> Any:
            account = asker(request)
            if idempotency_key is None or account is None:  # a stranger has nothing that a key could stand for
                return view(request, *args, **arguments)
            wanted = (asked or told)(request, **arguments)
            wanted = json.dumps([view.__module__, view.__name__, wanted], cls=NinjaJSONEncoder, sort_keys=True)
            row = idempotency.claim(account, idempotency_key, wanted)
            if row.status is not None:
                return again(request, row, idempotency_key, secret)
            request.kept_answer = row.pk  # type: ignore[attr-defined] # for `name_of`
            with remade_after_errors(row), transaction.atomic() if whole else contextlib.nullcontext():
                result = view(request, *args, **arguments)
                keep(row, idempotency_key, result, arguments, made)
            return result

        key = Annotated[str, StringConstraints(min_length=1, max_length=255)] | None
        contribute_operation_args(once, "idempotency_key", key, HEADER)  # type: ignore[arg-type]
        contribute_operation_callback(once, documented)
        return once  # type: ignore[return-value]

    return decorated


def documented(operation: Operation) -> None:
    """What a call may answer because of its key."""
    models = operation.response_models
    models.setdefault(200, models.get(201))
    for status, model in failures(409, 422).items():
        models.setdefault(status, operation._create_response_model(model))


def told(request: HttpRequest, **arguments: Any) -> Any:
    """All that a call was asked."""
    named = {name: value for name, value in arguments.items() if name != "response"}
    return {
        name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value for name, value in named.items()
    }


def name_of(request: HttpRequest) -> str | None:
    """What a thing may be marked by that a request with a key makes, so that it is found again should the process die
    before its answer was kept; None without a key."""
    row: UUID | None = getattr(request, "kept_answer", None)
    return f"api-{row}" if row else None


@contextlib.contextmanager
def remade_after_errors(row: KeptAnswer) -> Iterator[None]:
    """The same request may come again at once, whatever went wrong."""
    try:
        yield
    except REFUSALS:
        idempotency.release(row)
        raise
    except BaseException:
        idempotency.leave(row)
        raise


def keep(row: KeptAnswer, key: str, result: Any, arguments: dict[str, Any], made: Made) -> None:
    status, value = (result.status_code, result.value) if isinstance(result, Status) else (200, result)
    if not made(value):
        idempotency.release(row)
        return
    location = arguments["response"].headers.get("Location", "") if "response" in arguments else ""
    idempotency.keep(row, key, status, location, json.dumps(value, cls=NinjaJSONEncoder))


def again(request: HttpRequest, row: KeptAnswer, key: str, secret: bool) -> HttpResponseBase:
    assert row.status is not None
    present = inside.get(request, row.location) if row.location and not secret else None
    if isinstance(present, HttpResponse) and present.status_code == 200:
        content: str | None = present.content.decode()
    else:
        content = idempotency.opened(row, key)
    headers = {"Idempotency-Replayed": "true"} | ({"Location": row.location} if row.location else {})
    headers |= {"Cache-Control": "no-store"} if secret else {}
    status = 200 if row.status == 201 else row.status
    return HttpResponse(content or "null", "application/json; charset=utf-8", status, headers=headers)
