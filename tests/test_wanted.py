"""Which recordings the library shows: by what they are, what is done with them, their tags and words, in five orders,
read from indexes alone."""

from datetime import timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from jobs.keyset import Place
from jobs.models import Job, Run, Video
from jobs.services import shelf, tags, wanted
from jobs.services.wanted import SORTS, Wanted
from tests import factories, plans

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def ann():
    return factories.account()


def titles(owner, **fields) -> list[str]:
    return [video.title for video in shelf.shelf(owner, Wanted(**fields)).videos]


def crowd(owner, count: int) -> list[Video]:
    """Three in a row are of the same name, length and size; all at times of their own."""
    now = timezone.now()
    made = Video.objects.bulk_create(
        Video(
            owner=owner,
            title=f"Talk {number // 3}",
            name="x",
            key="x",
            sha256="0",
            details={},
            size=number // 3,
            duration_seconds=number // 3,
            kind="audio" if number % 4 else "video",
        )
        for number in range(count)
    )
    for number, video in enumerate(made):
        video.created_at = now - timedelta(seconds=number)
    Video.objects.bulk_update(made, ["created_at"])
    return made


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_shows_each_recording_once_and_goes_back_the_same_way(ann, sort):
    crowd(ann, 40)
    crowd(factories.account("eve@example.org"), 5)
    listing = shelf.listed(ann, Wanted(sort=sort))
    parts = [listing.part(7)]
    while parts[-1].older:
        parts.append(listing.part(7, listing.named(str(parts[-1].older))))
    rows = [row for part in parts for row in part.rows]
    assert len(rows) == len(set(rows)) == 40
    column = SORTS[sort][1].removeprefix("-")
    values = [getattr(row, column) for row in rows]
    assert values == sorted(values, reverse=SORTS[sort][1].startswith("-"))
    assert listing.part(7, listing.begin(parts[3].newer, 7)).rows == parts[2].rows
    assert listing.begin(parts[1].newer, 7) is None


@pytest.mark.parametrize("word", ["x", "W10", "A" * 900, str(Place("-size", 3, Video().pk))])
def test_what_is_no_place_in_this_order_leads_to_the_first_part(ann, word):
    factories.video(ann)
    assert shelf.listed(ann).shown(word, 5).newer is None


def test_recordings_are_told_apart_by_kind_length_and_when_they_came(ann):
    factories.video(ann, title="short", duration_seconds=599)
    factories.video(ann, title="medium", duration_seconds=600)
    factories.video(ann, title="long", duration_seconds=3600, facts=factories.info(video=None))
    Video.objects.filter(title="medium").update(created_at=timezone.now() - timedelta(days=8))
    assert titles(ann, kind="audio") == ["long"]
    assert [titles(ann, length=length) for length in wanted.LENGTHS] == [["short"], ["medium"], ["long"]]
    assert titles(ann, added="week") == ["long", "short"]
    assert titles(ann, added="month", kind="video") == ["short", "medium"]


def test_days_are_those_of_the_owner(ann):
    ann.time_zone = "Pacific/Auckland"
    ann.save()
    video = factories.video(ann, title="late")
    Video.objects.filter(pk=video.pk).update(created_at="2026-11-23T12:30:00Z")  # half past one on the 24th there
    assert titles(ann, since="2026-11-24", until="2026-11-24") == ["late"]
    assert titles(ann, until="2026-11-23") == titles(ann, since="2026-11-25") == []


def test_tags_leave_only_what_has_them_all_and_nothing_where_one_is_unknown(ann):
    both, one, _ = (factories.video(ann, title=title) for title in ("both", "one", "none"))
    tags.give(ann, [both, one], ["Talks"])
    tags.give(ann, [both], ["winter"])
    eve = factories.account("eve@example.org")
    tags.give(eve, [factories.video(eve)], ["hers"])
    assert titles(ann, tags=("TALKS",)) == ["one", "both"]
    assert titles(ann, tags=("Talks", "winter")) == ["both"]
    assert titles(ann, tags=("Talks", "hers")) == []
    many = ("Talks", *(f"tag {number}" for number in range(20)))
    assert [titles(ann, tags=Wanted.of({"tag": text}).tags) for text in ("x" * 41, ",".join(many))] == [[], []]


def test_words_are_found_in_names_files_and_tags_whatever_their_accents(ann):
    tagged = factories.video(ann, title="Übung 3", name="cam-0017.mov")
    factories.video(ann, title="Other")
    tags.give(ann, [tagged], ["Analysis II"])
    for q in ("übung", "UBUNG 3", "0017", "analysis", "ubung anal"):
        assert titles(ann, q=q) == ["Übung 3"], q
    assert titles(ann, q="ubung other") == []


def test_what_is_worked_on_and_what_failed_last_are_told_apart(ann):
    def made(title, *statuses):
        video = factories.video(ann, title=title)
        for at, status in enumerate(statuses):
            job = factories.job(ann, video=video, status=status)
            Job.objects.filter(pk=job.pk).update(active_at=timezone.now() + timedelta(seconds=at))
        return video

    made("new")
    made("failed", S.SUCCEEDED, S.FAILED)
    made("mended", S.FAILED, S.SUCCEEDED)
    made("tried again", S.FAILED, S.QUEUED)
    made("done", S.SUCCEEDED)
    chain = made("chain failed", S.SUCCEEDED)
    Run.objects.create(owner=ann, video=chain, name="x", status=S.FAILED, active_at=timezone.now() + timedelta(hours=1))
    made("given up", S.FAILED, S.CANCELLED)
    assert sorted(titles(ann, state="failed")) == ["chain failed", "failed"]
    assert titles(ann, state="working") == ["tried again"]
    shown = shelf.shelf(ann)
    assert (shown.working, shown.failed, shown.found, shown.total) == (1, 2, 7, 7)
    assert shelf.shelf(ann, Wanted(state="failed")).found == 2


def test_a_query_is_read_and_written_and_what_it_cannot_mean_is_left_out():
    query = "q=two+words&kind=audio&state=failed&tag=A%2Cb&since=2026-11-24&length=long&sort=name"
    found = Wanted.of(QueryDict(query))
    assert found.tags == ("A", "b")
    assert Wanted.of(QueryDict(found.query())) == found
    assert Wanted.of(QueryDict("tag=A&tag=b")).tags == ("A", "b")
    assert Wanted.of(QueryDict("kind=x&state=1&since=never&until=9999-99-99&length=&sort=size&added=1")) == wanted.EVERY
    assert (wanted.EVERY.query(), wanted.EVERY.is_all, Wanted(sort="name").is_all) == ("", True, True)
    assert Wanted(q="x" * 500).words == ["x" * 500]
    assert len(Wanted.of({"q": "x " * 500}).q) <= 200


def test_the_page_costs_the_same_whatever_is_on_it(ann, django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(shelf, "PAGE", 24)
    made = crowd(ann, 30)
    tags.give(ann, made, ["Talks"])
    with django_assert_max_num_queries(14):
        assert len(shelf.shelf(ann, Wanted(tags=("Talks",))).videos) == shelf.PAGE


CHOICES = [
    *(Wanted(sort=sort) for sort in SORTS),
    *(Wanted(sort=sort, tags=("Talks",)) for sort in SORTS),
    *(Wanted(state=state) for state in wanted.STATES),
    Wanted(kind="video", length="short", added="year", sort="largest"),
    Wanted(q="talk", sort="longest", state="failed", tags=("Talks",)),
]


@pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits
def test_nothing_that_can_be_wanted_is_sorted(ann):
    made = crowd(ann, 2000)
    crowd(factories.account("eve@example.org"), 500)
    tags.give(ann, made[::3], ["Talks"])
    Job.objects.bulk_create(
        Job(owner=ann, video=video, status=(S.FAILED, S.QUEUED)[place % 2], operation="trim", queue="fast")
        for place, video in enumerate(made[::5])
    )
    plans.analyze()
    for choice in CHOICES:
        listing = shelf.listed(ann, choice)
        older = listing.part(60).older  # of what stands before a few rows MariaDB may well sort these
        assert older, choice
        for read in (
            lambda listing=listing: listing.part(20),
            lambda listing=listing, older=older: listing.part(20, older),
            lambda listing=listing, older=older: listing.begin(older, 20),
        ):
            found = [
                one
                for one in plans.of(read, "jobs_video")
                if "FROM `jobs_video`" in one[0] or 'FROM "jobs_video"' in one[0]
            ]
            assert found
            assert not plans.sorting(found), choice
