"""An account's program that calls the site: uploads in chunks as tus has it, asks for work, waits for it."""

import contextlib
import time
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from tests.processes import wait_for
from tests.tus import BODY, TUS, metadata

PIECE = 256 * 1024
ENDED = ("succeeded", "failed", "cancelled")


class Caller(requests.Session):
    """Every call is a connection of its own, as those of many people are. `retried` counts what was sent once more."""

    def __init__(self, url: str, token: str, host: str = "") -> None:
        """`host` is the name of the site, where it is not the one in `url`."""
        super().__init__()
        self.url, self.retried = url, 0
        self.headers["Authorization"] = f"Bearer {token}"
        self.headers["Connection"] = "close"
        if host:
            self.headers["Host"] = host

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        options.setdefault("timeout", 60)
        return super().request(method, urljoin(self.url, url), **options)

    # Uploads ---------------------------------------------------------------------------------------------------------

    def begin(self, length: int, name: str) -> str:
        """The path of a new upload."""
        sent = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata(filename=name)}
        answer = self.post("/uploads", headers=sent)
        assert answer.status_code == 201, answer.text
        return urlsplit(answer.headers["Location"]).path

    def patch_from(self, location: str, offset: int, data: bytes) -> requests.Response:
        return self.patch(location, data=data, headers=BODY | {"Upload-Offset": str(offset)})

    def upload(self, data: bytes, name: str, *, piece: int = PIECE, pause: float = 0) -> str:
        """A whole file; the id of its recording. A chunk that fails is sent again from where the site says it is."""
        location, offset = self.begin(len(data), name), 0
        deadline = time.monotonic() + 90
        while offset < len(data):
            assert time.monotonic() < deadline, f"{name} is still at {offset} of {len(data)}"
            with contextlib.suppress(requests.RequestException):
                answer = self.patch_from(location, offset, data[offset : offset + piece])
                if answer.status_code in (200, 204):
                    offset = int(answer.headers["Upload-Offset"])
                    time.sleep(pause)
                    continue
            self.retried += 1
            time.sleep(0.2)
            offset = self._offset(location, offset)
        return location.rsplit("/", 1)[-1]

    def _offset(self, location: str, known: int) -> int:
        with contextlib.suppress(requests.RequestException):
            answer = self.head(location, headers=TUS)
            if answer.status_code == 200:
                return int(answer.headers["Upload-Offset"])
        return known

    # Work ------------------------------------------------------------------------------------------------------------

    def ask(self, video: str, operation: str, **params: Any) -> str:
        """A job; its id."""
        answer = self.post("/api/v1/jobs", json={"video": video, "operation": operation, "params": params})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def job(self, pk: str) -> dict[str, Any]:
        answer = self.get(f"/api/v1/jobs/{pk}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, pk: str, *statuses: str, seconds: float = 90) -> dict[str, Any]:
        """The job, when it has one of these states; one of those that end, if none is named."""

        def reached() -> dict[str, Any] | None:
            found = self.job(pk)
            return found if found["status"] in (statuses or ENDED) else None

        return wait_for(reached, f"job {pk} to be {statuses or ENDED}: {self.job(pk)}", seconds)  # type: ignore[return-value]
