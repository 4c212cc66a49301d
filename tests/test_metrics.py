"""/metrics and /status: what they tell, and whom."""

import os
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from jobs import machine, storage
from jobs.models import Account, Job, Run
from jobs.services import imports, metrics, parts, queues
from jobs.services.parts import Part
from tests import factories
from tests.servers import Redis
from videoservice.cache import Cache

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("asked_at_once")]
S = Job.Status
TOKEN = "a-secret-of-the-operator"


@pytest.fixture
def ann():
    return factories.account("ann@example.org")


def told(client: Client, **headers: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and labels."""
    response = client.get("/metrics", **headers)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def register(redis_server: Redis, queue: str, number: int, **fields: str) -> None:
    """A worker as RQ notes it in Redis, played by this process."""
    key = f"rq:worker:{queue}-{number}"
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row = {"machine": machine.identity(), "pid": os.getpid(), "hostname": "here", "state": "idle"}
    with redis_server.client() as client:
        client.hset(key, mapping={**row, "birth": now, "last_heartbeat": now, **fields})
        client.sadd(f"rq:workers:{queue}", key)


def test_jobs_are_counted_by_queue_and_state(client, ann):
    for status, count in ((S.QUEUED, 3), (S.RUNNING, 1), (S.FAILED, 2)):
        for _ in range(count):
            factories.job(ann, status=status, queue="cut")
    found = told(client)
    assert found["videoservice_jobs", "queue=cut", "state=queued"] == 3
    assert found["videoservice_jobs", "queue=cut", "state=running"] == 1
    assert found["videoservice_jobs", "queue=cut", "state=failed"] == 2
    assert found["videoservice_jobs_last_hour", "queue=cut", "state=failed"] == 2


def test_recordings_that_come_from_addresses_are_counted(client, ann):
    rows = [imports.begin(ann, "https://example.org/a.mp4") for _ in range(3)]
    rows[0].start("fetch-1 1")
    found = told(client)
    assert found["videoservice_imports", "state=queued"] == 2
    assert found["videoservice_imports", "state=running"] == 1
    assert found["videoservice_queue_oldest_seconds", "queue=fetch"] >= 0


def test_chains_and_their_steps_are_counted(client, ann):
    video, now = factories.video(ann), timezone.now()
    going = Run.objects.create(owner=ann, video=video, name="Mine", status=S.RUNNING)
    factories.job(ann, video=video, run=going, status=S.RUNNING)
    factories.job(ann, video=video, run=going, status=S.WAITING)
    begun = now - timedelta(seconds=90)
    for number in (1, 2):
        done = Run.objects.create(owner=ann, video=video, name="Mine", status=S.SUCCEEDED, finished_at=now)
        Run.objects.filter(pk=done.pk).update(created_at=begun - timedelta(seconds=20 * number))
        factories.job(ann, video=video, run=done, status=S.SUCCEEDED, finished_at=now)
    found = told(client)
    assert found["videoservice_chains", "state=running"] == 1 and found["videoservice_chains", "state=succeeded"] == 2
    assert found["videoservice_chain_steps", "state=running"] == found["videoservice_chain_steps", "state=waiting"] == 1
    assert ("videoservice_chain_steps", "state=succeeded") not in found, "that chain is not under way"
    assert found["videoservice_chain_seconds", "quantile=0.5"] == pytest.approx(120, abs=1)


def test_attempts_that_came_to_no_end_are_told_apart(client, ann):
    now = timezone.now()
    for attempt, losses in ((1, 0), (4, 1), (5, 5)):
        factories.job(ann, queue="cut", status=S.SUCCEEDED, attempt=attempt, losses=losses, finished_at=now)
    found = told(client)
    assert found["videoservice_attempts_last_hour", "end=lost", "queue=cut"] == 6
    assert found["videoservice_attempts_last_hour", "end=released", "queue=cut"] == 2
    assert found["videoservice_attempts_last_hour", "end=released", "queue=fast"] == 0


def test_waits_and_runs_are_those_of_rows(client, ann):
    now = timezone.now()
    for wait, run in ((2, 10), (4, 30), (30, 20)):
        started = now - timedelta(seconds=run)
        times = {"queued_at": started - timedelta(seconds=wait), "started_at": started, "finished_at": now}
        factories.job(ann, status=S.SUCCEEDED, queue="cut", **times)
    found = told(client)
    assert found["videoservice_job_wait_seconds", "quantile=0.5", "queue=cut"] == pytest.approx(4, abs=0.001)
    assert found["videoservice_job_run_seconds", "quantile=0.5", "queue=cut"] == pytest.approx(20, abs=0.001)
    assert found["videoservice_job_run_seconds", "quantile=0.95", "queue=cut"] == pytest.approx(29, abs=0.001)


def test_workers_are_told_apart_by_what_they_do(client, redis_server):
    register(redis_server, "cut", 1)
    register(redis_server, "cut", 2, state="busy")
    register(redis_server, "cut", 3, pid="999999999")
    register(redis_server, "cut", 4, last_heartbeat="2026-01-01T00:00:00.000000Z")
    register(redis_server, "cut", 5, death="2026-01-01T00:00:00.000000Z")
    found = told(client)
    assert found["videoservice_workers", "queue=cut", "state=idle"] == 1
    assert found["videoservice_workers", "queue=cut", "state=busy"] == 1
    assert found["videoservice_workers_lost", "queue=cut"] == 2
    assert found["videoservice_redis_up", "use=queue"] == 1


def test_a_redis_that_is_away_is_told_and_hides_nothing_else(client, ann, redis_server):
    factories.job(ann, queue="cut")
    redis_server.stop()
    try:
        found = told(client)
        status = client.get("/status").json()
    finally:
        cache.clear()  # what was kept in memory meanwhile
        Cache.away_until = 0
        redis_server.start()
    assert found["videoservice_redis_up", "use=queue"] == 0
    assert found["videoservice_jobs", "queue=cut", "state=queued"] == 1
    assert not [key for key in found if key[0] == "videoservice_workers"]
    assert not status["ok"] and status["queues"]["cut"]["workers"] is None


def test_a_database_that_is_away_hides_nothing_that_is_not_in_it(client, monkeypatch):
    asked = []

    def away(*_):
        asked.append(None)
        raise OperationalError(2013, "Lost connection")

    client.get("/healthz")
    for name in ("coming", "attempts", "of_storage"):
        monkeypatch.setattr(metrics, name, away)
    found = told(client)
    assert len(asked) == 1, "each question would be waited for"
    assert found["videoservice_redis_up", "use=queue"] == found["videoservice_part_up", "part=storage"] == 1
    names = {name for name, *_ in found}
    assert {"videoservice_build_info", "videoservice_request_seconds_count"} <= names
    assert "videoservice_stored_bytes" not in names
    monkeypatch.setattr(parts, "needed", lambda: [Part("Database", False, "does not answer")])
    found = told(client)
    assert found["videoservice_part_up", "part=database"] == 0 and len(asked) == 1


def test_parts_that_answer_are_told(client, monkeypatch):
    assert told(client)["videoservice_part_up", "part=storage"] == 1

    def away():
        raise OSError("the bucket does not answer")

    monkeypatch.setattr(storage, "try_out", away)
    found = told(client)
    assert found["videoservice_part_up", "part=storage"] == 0
    assert found["videoservice_part_up", "part=redis"] == found["videoservice_redis_up", "use=queue"] == 1


def test_storage_and_build_are_told(client, ann):
    factories.video(ann, size=4000)
    found = told(client)
    assert found["videoservice_stored_bytes", "kind=recordings"] == 4000
    assert 0 < found["videoservice_disk_free_bytes",] < found["videoservice_disk_bytes",]
    (build,) = [key for key in found if key[0] == "videoservice_build_info"]
    told_versions = dict(part.split("=", 1) for part in build[1:])
    assert told_versions["videoservice"] and told_versions["ffmpeg"][0].isdigit()
    assert told_versions["django"].startswith("5.")


def test_requests_are_counted_by_route_never_by_path(client, ann):
    job = factories.job(ann)
    client.force_login(ann)

    def count(found, route, status):
        return found.get(("videoservice_request_seconds_count", f"route={route}", f"status={status}"), 0)

    before = told(client)
    client.get(job.get_absolute_url())
    client.get("/no/such/page/of/ours")
    after = told(client)
    assert count(after, "jobs/<uuid:pk>/", 200) == count(before, "jobs/<uuid:pk>/", 200) + 1
    assert count(after, "none", 404) == count(before, "none", 404) + 1
    assert not [key for key in after if "of/ours" in str(key) or str(job.pk) in str(key)]


def test_nobody_is_named(client, ann):
    factories.job(ann, status=S.RUNNING)
    assert "ann@" not in client.get("/metrics").content.decode()
    assert "ann@" not in client.get("/status").content.decode()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_without_a_token_programs_of_this_machine_are_told(client, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "2001:db8::1", "", "localhost"])
def test_without_a_token_others_find_nothing_there(client, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
@pytest.mark.parametrize("value", ["127.0.0.1", "192.0.2.7"])
def test_a_proxy_of_this_machine_opens_it_to_nobody(client, header, value):
    assert client.get("/metrics", headers={header: value}).status_code == 404
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7", headers={header: value}).status_code == 404


def test_behind_a_proxy_only_the_token_opens_it(client, settings):
    """The address is then what the client says that it is."""
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert told(client, HTTP_AUTHORIZATION=f"Bearer {TOKEN}")


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_where_there_is_a_token_nothing_else_opens_it(client, settings, ann, given):
    settings.METRICS_TOKEN = TOKEN
    Account.objects.update(is_staff=True, is_superuser=True)
    client.force_login(ann)
    refused = client.get("/metrics", headers={"Authorization": given} if given is not None else {})
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in refused.content.decode()
    assert told(client, REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")


def test_guessing_the_token_comes_to_an_end(client, settings):
    settings.METRICS_TOKEN = TOKEN
    answers = [client.get("/metrics", HTTP_AUTHORIZATION="Bearer guess").status_code for _ in range(70)]
    assert answers[0] == 401 and answers[-1] == 429


def test_the_status_tells_what_is_in_the_queues(client, ann, redis_server):
    for name in queues.names():
        register(redis_server, name, 1)
    factories.job(ann, queue="cut", queued_at=timezone.now() - timedelta(seconds=90))
    factories.job(ann, queue="cut", status=S.RUNNING)
    factories.job(ann, queue="cut", status=S.WAITING)
    queues.pause("speech", ann)
    answer = client.get("/status").json()
    assert answer["ok"] and not answer["draining"]
    assert list(answer["queues"]) == list(queues.names())
    cut = answer["queues"]["cut"]
    assert 90 <= cut.pop("oldest_seconds") < 120
    assert cut == {"waiting": 1, "queued": 1, "running": 1, "paused": False, "workers": 1}
    assert answer["queues"]["speech"]["paused"]
    queues.drain(ann)
    assert client.get("/status").json()["draining"]


def test_a_queue_that_nobody_works_on_is_not_well(client, redis_server):
    register(redis_server, "cut", 1)
    assert not client.get("/status").json()["ok"]
