"""The operators' page: who sees it, what it tells, and what is done from it, once however often it is asked for."""

import os
import threading
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone

from jobs import machine
from jobs.auth import sessions
from jobs.models import Account, Job, Room, Video
from jobs.services import imports, operators, queue_load, queues, storage_use
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status
ACTS = [
    "/operators/drain/",
    "/operators/drain/end/",
    "/operators/queues/cut/pause/",
    "/operators/queues/cut/resume/",
    "/operators/failures/thumbnails/timeout/again/",
    "/operators/accounts/{pk}/cancel/",
]


@pytest.fixture
def boss(client):
    """The first account, which is the operator's. Signed in."""
    account = factories.account("boss@example.org")
    client.force_login(account)
    return account


@pytest.fixture
def eve():
    factories.account("boss@example.org")
    return factories.account("eve@example.org")


def failed(owner, code="timeout", **fields):
    return factories.job(owner, status=S.FAILED, error_code=code, error_message="It took too long.", **fields)


def register(redis_server, queue, number, **fields):
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row = {"machine": machine.identity(), "pid": os.getpid(), "hostname": "media-a", "state": "idle"}
    with redis_server.client() as redis:
        redis.hset(f"rq:worker:{queue}-{number}", mapping={**row, "birth": now, "last_heartbeat": now, **fields})
        redis.sadd(f"rq:workers:{queue}", f"rq:worker:{queue}-{number}")


# Who -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/operators/", "/operators/workers/cut-1/restart/", *ACTS])
def test_for_who_is_no_operator_there_is_no_such_page(client, eve, address):
    path = address.format(pk=eve.pk)
    assert client.get(path)["Location"].startswith("/accounts/login/")
    client.force_login(eve)
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404
    assert "Operators" not in client.get("/").content.decode()


@pytest.mark.parametrize("address", ["/operators/workers/cut-1/restart/", *ACTS])
def test_staff_who_are_no_superusers_only_look(client, boss, eve, address):
    Account.objects.filter(pk=boss.pk).update(is_superuser=False)
    page = client.get("/operators/").content.decode()
    assert "Drain" not in page
    assert client.post(address.format(pk=eve.pk)).status_code == 403
    assert not any(state.draining_since for state in queues.states().values())


@pytest.mark.parametrize("address", ACTS)
def test_looking_only_asks(client, boss, eve, address):
    job = failed(eve)
    active = factories.job(eve, queue="cut")
    page = client.get(address.format(pk=eve.pk))
    assert page.status_code == 200
    assert b"<form" in page.content
    assert Job.objects.count() == 2 and not queues.held()
    for one in (job, active):
        before = one.status
        one.refresh_from_db()
        assert one.status == before


def test_the_admin_and_the_page_lead_to_each_other(client, boss):
    assert 'href="/operators/"' in client.get("/admin/").content.decode()
    page = client.get("/operators/").content.decode()
    assert 'href="/admin/"' in page
    assert 'href="/operators/" aria-current="page"' in " ".join(page.split())


# What it tells -------------------------------------------------------------------------------------------------------


def test_a_queue_has_a_line_of_what_ended_in_it(client, boss):
    cache.clear()
    factories.job(boss, status=S.SUCCEEDED, queue="cut")
    sparks = {load.name: spark for load, spark in client.get("/operators/").context["queues"]}
    assert "1 job ended within 24 hours" in sparks["cut"]
    assert not sparks["fast"]


def test_workers_are_shown_with_what_they_do(client, boss, redis_server):
    register(redis_server, "cut", 1, state="busy")
    register(redis_server, "cut", 2)
    register(redis_server, "fast", 3, pid="999999999")
    job = factories.job(boss, status=S.RUNNING, queue="cut", worker="cut-1 4711", progress=0.42)
    rows = {row["worker"].name: row for row in client.get("/operators/").context["workers"]}
    assert rows["cut-1"]["job"] == job
    assert rows["cut-2"]["job"] is None and rows["cut-2"]["worker"].is_alive
    assert not rows["fast-3"]["worker"].is_alive
    page = client.get("/operators/").content.decode()
    assert "42 %" in page and "Lost" in page
    assert "Worker fast-3 has gone without a word." in page


def test_workers_that_went_together_are_told_of_in_one_sentence(client, boss, redis_server):
    for number in range(5):
        register(redis_server, "encode", number, pid="999999999")
    told = "5 workers have gone without a word: encode-0, encode-1, encode-2 and 2 others."
    assert told in client.get("/operators/").content.decode()


def test_a_worker_is_asked_once_to_start_again(client, boss, redis_server):
    register(redis_server, "cut", 1, state="busy")
    job = factories.job(boss, status=S.RUNNING, queue="cut", worker="cut-1 4711")
    address, before = "/operators/workers/cut-1/restart/", operators.state()
    question = client.get(address).content.decode()
    assert "Restart this worker of “cut” on media-a?" in question and f"“{job.operation_title}” of" in question
    assert "Restarting" not in client.get("/operators/").content.decode(), "nobody has pressed yet"
    assert "takes nothing new" in client.post(address, follow=True).content.decode()
    assert operators.state() != before
    page = client.get("/operators/").content.decode()
    assert "Restarting" in page and address not in page
    assert "That was done already." in client.post(address, follow=True).content.decode()


def test_a_worker_that_is_gone_is_not_asked(client, boss, redis_server):
    register(redis_server, "fast", 3, pid="999999999")
    address = "/operators/workers/fast-3/restart/"
    assert client.get(address).status_code == 404
    assert "That was done already." in client.post(address, follow=True).content.decode()
    assert address not in client.get("/operators/").content.decode(), "its supervisor starts another one"


def test_people_are_counted_by_the_sessions_used_lately(client, boss, eve):
    for account, minutes in ((boss, 1), (boss, 2), (eve, 9), (factories.account("gone@example.org"), 30)):
        row = UserSession.objects.create(user=account, session_key=f"{account.pk}-{minutes}", ip="127.0.0.1")
        UserSession.objects.filter(pk=row.pk).update(last_seen_at=timezone.now() - timedelta(minutes=minutes))
    assert sessions.people() == 2
    page = " ".join(client.get("/operators/").content.decode().split())
    assert "People now" in page and "in 3 accounts" in page


def test_a_worker_that_fetches_shows_what(client, boss, redis_server):
    register(redis_server, "fetch", 1, state="busy")
    before = operators.state()
    row = imports.begin(boss, "https://example.org/talk.mp4")
    assert row.start("fetch-1 4711")
    row.advance(row.attempt, received_bytes=12 << 20, size_bytes=640 << 20)
    assert operators.state() != before
    page = client.get("/operators/").content.decode()
    assert "talk.mp4, 12 MB of 640 MB" in " ".join(page.split())
    assert f"/admin/jobs/import/{row.pk}/change/" in page
    assert client.get(f"/admin/jobs/import/{row.pk}/change/").status_code == 200


def test_a_queue_that_nobody_works_on_is_told(client, boss, redis_server):
    for name in queues.names():
        if name != "speech":
            register(redis_server, name, 1)
    factories.job(boss, queue="speech")
    told = client.get("/operators/").context["troubles"]
    assert told == ["No worker listens to the queue “speech”, and 1 wait in it."]


def test_the_page_is_there_while_redis_is_away(client, boss, redis_server):
    redis_server.stop()
    try:
        page = client.get("/operators/")
    finally:
        redis_server.start()
    assert page.status_code == 200
    assert "Redis does not answer." in page.content.decode()


def test_failures_are_told_by_kind(boss, eve):
    for owner in (boss, eve):
        failed(owner)
    failed(eve, code="no_audio", error_permanent=True)
    failed(eve, finished_at=timezone.now() - timedelta(days=8))
    first, second = operators.failures()
    assert (first.operation, first.code, first.count, first.left) == ("thumbnails", "timeout", 2, 2)
    assert (second.code, second.count, second.is_owners) == ("no_audio", 1, True)
    assert first.message == "It took too long."
    factories.job(boss, retry_of=Job.objects.filter(owner=boss, status=S.FAILED).get())
    assert operators.failures()[0].left == 1


def test_who_has_work_under_way_is_told(boss, eve):
    for status in (S.QUEUED, S.QUEUED, S.RUNNING, S.WAITING, S.SUCCEEDED):
        factories.job(eve, status=status)
    factories.job(boss)
    first, second = operators.owners()
    assert (first.email, first.running, first.queued, first.waiting) == ("eve@example.org", 1, 2, 1)
    assert (second.email, second.total) == ("boss@example.org", 1)


def test_the_state_changes_with_work_and_with_queues(boss):
    seen = {operators.state()}
    job = factories.job(boss)
    for change in (
        lambda: job.start("cut-1 1"),
        lambda: job.advance(1, 0.5, "half", None),
        lambda: queues.pause("cut", boss),
        lambda: queues.drain(boss),
        lambda: job.succeed(1),
    ):
        change()
        now = operators.state()
        assert now not in seen
        seen.add(now)


def test_a_full_disk_is_told(boss, settings):
    settings.FREE_MARGIN_BYTES = 10**18
    assert any("disk" in told for told in operators.troubles(queue_load.every(), storage_use.disk()))


# What is done --------------------------------------------------------------------------------------------------------


def said(client, path):
    return [str(message) for message in client.post(path, follow=True).context["messages"]]


def test_draining_twice_is_draining(client, boss):
    assert said(client, "/operators/drain/") == ["No new work is begun until you go on."]
    assert said(client, "/operators/drain/") == ["That was done already."]
    assert any(state.draining_since for state in queues.states().values())
    assert said(client, "/operators/drain/end/") == ["Work goes on."]
    assert said(client, "/operators/drain/end/") == ["That was done already."]
    assert not any(state.draining_since for state in queues.states().values())


def test_a_queue_is_paused_and_resumed_once(client, boss):
    assert said(client, "/operators/queues/cut/pause/") == ["The queue “cut” is paused."]
    assert said(client, "/operators/queues/cut/pause/") == ["That was done already."]
    assert queues.held() == {"cut"}
    assert "Paused by boss@example.org" in " ".join(client.get("/operators/").content.decode().split())
    assert said(client, "/operators/queues/cut/resume/") == ["The queue “cut” goes on."]
    assert said(client, "/operators/queues/cut/resume/") == ["That was done already."]
    assert queues.held() == set()


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_a_queue_that_is_not_there_is_not_found(client, boss, act):
    path = f"/operators/queues/fax/{act}/"
    assert client.get(path).status_code == client.post(path).status_code == 404


def test_a_question_tells_how_many_it_is_about(client, boss, eve):
    for _ in range(3):
        failed(eve)
        factories.job(eve, queue="cut")
    assert "Try 3 jobs again" in client.get("/operators/failures/thumbnails/timeout/again/").content.decode()
    assert "Cancel 3 jobs" in client.get(f"/operators/accounts/{eve.pk}/cancel/").content.decode()
    assert "3 jobs in line will wait" in client.get("/operators/queues/cut/pause/").content.decode()


def test_all_of_a_kind_are_tried_again_once(client, boss, eve):
    old = [failed(boss), failed(eve)]
    other = failed(eve, code="no_audio")
    path = "/operators/failures/thumbnails/timeout/again/"
    assert said(client, path) == ["2 jobs were put in line again."]
    assert {job.retry_of for job in Job.objects.filter(status=S.QUEUED)} == set(old)
    assert said(client, path) == ["That was done already."]
    assert Job.objects.filter(status=S.QUEUED).count() == 2
    assert not other.retries.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_press_at_once_try_each_job_again_once(boss):
    jobs = [failed(boss) for _ in range(5)]
    ready = threading.Barrier(2)

    def press():
        try:
            ready.wait()
            operators.retry_all("thumbnails", "timeout")
        finally:
            connections.close_all()

    presses = [threading.Thread(target=press) for _ in range(2)]
    for one in presses:
        one.start()
    for one in presses:
        one.join()
    assert [job.retries.count() for job in jobs] == [1] * 5


def test_limits_of_accounts_hold_and_are_told(boss, settings):
    for _ in range(3):
        failed(boss)
    settings.QUOTA_JOBS = 2
    outcome = operators.retry_all("thumbnails", "timeout")
    assert (outcome.done, outcome.refused) == (2, 1)
    assert len(outcome.refusals) == 1


def test_more_than_fits_into_one_press_is_told(boss, monkeypatch):
    for _ in range(3):
        failed(boss)
    monkeypatch.setattr(operators, "AT_ONCE", 2)
    assert operators.retry_all("thumbnails", "timeout") == operators.Outcome(2, more=1)
    assert operators.retry_all("thumbnails", "timeout") == operators.Outcome(1)


def test_all_work_of_an_account_is_cancelled_once(client, boss, eve):
    for status in (S.WAITING, S.QUEUED, S.RUNNING):
        factories.job(eve, status=status)
    mine, done = factories.job(boss), factories.job(eve, status=S.SUCCEEDED)
    path = f"/operators/accounts/{eve.pk}/cancel/"
    assert said(client, path) == ["3 jobs were cancelled."]
    assert said(client, path) == ["That was done already."]
    assert Job.objects.filter(owner=eve, status=S.CANCELLED).count() == 3
    for job, status in ((mine, S.QUEUED), (done, S.SUCCEEDED)):
        job.refresh_from_db()
        assert job.status == status


def test_a_form_without_its_token_does_nothing(boss):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(boss)
    assert strict.post("/operators/drain/").status_code == 403
    assert not any(state.draining_since for state in queues.states().values())


def test_it_is_said_whose_quota_is_nearly_used(client, boss, settings):
    settings.QUOTA_BYTES = 1000
    near, far, free = (factories.account(f"{name}@example.org") for name in ("near", "far", "free"))
    factories.video(near, size=900)
    factories.video(far, size=500)
    factories.video(free, size=5000)
    Room.objects.create(owner=free, gigabytes=0)
    cache.delete("storage-by-owner")
    assert [(room.email, room.used, room.most) for room in operators.rooms()] == [
        ("near@example.org", 900, 1000),
        ("far@example.org", 500, 1000),
        ("free@example.org", 5000, 0),
    ]
    page = " ".join(client.get("/operators/").content.decode().split())
    assert "Nearly all of their quota is used by near@example.org." in page
    assert "900 bytes of 1000 bytes" in page or "900 bytes of 1 KB" in page
    listing = client.get("/admin/jobs/account/").content.decode()
    assert "any amount" in listing and "1000" in listing


# The page as it is drawn ---------------------------------------------------------------------------------------------


def test_failures_of_a_day_are_told_apart_from_those_of_a_week(client, boss):
    old = failed(boss, code="old")
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=2))
    fresh = failed(boss, code="fresh")
    Job.objects.filter(pk=fresh.pk).update(finished_at=timezone.now())
    day, week = (client.get(f"/operators/?days={days}").context["failures"] for days in (1, 7))
    assert [row["failure"].code for row in day] == ["fresh"]
    assert {row["failure"].code for row in week} == {"fresh", "old"}
    assert client.get("/operators/?days=nonsense").context["failure_days"] == 7


def test_the_page_tells_when_the_disk_is_full_as_things_go_on(boss):
    cache.clear()
    a_day = storage_use.added_a_day()
    factories.video(boss, size=14_000_000_000)
    old = factories.video(boss, size=14_000_000_000)
    Video.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=30))
    cache.clear()
    added = storage_use.added_a_day()
    assert added - a_day == pytest.approx(1_000_000_000)
    disk = storage_use.Disk(100_000_000_000, 5_500_000_000, 0, 0, 0, 0)
    assert disk.full_in_days(1_000_000_000) == 5
    assert disk.full_in_days(0) is None


def test_a_worker_tells_what_it_takes_of_its_machine(client, boss, redis_server):
    register(redis_server, "cut", 7, cores="1.5", processors="2", memory_bytes="1288490189")
    page = client.get("/operators/").content.decode()
    assert "1.5 of 2 processors" in page
    assert "1.2 GB" in page
