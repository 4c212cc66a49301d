"""The profile: a name, and how pages look and write times."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from jobs import preferences
from jobs.models import Account, Job
from jobs.services import figures
from tests import factories

pytestmark = pytest.mark.django_db
PAGE = "/account/"
NOON = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)


def save(client, **fields):
    return client.post(PAGE, {"name": "", "time_zone": "", "dates": "", "theme": "", **fields})


def test_the_account_page_shows_who_one_is_and_leads_to_what_can_be_changed(client, ann):
    page = client.get(PAGE).content.decode()
    assert "ann@example.org" in page
    for address in ("/accounts/email/", "/account/security/"):
        assert f'href="{address}"' in page
    assert 'href="/accounts/password/change/"' in client.get("/account/security/").content.decode()


def test_what_is_chosen_is_kept(client, ann):
    chosen = {"name": "Ann Example", "time_zone": "Europe/Vienna", "dates": "de", "theme": "dark"}
    assert save(client, **chosen).headers["Location"] == PAGE
    assert Account.objects.filter(pk=ann.pk, **chosen).exists()
    page = client.get(PAGE).content.decode()
    assert 'value="Ann Example"' in page
    for value in ("Europe/Vienna", "de"):
        assert re.search(rf'<option value="{value}" selected>', page)


@pytest.mark.parametrize(
    "fields",
    [{"name": "x" * 101}, {"time_zone": "Europe/Nowhere"}, {"time_zone": "../etc"}, {"dates": "tlh"}, {"theme": "red"}],
)
def test_what_cannot_be_used_is_said_and_changes_nothing(client, ann, fields):
    response = save(client, **{"name": "Ann", **fields})
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert Account.objects.filter(pk=ann.pk, name="", time_zone="", dates="", theme="").exists()
    assert "data-theme" not in response.content.decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_light_or_dark_is_in_the_page_from_its_first_byte(client, ann, theme):
    assert "data-theme" not in client.get(PAGE).content.decode()
    save(client, theme=theme)
    for address in ("/", "/queue/", PAGE, "/nothing/here", "/api/v1/docs", "/accounts/email/"):
        page = client.get(address).content.decode()
        assert f'<html lang="en" data-theme="{theme}">' in page, address
        if address != "/api/v1/docs":
            assert f'<meta name="color-scheme" content="{theme}">' in page
    assert "data-theme" not in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    ("zone", "dates", "written"),
    [
        ("", "", "1 July 2026, 12:00:05"),
        ("Europe/Vienna", "", "1 July 2026, 14:00:05"),
        ("America/New_York", "en", "July 1, 2026, 08:00:05"),
        ("Asia/Tokyo", "de", "1. Juli 2026, 21:00:05"),
        ("", "ja", "2026年7月1日, 12:00:05"),
    ],
)
def test_times_are_written_as_the_account_wants(client, ann, zone, dates, written):
    job = factories.job(ann, status=Job.Status.SUCCEEDED)
    Job.objects.update(created_at=NOON)
    save(client, time_zone=zone, dates=dates)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert f"<dd>{written}</dd>" in page
    assert "Attempts" in page, "the page itself stays English"


def test_one_account_s_choice_does_not_reach_the_next_request(client, ann):
    save(client, time_zone="Asia/Tokyo", dates="de")
    client.get("/queue/")
    assert timezone.get_current_timezone_name() == "UTC"
    eve = Client()
    eve.force_login(factories.account("eve@example.org"))
    video = factories.video(factories.account("eve@example.org"))
    type(video).objects.update(created_at=NOON)
    assert "1 July 2026, 12:00<" in eve.get(f"/videos/{video.pk}/").content.decode().replace("\n", "")


def test_the_hours_of_figures_are_those_of_who_asks(ann):
    """One right after the other, as what was worked out for the first is kept."""
    factories.job(ann, status=Job.Status.SUCCEEDED)
    for zone in ("Asia/Tokyo", "Pacific/Honolulu"):
        ann.time_zone = zone
        with preferences.of(ann):
            last = figures.kept(ann, figures.PERIODS["day"]).steps[-1].name
            assert last == timezone.localtime().strftime("%H:00")


def test_a_zone_that_the_system_has_forgotten_is_that_of_the_site(client, ann):
    Account.objects.update(time_zone="Europe/Nowhere", dates="de")
    assert client.get("/queue/").status_code == 200
    assert client.get(PAGE).status_code == 200


def test_a_letter_is_written_for_its_reader_and_then_nobody(ann):
    ann.time_zone, ann.dates = "Europe/Vienna", "fr"
    with preferences.of(ann):
        assert preferences.when(NOON) == "1 juillet 2026 14:00"
        assert preferences.day(NOON) == "1 juillet 2026"
    assert preferences.when(NOON) == "1 July 2026, 12:00"


def test_scripts_get_all_times_in_utc(client, ann):
    save(client, time_zone="Asia/Tokyo")
    factories.video(ann)
    told = client.get("/api/v1/videos").json()["items"][0]["created_at"]
    assert datetime.fromisoformat(told).utcoffset() == timedelta(0)


def test_every_language_and_zone_on_offer_can_be_used(ann):
    assert {"Europe/Vienna", "America/New_York", "UTC"} <= set(preferences.zones())
    for language in preferences.DATES:
        assert "2026" in preferences.example(language) or str(timezone.now().year) in preferences.example(language)
    for zone in preferences.zones():
        ann.time_zone = zone
        with preferences.of(ann):
            assert str(timezone.get_current_timezone()) == zone
