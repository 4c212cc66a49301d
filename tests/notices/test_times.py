"""Quiet hours, and one email a day: what is told waits, and then comes at once."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone

from jobs.models import Notice, NoticeTimes
from jobs.services import notice_mail, notice_times, notices, push
from tests import factories
from tests.notices.conftest import ended, make_due

pytestmark = pytest.mark.django_db
K, C = Notice.Kind, Notice.Channel
VIENNA = ZoneInfo("Europe/Vienna")
ALWAYS = {"is_quiet": True, "is_daily": False}


@pytest.fixture
def ann(settings):
    settings.EMAIL_URL = "smtp://localhost"
    account = factories.account("ann@example.org", time_zone="Europe/Vienna")
    notices.choose(account, {(K.DONE, C.EMAIL), (K.DONE, C.PAGE), (K.DONE, C.PUSH)}, list(C))
    return account


def quiet_around_now(owner):
    """Hours that have begun an hour ago and end in an hour."""
    here = timezone.now().astimezone(VIENNA)
    begun, over = ((here + timedelta(hours=hours)) for hours in (-1, 1))
    minutes = {"quiet_from": begun.hour * 60 + begun.minute, "quiet_to": over.hour * 60 + over.minute}
    notice_times.choose(owner, **ALWAYS, **minutes)


@pytest.mark.parametrize(
    ("at", "quiet", "daily", "push_at", "mail_at"),
    [
        ("12:00", (22, 7), False, None, None),
        ("23:30", (22, 7), False, "+1 07:00", "+1 07:00"),
        ("06:59", (22, 7), False, "07:00", "07:00"),
        ("07:00", (22, 7), False, None, None),
        ("13:00", (12, 14), False, "14:00", "14:00"),
        ("12:00", None, True, None, "+1 08:00"),
        ("03:00", None, True, None, "08:00"),
        ("03:00", (22, 9), True, "09:00", "09:00"),
    ],
)
def test_what_is_told_waits_for_the_end_of_the_hours_and_mail_for_the_morning(at, quiet, daily, push_at, mail_at):
    def instant(told):
        day, _, clock = told.rpartition(" ")
        hour, minute = map(int, clock.split(":"))
        return datetime(2026, 7, 1 + int(day or 0), hour, minute, tzinfo=VIENNA)

    begin, end = quiet or (0, 0)
    times = NoticeTimes(is_quiet=bool(quiet), quiet_from=begin * 60, quiet_to=end * 60, is_daily=daily)
    later = notice_times.at(times, instant(at))
    assert later == notice_times.Later(*(told and instant(told) for told in (push_at, mail_at)))


def test_an_hour_that_the_clocks_skip_or_repeat_is_that_of_the_place():
    night = datetime(2026, 3, 28, 23, 0, tzinfo=VIENNA)  # summer time begins while they last
    times = NoticeTimes(is_quiet=True, quiet_from=22 * 60, quiet_to=7 * 60)
    later = notice_times.at(times, night)
    assert (later.push.timestamp() - night.timestamp()) / 3600 == 7


def test_nothing_is_told_in_quiet_hours_and_all_of_it_afterwards(ann):
    quiet_around_now(ann)
    push.add(ann, {"endpoint": "https://push.example.org/1", "keys": {"p256dh": "B" * 87, "auth": "A" * 22}}, "", "")
    last, _ = notices.since(ann, None)
    ended(ann)
    ended(ann)
    assert notice_mail.due() == [] and push.due() == []
    assert notices.since(ann, last) == (last, [])
    waits = Notice.objects.filter(kind=K.DONE).values_list("mail_at", flat=True)
    assert all(timedelta(minutes=50) < at - timezone.now() < timedelta(minutes=61) for at in waits)
    notice_times.choose(ann, is_quiet=False, quiet_from=0, quiet_to=0, is_daily=False)
    assert len(notices.since(ann, last)[1]) == 2
    make_due()
    notice_mail.send_due(ann.pk)
    (letter,) = mail.outbox
    assert letter.body.count("is done") == 2


def test_what_is_due_is_not_put_off_to_the_next_day(ann):
    notice_times.choose(ann, is_quiet=False, quiet_from=0, quiet_to=0, is_daily=True)
    ended(ann)
    make_due()
    due = notice_mail.due()
    ended(ann)
    assert due and notice_mail.due() == due


def test_without_a_choice_nothing_waits(ann):
    ended(ann)
    assert Notice.objects.get().mail_at - timezone.now() < timedelta(minutes=2)


def test_the_page_keeps_the_hours_and_refuses_those_that_are_none(client, ann):
    client.force_login(ann)
    page, wanted = "/account/notices/", {"quiet": "on", "quiet_from": "21:30", "quiet_to": "06:15", "daily": "on"}
    client.post(page, wanted)
    row = NoticeTimes.objects.get(owner=ann)
    assert (row.is_quiet, row.quiet_from, row.quiet_to, row.is_daily) == (True, 21 * 60 + 30, 6 * 60 + 15, True)
    shown = client.get(page).content.decode()
    assert 'value="21:30"' in shown and "Europe/Vienna" in shown
    none = {**wanted, "quiet_to": "21:30"}
    refused = client.post(page, none)
    assert refused.status_code == 422 and "end at another time" in refused.content.decode()
    told = client.post(page, none, headers={"HX-Request": "true"})
    assert (told.status_code, told.headers["Content-Type"]) == (422, "text/plain; charset=utf-8")
    client.post(page, {})
    row.refresh_from_db()
    assert (row.is_quiet, row.quiet_from) == (False, 21 * 60 + 30), "times that are not sent stay"
