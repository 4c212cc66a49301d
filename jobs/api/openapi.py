"""What every call has, whoever wrote it: conditions by ETag, limits, and the failures of any request."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from jobs.api.documented import FAILURE
from jobs.api.errors import USUAL

ANY = (400, 403, 429, 503)
"""Failures of any request: unreadable, not for this token, one too many, the database away."""
OF_VALUES = (422,)
OF_BODIES = (413, 507)
CHANGES = ("put", "patch", "delete")
LIMITS = {
    "RateLimit-Limit": "How many calls may be made in a minute.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "In how many seconds all of them are there again.",
}


class Api(NinjaAPI):
    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        components = schema["components"]
        components["headers"] = {
            name: {"description": words, "schema": {"type": "integer"}} for name, words in LIMITS.items()
        }
        components["responses"] = {
            f"Failure{status}": failure(status) for status in (*ANY, *OF_VALUES, *OF_BODIES, 409, 412)
        }
        components["parameters"] = {"IfMatch": IF_MATCH, "IfNoneMatch": IF_NONE_MATCH}
        for calls in schema["paths"].values():
            for method, call in calls.items():
                complete(method, call, is_readable="get" in calls)
        return schema


IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag that this had when it was read: it is changed only if it is still the same, else 412.",
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of what is known: 304 without a body while it is still the same.",
}


def failure(status: int) -> dict[str, Any]:
    headers = {"Retry-After": {"schema": {"type": "integer"}}} if status in (429, 503) else {}
    return {"description": USUAL[status][1], **FAILURE, **({"headers": headers} if headers else {})}


def complete(method: str, call: dict[str, Any], *, is_readable: bool) -> None:
    """Add to one call what it does not say itself."""
    responses = call["responses"]
    has_body = "requestBody" in call
    has_values = has_body or any(one.get("in") in ("query", "header") for one in call.get("parameters", []))
    for status in (*ANY, *(OF_VALUES if has_values else ()), *(OF_BODIES if has_body else ())):
        add(responses, status, {"$ref": f"#/components/responses/Failure{status}"})
    if method == "get" and any("application/json" in one.get("content", {}) for one in responses.values()):
        add(responses, 304, {"description": "Unchanged since the ETag that was sent."})
        condition(call, "IfNoneMatch")
    if method in CHANGES and is_readable:
        for status in (409, 412):  # changed just now, or changed meanwhile
            add(responses, status, {"$ref": f"#/components/responses/Failure{status}"})
        condition(call, "IfMatch")
    for status, response in responses.items():
        if str(status).startswith("2"):
            response["headers"] = {
                **{name: {"$ref": f"#/components/headers/{name}"} for name in LIMITS},
                **response.get("headers", {}),
            }


def add(responses: dict[Any, Any], status: int, response: dict[str, Any]) -> None:
    if status not in responses and str(status) not in responses:
        responses[status] = response


def condition(call: dict[str, Any], name: str) -> None:
    call["parameters"] = [*call.get("parameters", []), {"$ref": f"#/components/parameters/{name}"}]
