"""Pieces of the OpenAPI document that ninja cannot work out by itself."""

import functools
from typing import Any

from ninja.operation import Operation

from jobs.api.import_schemas import ImportIn
from jobs.api.schemas import Failure

FAILURE = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}

BYTES: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Range",
            "schema": {"type": "string"},
            "required": False,
            "example": "bytes=0-1023",
        },
        {
            "in": "query",
            "name": "download",
            "schema": {"type": "string"},
            "required": False,
            "description": "When given, browsers save the file instead of showing it.",
        },
    ],
    "responses": {
        200: {"description": "The whole file.", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The part asked for with `Range`."},
        304: {"description": "Unchanged since the `ETag` that was sent."},
        401: {"description": "No valid token and no session.", **FAILURE},
        404: {"description": "There is nothing here, or it is not yours.", **FAILURE},
        416: {"description": "The file has no such range."},
    },
}


def multipart(required: str, properties: dict[str, Any], **others: Any) -> dict[str, Any]:
    """A body of these fields, of which a call cannot do without one; `others` are bodies of other kinds."""
    schema = {"type": "object", "required": [required], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}} | others}}


def file(told: str) -> dict[str, str]:
    """A field that holds a file, by what it is."""
    return {"type": "string", "format": "binary", "description": told}


UPLOAD = multipart(
    "file",
    {
        "file": file("Video or audio."),
        "title": {"type": "string", "maxLength": 200, "description": "Else made from the file's name."},
        "pipeline": {
            "type": "string",
            "description": "The slug of a chain to run on it; empty for none, else your default.",
        },
        "duplicate": {"type": "string", "enum": ["refuse", "allow"], "default": "refuse"},
    },
    **{"application/json": {"schema": ImportIn.model_json_schema()}},
)
IMAGE = multipart("file", {"file": file("PNG, WebP or JPEG.")})


def form_of(**files: str) -> dict[str, Any]:
    """A multipart body with a recording and what goes with it, by what they are."""
    return multipart("video", {name: file(told) for name, told in files.items()})


def failures(*statuses: int) -> dict[int, type[Failure]]:
    """The failures of a call, besides those that every call has."""
    return dict.fromkeys((*statuses, 401, 403, 429), Failure)


@functools.cache
def _model_of(response: object) -> Any:
    return _new_model(None, response)  # type: ignore[arg-type]  # it asks nothing of the call


# ninja makes a model for each answer of each call, six hundred, where one for each kind of answer does: an eighth of
# what a web process takes of a processor to start.
_new_model = Operation._create_response_model
Operation._create_response_model = lambda self, response_param: _model_of(response_param)  # type: ignore[method-assign]
