"""Telling people that their work has ended: on an open page, by email, in a browser whose pages are closed.

Each is a row, written in the transaction of what it tells; what is to be sent is due by the row. `notice_mail` and
`push` send, in the worker that calls webhooks.
"""

import dataclasses
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Least, Now
from django.urls import reverse

from jobs import outcome
from jobs.models import Account, Job, Notice, NoticeChoice, NoticeTurn, PushBrowser, Run
from jobs.models.notice import NoticeQuerySet
from jobs.services import events, notice_times, outbox
from jobs.services.events import Event
from jobs.services.notice_times import Later

Kind, Channel = Notice.Kind, Notice.Channel
BY_DEFAULT = {(kind, Channel.PAGE) for kind in Kind}
"""Only what an open page says: it is asked for permission by the browser first."""
GATHERED = timedelta(seconds=60)
"""A mail waits for so long whether something else ends, and tells it too."""
GATHERED_AT_MOST = timedelta(minutes=10)
KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 500
MOST_AT_ONCE = 5
"""How many notices an open page shows at once; of more it shows a sum."""
COUNTED = 1000
"""Of more notices it is only told that there are more."""
OF_EVENT = {events.Kind.JOB_SUCCEEDED: Kind.DONE, events.Kind.JOB_FAILED: Kind.FAILED}
OF_RUN = {Job.Status.SUCCEEDED: Kind.DONE, Job.Status.FAILED: Kind.FAILED}


# Choosing ------------------------------------------------------------------------------------------------------------


def chosen(owner_id: int) -> set[tuple[str, str]]:
    """The kinds and ways that an account wants to be told by."""
    rows = NoticeChoice.objects.filter(owner=owner_id).values_list("kind", "channel", "wanted")
    found: set[tuple[str, str]] = set(BY_DEFAULT)
    for kind, channel, wanted in rows:
        (found.add if wanted else found.discard)((kind, channel))
    return found


def choose(owner: Account, wanted: Collection[tuple[str, str]], channels: Collection[str]) -> None:
    """Want these, and nothing else of these ways."""
    with transaction.atomic():
        for kind in Kind:
            for channel in channels:
                NoticeChoice.objects.update_or_create(
                    owner=owner, kind=kind, channel=channel, defaults={"wanted": (kind, channel) in wanted}
                )


# Noting --------------------------------------------------------------------------------------------------------------


@events.listener
def note(event: Event) -> None:
    """A notice of work that ended, and one more when with it all has."""
    found = _of_event(event)
    if found is None:
        return
    NoticeTurn.hold(event.owner)  # of two that end together, one has to see the other's end
    wanted, later = _heard(event.owner), notice_times.later(event.owner)
    made = [_made(event.owner, found.kind, wanted, later, found)]
    if not under_way(event.owner) and _are_several(event.owner):
        made.append(_made(event.owner, Kind.ALL_DONE, wanted, later))
    if any(notice.mail_at for notice in made):
        _gather(event.owner, later.mail)
    Notice.objects.bulk_create(made)
    if any(notice.push_at for notice in made):
        PushBrowser.objects.filter(owner=event.owner, due_at=None).update(due_at=later.push or Now())
    if any(notice.mail_at or notice.push_at for notice in made):
        transaction.on_commit(outbox.ring)


@dataclasses.dataclass(frozen=True)
class Ended:
    kind: str
    job: Job | None = None
    run: Run | None = None


def _of_event(event: Event) -> Ended | None:
    """What an event tells people. Of the steps of a chain nothing, but of the chain; nor of what they cancelled."""
    if event.kind in OF_EVENT:
        job = Job.objects.only("pk", "run").filter(pk=event.subject, run=None).first()
        return Ended(OF_EVENT[event.kind], job=job) if job else None
    if event.kind == events.Kind.PIPELINE_FINISHED:
        run = Run.objects.only("pk", "status").filter(pk=event.subject).first()
        kind = OF_RUN.get(Job.Status(run.status)) if run else None
        return Ended(kind, run=run) if kind else None
    return None


def _heard(owner: int) -> set[tuple[str, str]]:
    """What an account wants to be told; nothing where it is switched off."""
    return chosen(owner) if Account.objects.filter(pk=owner, is_active=True).exists() else set()


def _made(
    owner: int, kind: str, wanted: Collection[tuple[str, str]], later: Later, about: Ended | None = None
) -> Notice:
    by_mail = bool(settings.EMAIL_URL) and (kind, Channel.EMAIL) in wanted
    by_push = (kind, Channel.PUSH) in wanted and PushBrowser.objects.filter(owner=owner).exists()
    return Notice(
        owner_id=owner,
        kind=kind,
        job=about.job if about else None,
        run=about.run if about else None,
        created_at=Now(),
        mail_at=(later.mail or Now() + GATHERED) if by_mail else None,
        push_at=(later.push or Now()) if by_push else None,
    )


def under_way(owner: int) -> bool:
    """Whether anything of an account can still end by itself. What waits for a failed step does not."""
    jobs = Job.objects.filter(owner=owner, status__in=Job.ACTIVE)
    return jobs.filter(run=None).exists() or Run.objects.filter(owner=owner, status__in=Job.ACTIVE).exists()


def _are_several(owner: int) -> bool:
    """Whether the piece that just ended is not the only one since all was done: then one notice says it."""
    mine = Notice.objects.filter(owner=owner)
    last = mine.filter(kind=Kind.ALL_DONE).order_by("-pk").values_list("pk", flat=True).first() or 0
    return mine.filter(pk__gt=last).exists()


def _gather(owner: int, later: datetime | None) -> None:
    """Let mails that wait go with what has just ended: later, but for those that are due, or else after no longer than
    GATHERED_AT_MOST."""
    at_most = ExpressionWrapper(F("created_at") + GATHERED_AT_MOST, output_field=DateTimeField())
    waiting = Notice.objects.filter(owner=owner, mail_at__isnull=False, mail_tries=0)
    if later:
        waiting.filter(mail_at__gt=Now()).update(mail_at=later)
    else:
        waiting.update(mail_at=Least(at_most, Now() + GATHERED))


# Telling -------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Told:
    """A notice in words: a heading, a sentence, and the path of the page where one goes on."""

    title: str
    body: str
    path: str


def told(notice: Notice) -> Told | None:
    """None for what is not there any more, or lies in the trash."""
    subject = notice.job or notice.run
    if subject and (subject.removal_id or subject.video.removal_id):
        return None
    if notice.job:
        return _of_job(notice.job)
    if notice.run:
        return _of_run(notice.run)
    return Told("All is done", "Everything that you started has come to its end.", reverse("queue"))


def _of_job(job: Job) -> Told:
    what = f"{job.operation_title}: {job.video.title}"
    if job.status == Job.Status.FAILED:
        return Told(f"{what} failed", job.error_message, job.get_absolute_url())
    return Told(f"{what} is done", outcome.ending(job), job.get_absolute_url())


def _of_run(run: Run) -> Told:
    what = f"{run.name}: {run.video.title}"
    if run.status != Job.Status.FAILED:
        return Told(f"{what} is done", "All of its steps are done.", run.get_absolute_url())
    failed = run.jobs.without_logs().filter(status=Job.Status.FAILED).order_by("-finished_at").first()
    why = f"“{failed.step}”: {failed.error_message}" if failed else "A step failed."
    return Told(f"{what} failed", why, run.get_absolute_url())


def sum_of(kinds: Collection[str]) -> Told:
    """Many notices in one."""
    if len(kinds) > COUNTED:
        return Told(f"More than {COUNTED} pieces of work have ended", "Look at the queue.", reverse("queue"))
    done, failed = (sum(kind == one for kind in kinds) for one in (Kind.DONE, Kind.FAILED))
    parts = [f"{count} {word}" for count, word in ((done, "done"), (failed, "failed")) if count]
    body = "Everything that you started has come to its end." if Kind.ALL_DONE in kinds else "Look at the queue."
    return Told(", ".join(parts) or "All is done", body, reverse("queue"))


def since(owner: Account, last: int | None) -> tuple[int, list[tuple[int, Told]]]:
    """What an open page has not shown yet, each with its id, and the last id; with None for `last` only that."""
    mine = Notice.objects.of(owner)
    newest = mine.order_by("-pk").values_list("pk", flat=True).first() or 0
    if last is None or newest <= last:
        return newest, []
    if notice_times.later(owner.pk).push:
        return last, []  # it is told when the quiet hours are over, if the page is still open
    wanted = [kind for kind, channel in chosen(owner.pk) if channel == Channel.PAGE]
    found = mine.filter(pk__gt=last, pk__lte=newest, kind__in=wanted)
    return newest, gathered(found, MOST_AT_ONCE, newest)


def gathered(found: NoticeQuerySet, most: int, newest: int) -> list[tuple[int, Told]]:
    """At most so many notices in words, each with its id; of more, their sum with the newest.

    No more is read than that takes."""
    kinds = kinds_of(found)
    if len(kinds) > most:
        return [(newest, sum_of(kinds))]
    rows = found.present().with_subjects().order_by("pk")[: len(kinds)]
    return [(row.pk, words) for row in rows if (words := told(row))]


def kinds_of(found: NoticeQuerySet) -> list[str]:
    """The kind of each that can be told, of no more than one above COUNTED."""
    return list(found.present().order_by("-pk").values_list("kind", flat=True)[: COUNTED + 1])


def tag_of(number: int) -> str:
    """A browser shows one notice of a tag."""
    return f"notice-{number}"


def sweep() -> None:
    """One round of the reconciler: forget what is old."""
    old = Notice.objects.filter(created_at__lt=Now() - KEPT).order_by("created_at")
    if pks := list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        Notice.objects.filter(pk__in=pks).delete()
