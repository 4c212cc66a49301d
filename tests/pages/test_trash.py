"""What is removed by a button is gone at once and says how to undo that; the rest is on the page of the trash."""

import re

import pytest
from django.urls import reverse

from jobs.live import markup
from jobs.live.view import View
from jobs.models import Job, Removal, Run, Video
from jobs.services import trash
from tests import factories
from tests.pages.rows import HTMX, S, link

pytestmark = pytest.mark.django_db


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.content.decode()))


def undo_of(page):
    """The address that the button of the message posts to."""
    (address,) = re.findall(r'action="(/trash/[^"]+/restore/)"', page.content.decode())
    return address


@pytest.fixture
def things(ann):
    video = factories.video(ann, title="Talk")
    return {
        "video-delete": video,
        "job-remove": factories.job(ann, video=video, status=S.SUCCEEDED),
        "run-remove": Run.objects.create(owner=ann, video=video, name="Podcast", status=S.SUCCEEDED),
    }


CALLED = {"video-delete": "Talk", "job-remove": "Thumbnails of Talk", "run-remove": "Podcast of Talk"}


@pytest.mark.parametrize("name", CALLED)
def test_a_button_removes_at_once_and_says_how_to_undo_it(client, things, name):
    subject = things[name]
    page = client.post(reverse(name, args=[subject.pk]), follow=True)
    assert f"Removed “{CALLED[name]}”. Undo" in words(page)
    assert not type(subject).objects.filter(pk=subject.pk).exists()
    page = client.post(undo_of(page), follow=True)
    assert f"“{Removal(title=CALLED[name])}” is back." in words(page)
    assert type(subject).objects.get(pk=subject.pk) == subject


@pytest.mark.parametrize("name", ["job-remove", "run-remove"])
def test_a_page_that_is_open_gets_the_message_alone(client, things, name):
    answer = client.post(reverse(name, args=[things[name].pk]), **HTMX)
    assert 'hx-swap-oob="true"' in answer.content.decode()
    assert "<html" not in answer.content.decode()
    back = client.post(undo_of(answer), **HTMX)
    assert "is back." in words(back)
    assert type(things[name]).objects.filter(pk=things[name].pk).exists()


def test_a_page_of_what_was_removed_is_left(client, things):
    address = reverse("video-delete", args=[things["video-delete"].pk])
    assert client.post(address, **HTMX)["HX-Redirect"] == "/"


def test_work_under_way_is_stopped_only_by_who_says_so(client, ann, things):
    video = things["video-delete"]
    running = factories.job(ann, video=video, status=S.RUNNING)
    address = reverse("video-delete", args=[video.pk])
    asked = client.post(address, **HTMX)
    assert (asked["HX-Retarget"], asked["HX-Reswap"]) == ("#ask-body", "innerHTML")
    assert "1 of them is still under way and will be stopped." in words(asked)
    assert 'name="sure"' in asked.content.decode()
    assert Video.objects.filter(pk=video.pk).exists()
    client.post(address, {"sure": "yes"})
    assert not Video.objects.exists()
    assert Job.with_trash.get(pk=running.pk).status == S.CANCELLED


def test_without_a_trash_every_removal_asks(client, things, settings):
    settings.TRASH_DAYS = 0
    job = things["job-remove"]
    address = reverse("job-remove", args=[job.pk])
    assert "Remove for good" in words(client.post(address)) or "Remove it" in words(client.post(address))
    assert Job.objects.filter(pk=job.pk).exists()
    page = client.post(address, {"sure": "yes"}, follow=True)
    assert "Removed “Thumbnails of Talk”." in words(page)
    assert "Undo" not in words(page)
    assert not Job.with_trash.filter(pk=job.pk).exists()


def test_an_undo_that_comes_too_late_says_so(client, ann, things):
    removal = trash.remove(things["job-remove"])
    trash.purge(removal)
    assert client.post(reverse("trash-restore", args=[removal.pk])).status_code == 404
    inner, outer = trash.remove(things["run-remove"]), trash.remove(things["video-delete"])
    page = client.post(reverse("trash-restore", args=[inner.pk]), follow=True)
    assert "“Talk” is in the trash, too. Restore that first." in words(page)
    assert Removal.objects.filter(pk=outer.pk).exists()


# The page ------------------------------------------------------------------------------------------------------------


def test_the_page_lists_what_can_be_restored_and_when_it_goes(client, things):
    for thing in reversed(things.values()):
        trash.remove(thing)
    page = client.get(reverse("trash"))
    assert all(title in words(page) for title in CALLED.values())
    assert words(page).count("goes for good on") == 3
    assert "stays here for 7 days" in words(page)
    client.post(undo_of_first(page))
    assert Video.objects.exists()


def undo_of_first(page):
    return re.findall(r'action="(/trash/[^"]+/restore/)"', page.content.decode())[0]


def test_deleting_for_good_and_emptying_ask(client, things):
    job, run = trash.remove(things["job-remove"]), trash.remove(things["run-remove"])
    delete = reverse("trash-delete", args=[job.pk])
    assert "cannot be restored after that" in words(client.get(delete))
    assert Removal.objects.count() == 2
    assert "has been deleted for good" in words(client.post(delete, {"sure": "yes"}, follow=True))
    assert Removal.objects.get() == run
    assert "1 thing (0 bytes) cannot be restored" in words(client.get(reverse("trash-empty")))
    assert Removal.objects.exists()
    page = client.post(reverse("trash-empty"), {"sure": "yes"}, follow=True)
    assert "1 thing deleted for good." in words(page)
    assert "The trash is empty" in words(page)
    assert not Run.with_trash.exists()


def test_a_long_trash_has_pages(client, ann):
    for _ in range(51):
        trash.remove(factories.job(ann, status=S.FAILED))
    first = client.get(reverse("trash"))
    second = client.get(link(first.content.decode(), "next", "/trash/"))
    assert [words(page).count("goes for good") for page in (first, second)] == [50, 1]
    assert client.get(link(second.content.decode(), "prev", "/trash/")).headers["Location"] == "/trash/"


def test_the_menu_leads_there(client, ann):
    assert 'href="/trash/"' in client.get(reverse("queue")).content.decode()


@pytest.fixture
def gone(ann, things):
    """A recording in the trash, with a version of it and a job that went along."""
    video = things["video-delete"]
    trash.remove(video)
    return video


PAGE = {"HTTP_ACCEPT": "text/html"}


@pytest.mark.parametrize(
    ("method", "name", "fields"),
    [
        ("get", "video", {}),
        ("post", "video-run", {"operations": "thumbnails"}),
        ("post", "video-title", {"title": "A"}),
    ],
)
def test_all_addresses_of_a_recording_in_the_trash_say_so(client, gone, method, name, fields):
    page = getattr(client, method)(reverse(name, args=[gone.pk]), fields, **PAGE)
    assert page.status_code == 404
    assert "This recording is in the trash." in words(page)
    assert "Library" in words(page)
    back = client.post(undo_of(page), follow=True)
    assert "“Talk” is back." in words(back)
    assert Video.objects.filter(pk=gone.pk).exists()


@pytest.mark.parametrize(
    ("name", "fields", "kept"),
    [
        ("video-run", {"operations": "thumbnails", "thumbnails-mode": "even", "thumbnails-count": "17"}, 'value="17"'),
        ("video-title", {"title": "Tuesday"}, 'value="Tuesday"'),
    ],
)
def test_what_was_typed_into_its_form_is_there_again_after_the_way_back(client, gone, name, fields, kept):
    page = client.post(reverse(name, args=[gone.pk]), fields, **PAGE)
    client.post(undo_of(page))
    back = client.get(reverse("video", args=[gone.pk])).content.decode()
    assert kept in back
    assert "What you had entered is still here" in back
    assert kept not in client.get(reverse("video", args=[gone.pk])).content.decode(), "only once"


def test_what_went_along_leads_back_by_the_same_button(client, things, gone):
    page = client.get(reverse("job", args=[things["job-remove"].pk]), **PAGE)
    assert "This recording is in the trash." in words(page)
    assert undo_of(page) == reverse("trash-restore", args=[Removal.objects.get().pk])


def test_a_button_of_an_open_page_is_told_in_a_sentence(client, gone):
    answer = client.post(reverse("video-chain-add", args=[gone.pk]), {"operations": "trim"}, **HTMX)
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer.content.decode() == "This recording is in the trash. Undo that first."


def test_others_are_told_nothing_of_it(client, gone):
    client.logout()
    client.force_login(factories.account("eve@example.org"))
    page = client.get(reverse("video", args=[gone.pk]), **PAGE)
    assert page.status_code == 404
    assert "trash" not in words(page)


def test_an_open_page_of_it_is_told_and_asks_what_to_say(client, ann, things):
    video = things["video-delete"]
    view = View("video", video=str(video.pk))
    part = reverse("video-part", args=[video.pk, "gone"])
    assert markup.told_states(ann, view)["gone"] == ""
    assert "hidden" in client.get(part).content.decode()
    removal = trash.remove(video)
    state = markup.told_states(ann, view)["gone"]
    page = client.get(part).content.decode()
    assert state and f'data-state="{state}"' in page
    assert "This recording is in the trash." in page
    assert reverse("trash-restore", args=[removal.pk]) in page
    trash.purge(removal)
    assert markup.told_states(ann, view)["gone"] == "deleted"
    assert "This recording has been deleted." in client.get(part).content.decode()
