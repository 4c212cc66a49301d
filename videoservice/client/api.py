"""Requests to a site's REST API: the token, patience, and answers other than success as failures with a sentence."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from videoservice.client.failures import Failure, Misused, SignedOut, Unreachable
from videoservice.client.sites import Site

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
IN_PROGRESS_PAUSES = (0.5, 1, 2, 4, 8)
"""Seconds to wait while the site is still at the same request, whose answer was lost."""
PAGE = 200
"""How many of a list the API gives at once."""
Json = dict[str, Any]


class Patience(Retry):
    """When to send a request again. What was refused because of load was not done, whatever the method."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return bool(self.total) and (status_code in (502, 503) or (status_code == 429 and has_retry_after))


PATIENCE = Patience(
    5,
    connect=2,
    allowed_methods=Patience.DEFAULT_ALLOWED_METHODS | {"POST"},  # as `make` gives each its Idempotency-Key
    other=0,  # such as a certificate that is not trusted
    redirect=False,
    backoff_factor=0.5,
    backoff_max=20,
    backoff_jitter=0.5,
    retry_after_max=60,
    raise_on_status=False,
)
IMPATIENCE = Patience(0, redirect=False, raise_on_status=False)


class Api:
    """The API of one site, as one account. Threads may share it.

    Every call raises SignedOut, Unreachable, Misused (404 and 422) or Failure.
    """

    def __init__(
        self,
        site: Site,
        *,
        ca_file: str | None = None,
        patience: Retry = PATIENCE,
        timeout: tuple[float, float] = (CONNECT_SECONDS, ANSWER_SECONDS),
    ) -> None:
        self.site, self.timeout = site, timeout
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "videoservice-client"
        if site.token:
            self._session.auth = Bearer(site)
        self._verify = ca_file
        adapter = HTTPAdapter(max_retries=patience, pool_maxsize=20)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def get(self, path: str, **query: Any) -> Json:
        return self._json(self.send("GET", path, params=query))

    def post(self, path: str, body: Any = None, *, key: str = "") -> Json:
        return self._json(self.make(path, key, json=body))

    def make(self, path: str, key: str = "", **options: Any) -> requests.Response:
        """A POST with a key of its own, or a new one, so that a request which is sent twice makes one thing."""
        headers = {**options.pop("headers", {}), "Idempotency-Key": key or uuid4().hex}
        for pause in IN_PROGRESS_PAUSES:
            try:
                return self.send("POST", path, headers=headers, **options)
            except Failure as failure:
                if failure.code != "in_progress":
                    raise
                time.sleep(pause)
        return self.send("POST", path, headers=headers, **options)

    def patch(self, path: str, body: Any) -> Json:
        return self._json(self.send("PATCH", path, json=body))

    def delete(self, path: str) -> Json:
        return self._json(self.send("DELETE", path))

    def items(self, path: str, **query: Any) -> Iterator[Json]:
        """All of a list, asked for by pages as they are needed."""
        offset = 0
        while True:
            page = self.get(path, **query, limit=PAGE, offset=offset)
            yield from page["items"]
            offset += PAGE
            if offset >= page.get("count", 0) or not page["items"]:
                return

    def listed(self, path: str, limit: int, **query: Any) -> Json:
        """The first items of a list and how many there are in all, as the API gives a page of it."""
        items: list[Json] = []
        while True:
            page = self.get(path, **query, limit=min(PAGE, limit - len(items)), offset=len(items))
            items += page["items"]
            count = page.get("count", len(items))
            if not page["items"] or len(items) >= min(limit, count):
                return {"items": items, "count": count}

    def address(self, path: str) -> str:
        """The whole address of a path below the API, of one from the site's root, or of a whole one."""
        if path.startswith("/api/") or "://" in path:
            return urljoin(self.site.url, path)
        return f"{self.site.url}/api/v1/{path.lstrip('/')}"

    def send(self, method: str, path: str, *, missing_is_fine: bool = False, **options: Any) -> requests.Response:
        """One request, sent again while the site asks to wait. With `missing_is_fine` 404 is an answer like others.

        Not for a POST, which `make` gives the key that it needs to be sent again.
        """
        options.setdefault("timeout", self.timeout)
        options.setdefault("allow_redirects", False)
        options.setdefault("verify", self._verify)  # the session's own would give way to REQUESTS_CA_BUNDLE
        try:
            response = self._session.request(method, self.address(path), **options)
        except requests.RequestException as error:
            raise unreachable(self.site, error) from error
        if response.is_redirect:
            raise Failure(
                f"{self.site.url} sends its callers to {response.headers['Location']}. Sign in at that address.",
                "moved",
            )
        if not response.ok and not (missing_is_fine and response.status_code == 404):
            raise failure_of(response, self.site)
        return response

    def _json(self, response: requests.Response) -> Json:
        if response.status_code == 204 or not response.content:
            return {}
        try:
            found: Json = response.json()
        except ValueError as error:
            raise Unreachable(f"{self.site.url} answers, but not as a video service does.", "no_api") from error
        return found


class Bearer(requests.auth.AuthBase):
    """The token, with requests to its site alone. As `auth`, so that no ~/.netrc takes its place."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if origin(request.url or "") == origin(self._site.url):
            request.headers["Authorization"] = f"Bearer {self._site.token}"
        return request


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Who is spoken to, and whether others can listen."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def unreachable(site: Site, error: requests.RequestException) -> Failure:
    """What it means that a request had no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        hint = "If it signs its own, give its certificate with --ca-file FILE."
        return Unreachable(f"The certificate of {site.url} cannot be trusted. {hint}", "certificate")
    if isinstance(error, requests.exceptions.Timeout):
        return Unreachable(f"{site.url} does not answer in time. Try again later.", "timeout")
    if isinstance(error, requests.exceptions.InvalidHeader):
        return SignedOut("The token has characters that no token has. Sign in again.", "unauthorized")
    if isinstance(error, requests.exceptions.ConnectionError):
        return Unreachable(f"{site.url} is not reachable. Check the address and the network.", "unreachable")
    return Unreachable(f"{site.url} is not reachable: {error}", "unreachable")


def failure_of(response: requests.Response, site: Site) -> Failure:
    """What an answer other than success means, in the site's own words where it has some."""
    told = told_by(response)
    message = told.get("message") or f"{site.url} answers {response.status_code} {response.reason}."
    code, detail = told.get("code") or f"http_{response.status_code}", told.get("detail")
    if response.status_code == 401:
        if not site.token:
            return SignedOut(f"You are not signed in to {site.url}. Run: videoservice login {site.url}", code)
        return SignedOut(f"{site.url} does not take the token any more. Run: videoservice login {site.url}", code)
    kinds: Mapping[int, type[Failure]] = {
        400: Misused,
        403: SignedOut,
        404: Misused,
        405: Misused,
        422: Misused,
        **dict.fromkeys((502, 503, 504), Unreachable),
    }
    return kinds.get(response.status_code, Failure)(message, code, detail)


def told_by(response: requests.Response) -> Json:
    """The error of the API's envelope; empty where something else has answered."""
    try:
        error = json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}
