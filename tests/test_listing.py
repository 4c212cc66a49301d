"""Long lists by parts: each row once and in its place, whatever comes meanwhile, and read by indexes alone."""

import itertools
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from jobs import keyset
from jobs.keyset import Part
from jobs.listing import Listing, Place
from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Job, Removal, Run, Video
from jobs.services import shelf, trash
from tests import factories, plans

pytestmark = pytest.mark.django_db
S = Job.Status
QUEUE = View("queue")


@pytest.fixture
def ann():
    return factories.account()


def crowd(owner, count: int, statuses=(S.SUCCEEDED, S.FAILED, S.CANCELLED, S.QUEUED)) -> Video:
    """Jobs and chains of each of these states in turn, always three of them of the same moment."""
    video, now = factories.video(owner), timezone.now()
    fields = {"owner": owner, "video": video}
    states = [(statuses[number % len(statuses)], now - timedelta(seconds=number // 3)) for number in range(count)]
    work = {"operation": "thumbnails", "queue": "fast"}
    Job.objects.bulk_create(Job(status=status, active_at=at, **work, **fields) for status, at in states[: count // 2])
    Run.objects.bulk_create(Run(status=status, active_at=at, name="x", **fields) for status, at in states[count // 2 :])
    return video


def every_part(listing: Listing, count: int) -> list[Part]:
    parts = [listing.part(count)]
    while parts[-1].older:
        parts.append(listing.part(count, parts[-1].older))
    return parts


@pytest.mark.parametrize("status", ["", "active", "waiting", "done", "failed", "cancelled"])
def test_going_back_shows_each_row_once_and_in_order(ann, status):
    crowd(ann, 60)
    crowd(factories.account("eve@example.org"), 5)
    found = [
        row for part in every_part(Listed(ann, View("queue", status=status)), 7 if status else 20) for row in part.rows
    ]
    wanted = {row.pk for model in (Job, Run) for row in model.objects.of(ann)}
    states = {"active": Job.ACTIVE, "waiting": (S.QUEUED,), "done": (S.SUCCEEDED,), "failed": (S.FAILED,)}
    states["cancelled"] = (S.CANCELLED,)
    assert all(row.status in states.get(status, S.values) for row in found)
    assert {row.pk for row in found} == {
        pk for pk in wanted if not status or pk in {row.pk for row in found}
    }  # nothing of anybody else's
    assert len(found) == len(set(found)) == (60 if not status else 15)
    ended = [row.active_at for row in found if not row.under_way]
    line = [row.active_at for row in found if row.under_way]
    assert ended == sorted(ended, reverse=True)
    assert line == sorted(line, reverse=status == "active")
    assert [row.under_way for row in found] == [1] * len(line) + [0] * len(ended)


def test_going_forth_leads_over_the_same_parts(ann):
    crowd(ann, 60)
    listing = Listed(ann, QUEUE)
    parts = every_part(listing, 7)
    for before, part in itertools.pairwise(parts[1:]):
        again = listing.part(7, listing.begin(part.newer, 7))
        assert again.rows == before.rows
    assert listing.begin(parts[1].newer, 7) is None


def test_an_older_part_holds_the_same_rows_after_others_have_come_and_gone(ann):
    crowd(ann, 60, [S.SUCCEEDED])
    listing = Listed(ann, QUEUE)
    first = listing.part(10)
    second = listing.part(10, first.older)
    for row in first.rows[:4]:
        row.delete()
    first.rows[-1].delete()  # the very one that the place was taken from
    for _ in range(3):
        factories.job(ann, status=S.SUCCEEDED)
    assert listing.part(10, first.older) == second


def test_a_moment_of_the_database_s_own_clock_is_a_place_like_any_other(ann):
    """SQLite writes whole milliseconds, with fewer digits than Django asks for them by."""
    jobs = [factories.job(ann, status=S.SUCCEEDED) for _ in range(9)]
    Job.objects.update(active_at=Now())
    Job.objects.filter(pk=jobs[0].pk).update(active_at=timezone.now().replace(microsecond=0) - timedelta(days=1))
    parts = every_part(Listed(ann, QUEUE), 2)
    assert sorted(row.pk for part in parts for row in part.rows) == sorted(job.pk for job in jobs)
    listing = Listed(ann, QUEUE)
    assert [listing.part(2, listing.begin(part.newer, 2)).rows for part in parts[2:]] == [
        part.rows for part in parts[1:-1]
    ]


@pytest.mark.parametrize(
    "text", ["", "x", "%", "W10", keyset.written(1, 2, 3), keyset.written(1, -2, 3, "x"), "A" * 999]
)
def test_what_is_no_place_leads_to_the_first_part(ann, text):
    factories.job(ann)
    assert Place.named(text) is None
    assert Listed(ann, QUEUE).shown(text, 5).newer is None


@pytest.mark.parametrize("numbers", [(-5, 0), (99, 0), (0, -1), (0, 99)])
def test_a_place_that_no_list_has_does_no_harm(ann, numbers):
    factories.job(ann)
    place = Place(numbers[0], timezone.now(), numbers[1], factories.job(ann).pk)
    assert Place.named(str(place)) == place
    assert Listed(ann, QUEUE).shown(str(place), 5).rows


@pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits
@pytest.mark.parametrize("status", ["", "active", "done", "failed", "cancelled"])
def test_no_part_of_the_queue_is_sorted(ann, status):
    every = (S.SUCCEEDED, S.FAILED, S.CANCELLED, S.QUEUED, S.RUNNING)  # MariaDB does sort where it counts on none
    crowd(ann, 3000, every)
    crowd(factories.account("eve@example.org"), 1000, every)
    plans.analyze()
    listing = Listed(ann, View("queue", status=status))
    first = listing.part(50)
    assert not plans.sorting(plans.of(lambda: listing.part(50)))
    assert not plans.sorting(plans.of(lambda: listing.part(50, first.older)))
    assert not plans.sorting(plans.of(lambda: listing.begin(first.older, 50)))


@pytest.mark.django_db(transaction=True)
def test_neither_the_jobs_of_a_recording_nor_the_library_nor_the_trash_are_sorted(ann):
    video = crowd(ann, 1500)
    crowd(ann, 1500)
    Video.objects.bulk_create(
        Video(owner=ann, title="x", name="x", key="x", size=1, sha256="0", kind="video", duration_seconds=1, details={})
        for _ in range(1500)
    )
    Removal.objects.bulk_create(Removal(owner=ann, kind="job", title="x") for _ in range(500))
    plans.analyze()
    for listing in (
        Listed(ann, View("video", video=str(video.pk))),
        shelf.listed(ann),
        Listing([[trash.listed(ann)]], "at"),
    ):
        older = listing.part(20).older
        assert older
        assert not plans.sorting(plans.of(lambda listing=listing: listing.part(20)))
        assert not plans.sorting(plans.of(lambda listing=listing, older=older: listing.part(20, older)))
