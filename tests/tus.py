"""Speaking tus to a site by hand, for tests that want to see every answer."""

import base64
from typing import Any

import requests

from tests.site import Client

TUS = {"Tus-Resumable": "1.0.0"}
BODY = TUS | {"Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def begin(client: Client, length: object, headers: dict[str, str] | None = None, **values: str) -> requests.Response:
    sent = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata(**values)} | (headers or {})
    return client.post("/uploads", headers=sent)


def begun(client: Client, length: object, **values: str) -> str:
    """Start an upload and return where it is."""
    answer = begin(client, length, **values)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def patch(client: Client, location: str, offset: object, data: Any, **headers: str) -> requests.Response:
    return client.patch(location, data=data, headers=BODY | {"Upload-Offset": str(offset)} | headers)


def offset(client: Client, location: str) -> int:
    answer = client.head(location, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def upload(client: Client, data: bytes, **values: str) -> requests.Response:
    """A whole file in one chunk; the answer to it."""
    return patch(client, begun(client, len(data), **values), 0, data)
