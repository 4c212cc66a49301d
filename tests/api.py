"""Calling the API in tests, as somebody or nobody."""

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from jobs.models import Account, Token

ROOT = "/api/v1"


class Api:
    """Speaks JSON with a token of the account, of this scope; `account` None is nobody."""

    def __init__(self, account: Account | None = None, scope: str = "all") -> None:
        headers = {"Authorization": f"Bearer {Token.issue(account, scope=scope)}"} if account else {}
        self.client = Client(headers=headers)

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(ROOT + path, query)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.client.post(ROOT + path, body, content_type="application/json", headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.client.patch(ROOT + path, body, content_type="application/json", headers=headers)

    def put(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.client.put(ROOT + path, body, content_type="application/json", headers=headers)

    def delete(self, path: str, body: Any = "", **headers: str) -> HttpResponse:
        return self.client.delete(ROOT + path, body, content_type="application/json", headers=headers)

    def upload(
        self,
        file: Path | bytes,
        name: str = "talk.mp4",
        query: str = "",
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> HttpResponse:
        data = file.read_bytes() if isinstance(file, Path) else file
        form = {"file": SimpleUploadedFile(name, data), **fields}
        return self.client.post(f"{ROOT}/videos{query}", form, headers=headers)


def error(response: HttpResponse) -> tuple[int, str]:
    """Status and code of a failure; checks that it has the shape of all failures and speaks in sentences."""
    assert response.headers["Content-Type"] == "application/json", response.content[:300]
    body = response.json()
    assert set(body) == {"error"}
    assert {"code", "message"} <= set(body["error"]) <= {"code", "message", "detail"}
    message = body["error"]["message"]
    assert message[0].isupper() or message[0] == "“", message
    assert message.endswith("."), message
    return response.status_code, body["error"]["code"]
