"""What tests share. Ready to use:

`redis_server`  a Redis for the test process, emptied after every test that uses the database
`site`          the whole real site, shared by all tests: each makes accounts of its own and kills nothing
`mended_site`   another one, which the test may end parts of that `Site.mend` starts again. For each test it is whole,
                without recordings of ann@example.org's, and takes 5 s of silence for death
`make_site`     makes one for this test alone, to do anything with: make_site(LOST_AFTER_SECONDS="3")
`make_web_site` the same without workers and reconciler, which costs a third
`bucket`        an S3 server that checks signatures, with an empty bucket for every test (tests.servers.ObjectStorage)
`faults`        the way to it that counts what passes and fails where it is asked to (tests.bucket.faults)
`browser`       Chromium through playwright; `page` is a fresh page on `site`, `sign_in(page, client)` signs it in
"""

import functools
import gc
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connections

from jobs import clock
from tests import clip_cache, tables
from tests.accounts.openid_provider import Provider
from tests.bucket.faults import Faults
from tests.chromium import launch
from tests.servers import MariaDB, ObjectStorage, Redis
from tests.settings import free_port
from tests.site import Client, Site, Sites
from videoservice.cache import Cache

FOLDER = Path(os.environ["TEST_DATA_DIR"])
TESTS = Path(__file__).parent
OF_THE_DATABASE = {"db", "transactional_db", "sites"}
# What differs by database runs on each: statements that decide, count, search or compare times and text, constraints,
# transactions, migrations, processes that fork with a connection or lose it. These places only show and take rows, by
# lookups that tests elsewhere make too, so they run on one, which is SQLite. A mark on a test says otherwise:
# `each_database` where it is the only one to make a statement, `one_database` where its subject is Redis or files.
ON_ONE_DATABASE = (
    "browser/",
    "chains/",
    "client/",
    "operations/",
    "pages/",
    "storage/",
    "test_api_",
    "test_bad_parameters",
    "test_compression",
    "test_connections",
    "test_files",
    "test_levels_view",
    "test_nginx",
    "test_serve",
    "test_sockets",
    "test_sources",
    "test_static_files",
    "test_tus_client",
    "test_worker",
)


def pytest_configure() -> None:
    """SIGTERM ends a run like Ctrl-C: in order, with everything that it started. In the background of a script, Ctrl-C
    is ignored unless somebody asks for it, and every child would inherit that."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


def pytest_sessionstart() -> None:
    clip_cache.forget_unused()


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no collection of garbage needs to look through it again."""
    gc.collect()
    gc.freeze()


def takes(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test uses, and run those with a browser last: playwright leaves an event loop running, in which
    neither asynchronous tests nor Django's queries would work. Before them, those that take the site that is mended:
    while it is there, its reconciler takes a tenth of a processor."""
    for item in items:
        if any(takes(item, fixture) for fixture in OF_THE_DATABASE) or item.get_closest_marker("django_db"):
            item.add_marker("database")
        if takes(item, "sites"):
            item.add_marker("processes")
        if takes(item, "browser"):
            item.add_marker("browser")
        place = item.path.relative_to(TESTS).as_posix()
        if place.startswith(ON_ONE_DATABASE) and not item.get_closest_marker("each_database"):
            item.add_marker("one_database")
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, takes(item, "breakable_site")))


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[Redis]:
    server = Redis(FOLDER, settings.REDIS_SOCKET)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB | None]:
    """The MariaDB of this run, or None on SQLite."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield None
        return
    server = MariaDB(FOLDER / "mariadb", settings.DATABASES["default"]["PORT"])
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(mariadb: MariaDB | None) -> None:
    """pytest-django asks for this first, and then finds its database, with all tables, where it would make one."""
    test_database = connections["default"].creation._get_test_db_name()
    if mariadb:
        tables.load(mariadb, test_database)
    else:
        tables.put(Path(test_database))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """It goes with its folder."""
    return True


@pytest.fixture(scope="session", autouse=True)
def _flushed_alone() -> Iterator[None]:
    """After a test that commits, its rows go and nothing more: Django would write the rights of all tables anew, which
    takes nine tenths of the time, and nobody asks for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", lambda *args, **options: ContentType.objects.clear_cache())
        yield


@pytest.fixture
def asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """/status looks things up each time, and in the thread of a test, which sees what that has not committed."""
    from jobs.services import queue_load

    monkeypatch.setattr("jobs.views.health.LOADS.get", lambda seconds: queue_load.every())


@pytest.fixture(scope="session")
def object_storage() -> Iterator[ObjectStorage]:
    server = ObjectStorage(FOLDER / "bucket", free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def bucket(object_storage: ObjectStorage) -> Iterator[ObjectStorage]:
    yield object_storage
    object_storage.empty()


@pytest.fixture
def faults(bucket: ObjectStorage) -> Iterator[Faults]:
    with Faults(bucket.port) as way:
        yield way


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest, redis_server: Redis) -> Iterator[None]:
    """Nothing of a test with database is left in Redis and in the media folder for the next one; nor is the offset of a
    clock that the test may have moved, which would hold for a minute."""
    measured_at = clock._measured_at
    yield
    if clock._measured_at != measured_at:
        clock._measured_at = clock.NEVER
    if request.node.get_closest_marker("database"):
        with redis_server.client() as client:
            client.flushall()
        Cache.away_until = 0.0  # a test may have taken Redis away
        cache.memory.clear()
        shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)
        settings.MEDIA_ROOT.mkdir(exist_ok=True)


@pytest.fixture(scope="session")
def sites(django_db_blocker: Any, mariadb: MariaDB | None) -> Iterator[Sites]:
    maker = Sites(FOLDER / "sites", django_db_blocker.unblock, mariadb)
    try:
        yield maker
    finally:
        maker.stop()


@pytest.fixture(scope="session")
def site(sites: Sites) -> Site:
    return sites.make()


@pytest.fixture
def make_site(sites: Sites) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**options: Any) -> Site:
        made.append(sites.make(**options))
        return made[-1]

    try:
        yield make
    finally:
        for site in made:
            site.stop()


@pytest.fixture
def make_web_site(make_site: Callable[..., Site]) -> Callable[..., Site]:
    return functools.partial(make_site, only_web=True)


@pytest.fixture(scope="session")
def breakable_site(sites: Sites) -> Site:
    """Soon sees that a worker is gone, but not so soon that one is given up which a busy machine keeps waiting."""
    return sites.make(LOST_AFTER_SECONDS="8", RECONCILE_SECONDS="1")


@pytest.fixture
def mended_site(breakable_site: Site) -> Site:
    breakable_site.mend()
    ann = breakable_site.client("ann@example.org")
    for video in ann.get("/api/v1/videos").json()["items"]:
        ann.delete(f"/api/v1/videos/{video['id']}?permanently=1").raise_for_status()
    return breakable_site


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """A company's own service that signs its people in."""
    made = Provider()
    yield made
    made.stop()


@pytest.fixture
def person(provider: Provider) -> dict[str, Any]:
    """Who signs in there next: the claims about somebody new, which a test may change."""
    name = uuid.uuid4().hex[:10]
    provider.refuses = False
    provider.asked.clear()
    provider.person = {"sub": name, "email": f"{name}@example.org", "email_verified": True, "name": "Ann Example"}
    return provider.person


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = (
        "1"  # playwright's loop runs in this thread, but our queries are not in it
    )
    try:
        with sync_playwright() as playwright:
            chromium = launch(playwright)
            yield chromium
            chromium.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Makes pages: new_page(site, client=None, **context options), as nobody or signed in like the client.

    At the end of the test, no page may have thrown or have met the Content-Security-Policy.
    """
    contexts: list[Any] = []
    wrong: list[str] = []

    def console(message: Any) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    def make(site: Site, client: Client | None = None, **options: Any) -> Any:
        context = browser.new_context(base_url=site.url, **options)
        contexts.append(context)
        if client:
            context.add_cookies([{"name": c.name, "value": c.value, "url": site.url} for c in client.cookies])
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", console)
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == [], "pages threw errors"


@pytest.fixture
def page(new_page: Callable[..., Any], site: Site) -> Any:
    """A page on the shared site, as nobody."""
    return new_page(site)


def sign_in(page: Any, client: Client) -> None:
    """Give the page the session of a client."""
    page.context.add_cookies([{"name": c.name, "value": c.value, "url": client.url} for c in client.cookies])
