"""Every failure under /api/ as `{"error": {"code", "message", "detail"?}}`, wherever in Django it came from."""

import functools
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as FormError
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as SchemaError

from jobs.auth import access
from jobs.errors import Busy, InputError, JobError, ResourceError
from jobs.services.allowance import Exhausted
from jobs.services.steps import StepError
from videoservice.errors import answer, is_call
from videoservice.middleware import AnswerMiddleware
from videoservice.outages import refusal_of
from videoservice.refusals import AWAY, DISK_FULL, INTERNAL

log = logging.getLogger(__name__)

USUAL = {
    400: (
        "bad_request",
        "The request cannot be read. Send well-formed JSON, or a multipart form where a file is sent.",
    ),
    401: ("unauthorized", access.UNKNOWN),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing here, or it is not yours."),
    405: ("method_not_allowed", "This address does not take this method. The Allow header lists those it takes."),
    409: ("conflict", "This does not go together with the present state."),
    412: (
        "changed_meanwhile",
        "This has changed since you read it, so your change was not made. Get it again, then change it once more.",
    ),
    413: ("too_large", "The body is larger than the server takes. Send the recording in chunks through /uploads."),
    415: ("unsupported_media", "This kind of content cannot be used here."),
    416: ("range", "The file has no such range of bytes."),
    422: ("invalid", "Some values cannot be used."),
    429: ("too_many_requests", access.TOO_MANY),
    500: (INTERNAL.code, INTERNAL.message),
    503: (AWAY.code, AWAY.message),
    507: (DISK_FULL.code, DISK_FULL.message),
}
"""The code and the sentence of each status when nothing more precise is known."""

STATUS_OF_CODE = {
    "still_active": 409,
    "still_needed": 409,
    "scope": 403,
    "taken": 409,
    "name_taken": 409,
    "last_operator": 409,
    "all_done": 409,
    "tried_again": 409,
    "duplicate": 409,
    "changed": 409,
    "in_progress": 409,
    "paused": 409,
    "duplicate_in_trash": 409,
    "in_trash": 409,
    "too_large": 413,
    "quota_full": 413,
    "too_many_jobs": 429,
    "too_many_imports": 429,
    "day_used_up": 429,
    "month_used_up": 429,
}
"""Errors of the services that are not plain 422."""


class ApiError(Exception):
    """An answer other than success. Code and message default to the usual ones of the status."""

    def __init__(
        self, status: int, code: str = "", message: str = "", detail: Any = None, retry_after: float | None = None
    ) -> None:
        usual_code, usual_message = USUAL[status]
        self.status = status
        self.code = code or usual_code
        self.message = message or usual_message
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(self.message)


def envelope(error: ApiError, headers: Mapping[str, str] | None = None) -> JsonResponse:
    body = {"code": error.code, "message": error.message}
    if error.detail is not None:
        body["detail"] = error.detail
    response = JsonResponse({"error": body}, status=error.status, headers=headers)
    if error.status == 401:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    if error.retry_after is not None:
        response.headers.setdefault("Retry-After", str(math.ceil(error.retry_after)))
    if error.status == 503:
        response.headers.setdefault("Retry-After", str(Busy.retry_after_seconds))
    return response


def of_status(status: int) -> ApiError:
    if status in USUAL:
        return ApiError(status)
    error = ApiError(500 if status >= 500 else 400)
    error.status = status
    error.code = HTTPStatus(status).name.lower() if status in HTTPStatus._value2member_map_ else "failed"
    return error


def of_job_error(error: JobError, status: int = 422) -> ApiError:
    """`status` is for errors of input that have no status of their own."""
    if isinstance(error, StepError):
        return ApiError(422, message=error.message, detail=[{"field": f, "message": m} for f, m in error.problems])
    if isinstance(error, InputError):
        again = error.retry_after_seconds if isinstance(error, Exhausted) else None
        return ApiError(STATUS_OF_CODE.get(error.code, status), error.code, error.message, retry_after=again)
    log.error("a call failed: %s: %s", error.message, error.detail)
    status = 503 if isinstance(error, Busy) else 507 if isinstance(error, ResourceError) else 500
    return ApiError(status, error.code, error.message)


# What ninja and our own code raise -----------------------------------------------------------------------------------


def invalid(problems: list[tuple[str, str]]) -> ApiError:
    """422 for (field, message) pairs: all of them in the sentence, and one by one in the detail."""
    told = " ".join(f"{field}: {_sentence(message)}" if field else _sentence(message) for field, message in problems)
    detail = [{"field": field, "message": _sentence(message)} for field, message in problems]
    return ApiError(422, message=f"Some values cannot be used. {told}", detail=detail)


def of_form(error: FormError, prefix: str = "") -> ApiError:
    """422 from a Django form's errors."""
    if not hasattr(error, "error_dict"):
        return invalid([("", message) for message in error.messages])
    return invalid(
        [
            ("" if field == "__all__" else f"{prefix}{field}", message)
            for field, messages in error.message_dict.items()
            for message in messages
        ]
    )


def of_schema(error: SchemaError) -> ApiError:
    """422 from ninja's checks. Its places start with where ("body", "query") and, in a body, the argument's name."""
    problems = []
    for item in error.errors:
        where, *path = item["loc"]
        path = path[1:] if where == "body" else path
        problems.append((".".join(str(part) for part in path), str(item["msg"])))
    return invalid(problems)


def _sentence(message: str) -> str:
    message = message.strip()
    return message if message.endswith((".", "?")) else f"{message}."


DJANGOS: dict[type[Exception], int] = {
    Http404: 404,
    PermissionDenied: 403,
    SuspiciousOperation: 400,
    RequestDataTooBig: 413,
    MultiPartParserError: 400,
}
"""What Django raises inside a call, which it would answer itself outside of ninja."""


def _of_django(status: int, request: HttpRequest, error: Exception) -> HttpResponse:
    return envelope(ApiError(status))


def install(api: NinjaAPI) -> None:
    """Teach ninja to answer with envelopes."""

    @api.exception_handler(ApiError)
    def own(request: HttpRequest, error: ApiError) -> HttpResponse:
        return envelope(error)

    @api.exception_handler(HttpError)
    def usual(request: HttpRequest, error: HttpError) -> HttpResponse:
        return envelope(of_status(error.status_code))

    for kind, status in DJANGOS.items():
        api.add_exception_handler(kind, functools.partial(_of_django, status))

    @api.exception_handler(SchemaError)
    def schema(request: HttpRequest, error: SchemaError) -> HttpResponse:
        return envelope(of_schema(error))

    @api.exception_handler(FormError)
    def form(request: HttpRequest, error: FormError) -> HttpResponse:
        return envelope(of_form(error))

    @api.exception_handler(JobError)
    def job(request: HttpRequest, error: JobError) -> HttpResponse:
        return envelope(of_job_error(error))

    @api.exception_handler(Exception)
    def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        if refusal := refusal_of(error):
            log.error("%s %s: %s", request.method, request.path, error)
            return answer(request, refusal)
        log.exception("%s %s failed", request.method, request.path, exc_info=error)
        got_request_exception.send(sender=None, request=request)
        return envelope(ApiError(500))


# What Django answers by itself ---------------------------------------------------------------------------------------


class JsonErrorsMiddleware(AnswerMiddleware):
    """Turn the error pages of Django for calls (unknown address, wrong method, bad host, broken form) into JSON."""

    def changed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not is_call(request) or response.status_code < 400:
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        if settings.DEBUG and response.status_code >= 500:
            return response  # the page with the traceback
        dropped = ("Content-Type", "Content-Length")
        kept = {name: value for name, value in response.headers.items() if name not in dropped}
        return envelope(of_status(response.status_code), kept)
