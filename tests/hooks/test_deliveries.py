"""What is told to webhooks, and what becomes of it when they fail, hang, and come back."""

import threading
import time
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected

import django_rq
import pytest
from django.db import connection
from django.utils import timezone
from rq.registry import ScheduledJobRegistry
from standardwebhooks import WebhookVerificationError

from jobs import delivering
from jobs.errors import InputError, ToolError
from jobs.models import Artifact, Delivery, Job, Webhook
from jobs.services import deliveries, outbox, queues, reconcile, webhook_mail, webhooks
from tests import factories
from tests.api import Api
from tests.hooks.conftest import deliver, delivery_of, hooked
from tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
S = Delivery.State


def ended(owner=None, **fields):
    """A job that has just succeeded."""
    job = factories.job(owner, **fields)
    job.start("here")
    job.succeed(1)
    return job


def rung() -> int:
    return django_rq.get_queue(outbox.QUEUE).count


def stored(job: Job, name: str) -> Artifact:
    facts = {"kind": Artifact.Kind.IMAGE, "size": 5, "media_type": "image/jpeg", "sha256": name.zfill(64)}
    return Artifact.objects.create(job=job, name=name, key=f"{job.pk}/{name}", **facts)


def due_now(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now() - timedelta(seconds=1))


# Telling -------------------------------------------------------------------------------------------------------------


def test_the_end_of_a_job_arrives_signed_and_as_the_api_shows_it(hook, receiver, ann):
    job = ended(ann)
    assert rung() == 1
    deliver()
    (received,) = receiver.received
    told = received.verified(hook.told_secret)
    assert told["type"] == "job.succeeded"
    assert told["data"] == Api(ann).get(f"/jobs/{job.pk}").json()
    assert datetime.fromisoformat(told["timestamp"]).tzinfo
    assert received.headers["content-type"] == "application/json"
    delivery = delivery_of(hook)
    assert (delivery.state, delivery.last["status"], delivery.last["answer"]) == (S.DELIVERED, 200, "ok")
    assert str(delivery.event) == received.event


def test_a_recording_and_a_chain_arrive_as_the_api_shows_them(hook, receiver, ann):
    from jobs.services import events, runs, steps

    video = factories.video(ann)
    events.came(video)
    run = runs.start(ann, video, steps.read([{"name": "Stills", "operation": "thumbnails"}]), "One")
    runs.cancel(run)
    deliver()
    told = {one.json["type"]: one.json["data"] for one in receiver.received}
    api = Api(ann)
    assert told["video.created"] == api.get(f"/videos/{video.pk}").json()
    assert told["pipeline.finished"] == api.get(f"/runs/{run.pk}").json()
    assert told["job.cancelled"]["run"] == str(run.pk)


def test_what_was_deleted_before_it_could_be_told_is_told_as_that(hook, receiver, ann):
    job = ended(ann)
    pk = job.pk
    job.delete()
    deliver()
    assert receiver.received[0].json["data"] == {"id": str(pk), "deleted": True}


def test_what_lies_in_the_trash_by_then_is_told_as_it_is(hook, receiver, ann):
    from jobs.services import events, runs, steps, trash

    video = factories.video(ann)
    events.came(video)
    job = ended(ann, video=video)
    artifact, dropped = (stored(job, name) for name in ("a.jpg", "b.jpg"))
    trash.remove(dropped)
    run = runs.start(ann, video, steps.read([{"name": "Stills", "operation": "thumbnails"}]), "One")
    factories.job(ann, video=video)
    trash.remove(video)
    assert not Job.objects.exists()
    deliver()
    told = {one.json["data"]["id"]: one.json["data"] for one in receiver.received}
    assert len(told) == len(receiver.received) == 5 and not any("deleted" in data for data in told.values())
    assert [one["id"] for one in told[str(job.pk)]["artifacts"]] == [str(artifact.pk)]
    (step,) = told[str(run.pk)]["steps"]
    assert step["status"] == "cancelled" and told[step["job"]]["run"] == str(run.pk)
    assert told[str(video.pk)]["title"] == video.title


def test_what_is_just_being_deleted_for_good_is_told_as_deleted(hook, receiver, ann):
    from jobs.models import Removal
    from jobs.services import trash

    job = ended(ann)
    trash.remove(job)
    Removal.objects.update(is_going=True)
    deliver()
    assert receiver.received[0].json["data"] == {"id": str(job.pk), "deleted": True}


def test_a_webhook_hears_only_what_it_asked_for_and_only_of_its_owners(receive, ann):
    mine, theirs = receive(), receive()
    hooked(ann, mine, "job.failed")
    hooked(factories.account("bob@example.org"), theirs)
    ended(ann)
    job = factories.job(ann)
    job.start("here")
    job.fail(ToolError("broken"), 1)
    deliver()
    assert (mine.kinds(), theirs.kinds()) == (["job.failed"], [])


def test_all_webhooks_of_an_event_get_the_same_id(receive, ann):
    first, second = receive(), receive()
    for receiver in (first, second):
        hooked(ann, receiver)
    ended(ann)
    deliver()
    assert first.received[0].event == second.received[0].event


def test_without_webhooks_nothing_is_written_and_nobody_is_woken(ann):
    ended(ann)
    assert not Delivery.objects.exists() and rung() == 0


# Failing -------------------------------------------------------------------------------------------------------------


def test_what_failed_is_told_again_by_the_same_id_with_the_same_body_signed_anew(hook, receiver, settings, ann):
    settings.WEBHOOK_PAUSES = (1, 60)
    receiver.status, receiver.body = 500, b"x" * 5000
    ended(ann)
    deliver()
    delivery = delivery_of(hook)
    assert (delivery.state, len(delivery.last["answer"])) == (S.PENDING, 1024)
    receiver.status = 204
    receiver.body = b""
    time.sleep(max(0.0, (delivery.due_at - timezone.now()).total_seconds()) + 0.01)
    deliver()
    first, second = receiver.received
    assert (first.event, first.body) == (second.event, second.body)
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    second.verified(hook.told_secret)
    assert [one["status"] for one in delivery_of(hook).tries] == [500, 204]
    hook.refresh_from_db()
    assert (hook.failing_since, hook.failures) == (None, 0)


def test_pauses_grow_with_jitter_over_three_days_and_then_it_is_given_up(hook, receiver, ann, settings):
    receiver.status = 503
    ended(ann)
    waits = []
    while (delivery := delivery_of(hook)).state == S.PENDING:
        due_now(delivery)
        deliver()
        delivery.refresh_from_db()
        if delivery.due_at:
            waits.append((delivery.due_at - timezone.now()).total_seconds())
    for wait, pause in zip(waits, settings.WEBHOOK_PAUSES, strict=True):
        assert pause - 2 < wait <= pause * (1 + deliveries.JITTER)
    assert 3 * 86_400 < sum(waits) < 4 * 86_400
    assert (delivery.state, len(delivery.tries), len(receiver.received)) == (S.FAILED, 10, 10)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [("120", 119, 145), ("999999999", 86_399, 86_400 * 1.2 + 1), ("soon", 0, 7), ("-5", 0, 7), ("1", 0, 7)],
)
def test_retry_after_is_honoured_within_bounds(hook, receiver, ann, asked, least, most):
    receiver.status, receiver.headers = 429, {"Retry-After": asked}
    ended(ann)
    deliver()
    assert least <= (delivery_of(hook).due_at - timezone.now()).total_seconds() <= most


def test_retry_after_may_be_a_date():
    later = (datetime.now(UTC) + timedelta(seconds=100)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert 97 < delivering.retry_after(later) <= 100
    assert delivering.retry_after("Mon, 01 Jan 2001 00:00:00 GMT") == 0


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 2001 00:00:00 +99999999999999999",
        "Mon, 01 Jan 2001 00:00:00 -2400",
        "Fri, 31 Dec 9999 23:59:59 -9999",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
)
def test_a_date_that_nobody_can_read_asks_for_nothing(value):
    assert delivering.retry_after(value) == 0


def test_no_answer_keeps_a_delivery_from_being_written_down(hook, receiver, ann):
    receiver.status, receiver.headers = 503, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 +99999999999999999"}
    ended(ann)
    deliver()
    delivery = delivery_of(hook)
    assert (delivery.attempt, delivery.last["status"]) == (1, 503)


def test_a_fault_of_the_site_is_a_try_that_failed_and_is_logged(hook, receiver, ann, monkeypatch, caplog, settings):
    settings.WEBHOOK_PAUSES = (60,)
    ended(ann)
    with monkeypatch.context() as broken:
        broken.setattr(delivering.event_data, "of", lambda kind, subject: 1 // 0)
        deliver()
    delivery = delivery_of(hook)
    assert (delivery.state, delivery.attempt, delivery.last["status"]) == (S.PENDING, 1, None)
    assert "This site made a mistake" in delivery.last["error"] and "ZeroDivisionError" in caplog.text
    hook.refresh_from_db()
    assert hook.failures == 1
    due_now(delivery)
    deliver()
    assert delivery_of(hook).state == S.DELIVERED and receiver.kinds() == ["job.succeeded"]


def test_redirects_are_not_followed(hook, receive, receiver, ann):
    other = receive()
    receiver.status, receiver.headers = 307, {"Location": other.url}
    ended(ann)
    deliver()
    assert other.received == []
    assert "leads on to another address" in delivery_of(hook).last["error"]


def test_a_try_takes_no_longer_than_it_may_however_the_answer_drips(hook, receiver, ann):
    receiver.seconds = 30
    ended(ann)
    begun = time.monotonic()
    deliver()
    assert time.monotonic() - begun < 5
    last = delivery_of(hook).last
    assert (last["status"] is None and "longer than 1 s" in last["error"]) or "does not answer" in last["error"]


def test_one_that_hangs_holds_up_nobody_else(receive, ann):
    slow, quick = receive(seconds=30), receive()
    hooked(ann, slow)
    hooked(ann, quick)
    for _ in range(3):
        ended(ann)
    deliver()
    assert len(quick.received) == 3
    assert quick.received[-1].at < slow.received[0].at + 0.9, "all before the first try elsewhere was over"


def test_what_comes_while_one_hangs_is_not_kept_waiting(receive, ann):
    slow, quick = receive(seconds=30), receive()
    hooked(ann, slow, "job.succeeded")
    hooked(ann, quick, "job.cancelled")
    ended(ann)

    def later() -> None:
        time.sleep(0.3)
        factories.job(ann).cancel()
        connection.close()

    thread = threading.Thread(target=later)
    thread.start()
    deliver()
    thread.join()
    assert quick.received[0].at < slow.received[0].at + 0.9


def test_an_answer_410_switches_it_off(hook, receiver, ann):
    receiver.status = 410
    ended(ann)
    deliver()
    hook.refresh_from_db()
    assert not hook.is_active and "410" in hook.paused_reason
    assert delivery_of(hook).state == S.HELD
    ended(ann)
    assert hook.deliveries.count() == 1, "a paused webhook is told nothing new"


def test_a_week_of_failures_switches_it_off_with_a_mail(hook, receiver, ann, settings, mailoutbox):
    settings.EMAIL_URL = "smtp://mail.example.org"
    receiver.status = 500
    ended(ann)
    Webhook.objects.filter(pk=hook.pk).update(failing_since=timezone.now() - timedelta(days=6, hours=23))
    deliver()
    hook.refresh_from_db()
    assert hook.is_active and mailoutbox == []
    Webhook.objects.filter(pk=hook.pk).update(failing_since=timezone.now() - timedelta(days=7, minutes=1))
    due_now(delivery_of(hook))
    deliver()
    hook.refresh_from_db()
    assert not hook.is_active
    assert "failed for a week" in hook.paused_reason and "It answered 500." in hook.paused_reason
    (mail,) = mailoutbox
    assert mail.to == [ann.email] and hook.url in mail.body and "It answered 500." in mail.body
    assert "\n" not in mail.subject


@pytest.fixture
def switched_off(hook, settings) -> Webhook:
    settings.EMAIL_URL = "smtp://mail.example.org"
    webhooks.pause(hook, "It answered 410.")
    return hook


def mail_again(hook: Webhook) -> None:
    """Time for another try has come."""
    assert Webhook.objects.filter(pk=hook.pk, mail_at__gt=timezone.now()).update(mail_at=timezone.now())
    deliver()


@pytest.fixture
def mail_server(monkeypatch) -> list[str]:
    """Whom mails went to; while "away" is in it none goes."""
    sent: list[str] = []

    def send(self, message) -> None:
        if "away" in sent:
            raise SMTPServerDisconnected("Connection unexpectedly closed")
        sent.extend(message.to)

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", lambda s, all: send(s, *all))
    return sent


def test_the_mail_that_one_is_switched_off_waits_until_the_mail_server_is_back(switched_off, mail_server, ann):
    assert rung() == 1
    mail_server.append("away")
    deliver()
    django_rq.get_queue(outbox.QUEUE).empty()
    due_at = Webhook.objects.get().mail_at
    assert timedelta(minutes=9) < due_at - timezone.now() <= webhook_mail.PAUSE
    assert ScheduledJobRegistry(queue=django_rq.get_queue(outbox.QUEUE)).count == 1, "somebody is woken then"
    mail_server.clear()
    deliver()
    assert mail_server == [], "it is not tried before its time"
    mail_again(switched_off)
    assert mail_server == [ann.email] and Webhook.objects.get().mail_at is None


def test_the_mail_that_one_is_switched_off_is_given_up_after_some_tries(switched_off, mail_server):
    mail_server.append("away")
    deliver()
    for _ in range(webhook_mail.MOST_TRIES - 1):
        mail_again(switched_off)
    assert Webhook.objects.get().mail_at is None and Webhook.objects.get().mail_tries == webhook_mail.MOST_TRIES


def test_the_mail_of_a_worker_that_died_is_sent_by_the_next_one(switched_off, mail_server, ann):
    assert webhook_mail.claim(switched_off.pk) and webhook_mail.claim(switched_off.pk) is None
    mail_again(switched_off)
    assert mail_server == [ann.email]


def test_a_lost_wake_up_for_that_mail_is_repaired(switched_off):
    django_rq.get_queue(outbox.QUEUE).empty()
    reconcile.sweep()
    assert rung() == 1


def test_who_has_let_it_go_on_or_paused_it_is_told_nothing_by_mail(switched_off, mail_server):
    webhooks.resume(switched_off)
    webhooks.pause(switched_off)
    deliver()
    assert mail_server == []


def test_one_that_goes_on_is_told_what_was_held_back(hook, receiver, ann):
    ended(ann)
    webhooks.pause(hook)
    deliver()
    assert receiver.received == [] and delivery_of(hook).state == S.HELD
    assert webhooks.resume(hook) and not webhooks.resume(hook)
    deliver()
    assert receiver.kinds() == ["job.succeeded"]


def test_a_delivery_that_was_made_while_somebody_paused_is_held_back(hook, receiver, ann):
    ended(ann)
    Webhook.objects.filter(pk=hook.pk).update(paused_at=timezone.now())
    deliver()
    assert receiver.received == [] and delivery_of(hook).state == S.HELD


def test_a_secret_that_cannot_be_read_any_more_switches_it_off_and_says_why(hook, receiver, ann, settings):
    ended(ann)
    settings.SECRET_KEY = "another"
    deliver()
    hook.refresh_from_db()
    assert "SECRET_KEY has changed" in hook.paused_reason and receiver.received == []
    secret = webhooks.rotate(hook)
    webhooks.resume(hook)
    deliver()
    assert receiver.received[0].verified(secret)


# Addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/", "http://10.0.0.1/", "http://169.254.169.254/", "http://localhost/", "ftp://a.example/"],
)
def test_addresses_of_the_inside_are_refused_when_they_are_typed(ann, settings, url):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    with pytest.raises(InputError):
        webhooks.create(ann, url, ["job.failed"])


def test_an_address_that_leads_inside_by_now_is_not_asked(hook, receiver, ann, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    ended(ann)
    deliver()
    assert receiver.received == []
    assert "not on the public internet" in delivery_of(hook).last["error"]


# Secrets -------------------------------------------------------------------------------------------------------------


def test_the_secret_is_not_in_the_database(hook):
    row = Webhook.objects.get(pk=hook.pk)
    assert hook.told_secret.startswith("whsec_")
    assert hook.told_secret not in row.secret and hook.told_secret.removeprefix("whsec_") not in row.secret


def test_an_old_secret_signs_along_for_a_day(hook, receiver, ann):
    new = webhooks.rotate(hook)
    ended(ann)
    deliver()
    for secret in (hook.told_secret, new):
        assert receiver.received[0].verified(secret)
    Webhook.objects.filter(pk=hook.pk).update(old_secret_until=timezone.now() - timedelta(seconds=1))
    ended(ann)
    deliver()
    assert receiver.received[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(hook.told_secret)


def test_all_secrets_of_a_day_sign_along_as_nobody_knows_which_is_in_use(hook, receiver, ann):
    secrets = [hook.told_secret, webhooks.rotate(hook), webhooks.rotate(hook)]
    ended(ann)
    deliver()
    for secret in secrets:
        assert receiver.received[0].verified(secret)
    for _ in range(10):
        newest = webhooks.rotate(hook)
    ended(ann)
    deliver()
    assert receiver.received[1].verified(newest)
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1 + webhooks.MOST_ALONG


def test_a_secret_that_signs_no_more_does_not_come_back_with_the_next_change(hook, receiver, ann):
    second = webhooks.rotate(hook)
    Webhook.objects.filter(pk=hook.pk).update(old_secret_until=timezone.now() - timedelta(seconds=1))
    third = webhooks.rotate(hook)
    ended(ann)
    deliver()
    for secret in (second, third):
        assert receiver.received[0].verified(secret)
    with pytest.raises(WebhookVerificationError):
        receiver.received[0].verified(hook.told_secret)


# Again ---------------------------------------------------------------------------------------------------------------


def test_a_replay_tells_the_same_by_the_same_id(hook, receiver, ann):
    ended(ann)
    deliver()
    deliveries.replay(delivery_of(hook))
    deliver()
    first, second = receiver.received
    assert (first.event, first.body) == (second.event, second.body)
    assert len(delivery_of(hook).tries) == 2


def test_all_that_was_given_up_can_be_replayed_at_once(hook, receiver, ann, settings):
    settings.WEBHOOK_PAUSES = ()
    receiver.status = 500
    for _ in range(3):
        ended(ann)
    deliver()
    assert set(hook.deliveries.values_list("state", flat=True)) == {S.FAILED}
    receiver.status = 200
    assert deliveries.replay_failed(hook) == 3
    deliver()
    assert set(hook.deliveries.values_list("state", flat=True)) == {S.DELIVERED}


def test_a_paused_one_replays_nothing(hook, receiver, ann):
    ended(ann)
    webhooks.pause(hook)
    with pytest.raises(InputError):
        deliveries.replay(delivery_of(hook))
    with pytest.raises(InputError):
        deliveries.replay_failed(hook)


def test_a_test_is_sent_once_also_while_it_is_paused_and_says_nothing_of_its_health(hook, receiver):
    webhooks.pause(hook)
    receiver.status = 500
    deliveries.test(hook)
    deliver()
    delivery = delivery_of(hook)
    assert (delivery.state, receiver.kinds()) == (S.FAILED, ["webhook.test"])
    hook.refresh_from_db()
    assert hook.failing_since is None


# Waking --------------------------------------------------------------------------------------------------------------


def test_of_two_workers_one_delivers(hook, receiver, ann):
    receiver.seconds = 0.3
    ended(ann)
    threads = [threading.Thread(target=lambda: (deliver(), connection.close())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.received) == 1


def test_what_a_dead_worker_had_taken_is_due_again(hook, receiver, ann):
    ended(ann)
    taken = deliveries.claim(hook.pk)
    assert deliveries.claim(hook.pk) is None
    deliver()
    assert receiver.received == []
    due_now(taken)
    reconcile.sweep()
    assert rung()
    deliver()
    assert receiver.kinds() == ["job.succeeded"]


def test_rqs_scheduler_is_to_wake_somebody_for_the_next_one(hook, receiver, ann):
    receiver.status = 500
    for _ in range(2):
        ended(ann)
    deliver()
    queue = django_rq.get_queue(outbox.QUEUE)
    registry = ScheduledJobRegistry(queue=queue)
    (name,) = registry.get_job_ids()
    due_at = min(hook.deliveries.values_list("due_at", flat=True))
    assert abs((registry.get_scheduled_time(name) - due_at).total_seconds()) < 1.01
    assert queue.fetch_job(name).func_name == outbox.ENTRY


def test_a_lost_wake_up_is_repaired_and_a_paused_queue_is_left_alone(hook, receiver, ann):
    ended(ann)
    django_rq.get_queue(outbox.QUEUE).empty()
    queues.pause("hooks", by=None)
    reconcile.sweep()
    deliver()
    assert rung() == 0 and receiver.received == []
    queues.resume("hooks")
    reconcile.sweep()
    assert rung() == 1


def test_old_deliveries_are_forgotten(hook, ann):
    ended(ann)
    ended(ann)
    old, new = hook.deliveries.order_by("created_at")
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=30, minutes=1))
    Delivery.objects.filter(pk=new.pk).update(created_at=timezone.now() - timedelta(days=29))
    deliveries.sweep()
    assert list(hook.deliveries.all()) == [new]


def test_whoever_pauses_deletes_and_delivers_at_once_waits_for_nobody_forever(receive, ann, settings):
    """A database that found two waiting for each other would end one of them."""
    settings.WEBHOOK_PAUSES = (0,) * 50
    receiver = receive(status=500)
    hook = hooked(ann, receiver)
    for _ in range(5):
        ended(ann)
    wrong: list[BaseException] = []

    def press() -> None:
        try:
            for count in range(10):
                wait_for(lambda: len(receiver.received) > count, "another try")  # noqa: B023 called at once
                webhooks.pause(Webhook.objects.get(pk=hook.pk))
                webhooks.resume(Webhook.objects.get(pk=hook.pk))
            webhooks.delete(Webhook.objects.get(pk=hook.pk))
        except BaseException as error:  # noqa: BLE001 told below
            wrong.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=press)
    thread.start()
    while thread.is_alive():
        deliver()
    thread.join()
    deliver()
    assert wrong == [] and receiver.received and not Delivery.objects.exists()
