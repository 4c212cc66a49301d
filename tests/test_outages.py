"""Something that the site needs is away or full: the answers say so, and that the same may do later."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import OperationalError, connections
from django.db.utils import load_backend
from django.test import Client as DjangoClient
from django.test import override_settings

from tests.api import ROOT, error
from tests.processes import wait_for
from tests.settings import free_port
from tests.site import Site
from tests.tus import TUS
from videoservice import outages
from videoservice.refusals import AWAY, DISK_FULL

PAGE = {"Accept": "text/html,*/*"}
EMAIL = "ann@example.org"


# Redis ---------------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_people_sign_in_and_work_while_redis_is_away(make_web_site: Callable[..., Site]):
    site = make_web_site()
    site.account(EMAIL)
    site.account("root@example.org", is_staff=True, is_superuser=True)
    site.redis.stop()
    nobody = site.client()
    assert nobody.sign_in(EMAIL, "wrong").status_code == 200
    assert nobody.sign_in(EMAIL).url == f"{site.url}/"
    for path in ("/", "/queue/", "/stats/", "/accounts/email/", "/accounts/password/change/"):
        assert nobody.get(path).status_code == 200, path
    assert site.client().sign_up("bob@example.org").url == f"{site.url}/"
    assert site.client().post("/accounts/password/reset/", data={"email": EMAIL}).status_code == 200
    root = site.client("root@example.org")
    assert root.get("/admin/jobs/job/").status_code == 200
    away = root.get("/admin/django_rq/", headers=PAGE)
    assert (away.status_code, away.headers["Retry-After"]) == (503, "10"), "it shows nothing but Redis"


@pytest.mark.one_database
def test_attempts_are_limited_while_redis_is_away(make_web_site: Callable[..., Site]):
    site = make_web_site()
    site.account(EMAIL)
    site.redis.stop()
    headers = {"Authorization": "Bearer vs_wrong"}
    answers = [site.client().get("/api/v1/videos", headers=headers).status_code for _ in range(61)]
    assert answers == [401] * 60 + [429]
    for _ in range(20):
        refused = site.client().sign_in(EMAIL, "wrong")
    assert "Too many failed" in refused.text


# Database ------------------------------------------------------------------------------------------------------------


def on(site: Site, database: str) -> None:
    """Start the web process anew on another database."""
    site.kill(site.processes["web"])
    site.env["DATABASE_URL"] = database
    site.start_web()
    wait_for(lambda: healthy(site), "the web process to be up")


def healthy(site: Site) -> bool:
    with contextlib.suppress(requests.RequestException):
        return site.client().get("/healthz").status_code == 200
    return False


def test_without_its_database_the_site_is_away_and_nothing_is_broken(
    make_web_site: Callable[..., Site], tmp_path: Path
):
    site = make_web_site()
    client, token = site.client(EMAIL), {"Authorization": f"Bearer {site.token(EMAIL)}"}
    for database in (f"mysql://root@127.0.0.1:{free_port()}/gone", f"sqlite:///{tmp_path}"):  # a folder, not a file
        on(site, database)
        for path in ("/", "/queue/", "/accounts/login/", "/admin/"):
            page = client.get(path, headers=PAGE)
            assert (page.status_code, page.headers["Retry-After"]) == (503, "10"), path
            assert "<h1>Away for a moment</h1>" in page.text and "<style>" in page.text
            assert "style-src 'unsafe-inline'" in page.headers["Content-Security-Policy"]
        for answer in (
            client.get("/api/v1/videos"),
            client.get("/api/v1/videos", headers=token | PAGE),
            client.post("/api/v1/jobs", json={"video": "1", "operation": "trim"}, headers=token),
            client.post("/uploads", headers=TUS | {"Upload-Length": "10"}),
            client.post("/api/v1/uploads", headers=TUS | token | {"Upload-Length": "10"}),
        ):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
            assert answer.json()["error"]["code"] == "unavailable"
        row = client.get("/queue/rows/?view=queue", headers={"HX-Request": "true"} | PAGE)
        assert (row.status_code, row.headers["Content-Type"]) == (503, "text/plain; charset=utf-8")
        assert row.text.endswith("try again.")
    said = site.processes["web"].said()
    assert "Traceback" not in said, said[-3000:]


# Kinds ---------------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_from_one_that_is_away():
    with pytest.raises(OSError) as full, Path("/dev/full").open("wb", buffering=0) as device:
        device.write(b"1")
    assert full.value.errno == errno.ENOSPC
    assert outages.refusal_of(full.value) is DISK_FULL
    assert outages.refusal_of(OSError(errno.EIO, os.strerror(errno.EIO))) is AWAY
    assert outages.refusal_of(FileNotFoundError(errno.ENOENT, "gone")) is None
    assert outages.refusal_of(ZeroDivisionError()) is None


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Any]:
    """A database of SQLite through Django, apart from that of the tests."""
    found = connections.create_connection("default")
    settings_dict = {
        **found.settings_dict,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": tmp_path / "db",
        "OPTIONS": {},
    }
    wrapper = load_backend("django.db.backends.sqlite3").DatabaseWrapper(settings_dict, "other")
    wrapper.inc_thread_sharing()
    yield wrapper
    wrapper.close()


def failure(cursor: Any, statement: str) -> Exception:
    with pytest.raises(OperationalError) as raised:
        cursor.execute(statement)
    return raised.value


def test_a_mistake_in_a_query_is_not_an_outage(sqlite: Any, django_db_blocker: Any):
    with django_db_blocker.unblock(), sqlite.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a)")
        assert outages.refusal_of(failure(cursor, "SELECT b FROM t")) is None
        cursor.execute("PRAGMA max_page_count = 3")
        assert outages.refusal_of(failure(cursor, "INSERT INTO t VALUES (zeroblob(100000))")) is DISK_FULL
        cursor.execute("PRAGMA query_only = 1")
        assert outages.refusal_of(failure(cursor, "INSERT INTO t VALUES (1)")) is AWAY


@pytest.mark.parametrize(
    ("code", "refusal"), [(1054, None), (1021, DISK_FULL), (1205, AWAY), (2002, AWAY), (2006, AWAY), (2013, AWAY)]
)
def test_the_numbers_of_mariadb_are_known(code: int, refusal: object):
    assert outages.refusal_of(OperationalError(code, "said by the server")) is refusal


# Host ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("videos.example.org:8443", "“videos.example.org:8443”"),
        ("under_score", "“under_score”"),
        ("<script>alert(1)</script>", "“scriptalert1script”"),
    ],
)
@pytest.mark.parametrize("path", ["/", f"{ROOT}/videos", "/uploads", f"{ROOT}/nothing"])
def test_a_wrong_name_is_told_with_what_to_set_and_nothing_of_what_is_allowed(path: str, asked: str, told: str):
    with override_settings(ALLOWED_HOSTS=["secret.example.org"]):
        answer = DjangoClient().get(path, headers={"Host": asked} | (PAGE if path == "/" else {}))
    if path == "/":
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
        text = answer.text
    else:
        assert error(answer) == (400, "unknown_host")
        text = answer.json()["error"]["message"]
    assert told in text and f"ALLOWED_HOSTS=…,{told.strip('“”').removesuffix(':8443')})" in text
    assert "secret" not in text and "<script>" not in text
