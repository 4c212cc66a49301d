"""The page of figures: whose they are, and that it stays true."""

from xml.etree import ElementTree

import pytest

from jobs.live.view import View
from jobs.models import Account
from jobs.services import figures
from tests import factories
from tests.pages.rows import HTMX, S, artifact

pytestmark = pytest.mark.django_db
EVERYBODY = {"whose": "everybody"}


@pytest.fixture
def member(ann):
    """She is no operator, as the first account is."""
    Account.objects.filter(pk=ann.pk).update(is_staff=False, is_superuser=False)
    ann.refresh_from_db()
    return ann


def test_figures_are_the_owners_own(client, ann, eve):
    factories.job(ann, status=S.SUCCEEDED)
    artifact(factories.job(ann, status=S.FAILED), size=500)
    factories.job(eve, status=S.SUCCEEDED)
    page = client.get("/stats/")
    every = page.context["figures"].all
    assert (every.done, every.failed) == (1, 1)
    assert page.context["use"].count == 2
    assert page.context["use"].total == 2 * factories.info().size_bytes + 500
    assert "eve@example.org" not in page.content.decode()


def test_operators_see_those_of_everybody_and_who_has_how_much(client, ann, eve):
    factories.job(ann, status=S.SUCCEEDED)
    factories.job(eve, status=S.SUCCEEDED)
    page = client.get("/stats/", EVERYBODY)
    assert page.context["figures"].all.done == 2
    assert "eve@example.org" in page.content.decode()


def test_others_do_not(client, member, eve):
    factories.job(eve, status=S.SUCCEEDED)
    page = client.get("/stats/", EVERYBODY)
    assert page.context["figures"].all.done == 0
    assert "eve@example.org" not in page.content.decode()
    assert "Everybody" not in page.content.decode()
    assert 'view=stats&amp;period=day&amp;whose="' in page.content.decode()


@pytest.mark.parametrize("period", ["day", "month", "year", "", "nothing"])
def test_every_chart_is_valid_and_has_its_table(client, ann, period):
    factories.job(ann, status=S.SUCCEEDED, removed_seconds=90.0, operation="silence-cut")
    page = client.get("/stats/", {"period": period})
    for graph in page.context["graphs"]:
        root = ElementTree.fromstring(graph.drawing)
        assert root.find("title").text == graph.title
        assert root.find("desc").text.startswith("The last ")
        assert len(graph.table) == len(page.context["figures"].steps)
        assert not any("style" in element.attrib for element in root.iter())
    assert "style=" not in page.content.decode()


def test_an_account_without_work_is_shown_the_way(client, ann):
    assert "No work in the last 24 hours" in client.get("/stats/").content.decode()


def test_an_open_page_gets_the_figures_alone(client, ann):
    factories.job(ann, status=S.SUCCEEDED)
    part = client.get("/stats/", EVERYBODY, **HTMX).content.decode()
    assert part.lstrip().startswith('<section id="stats"')
    assert "</html>" not in part


def test_a_page_without_a_socket_is_told_of_a_change(client, ann, monkeypatch):
    monkeypatch.setattr(figures, "FRESH_SECONDS", 1_000_000)  # no minute that is over meanwhile
    known = client.get("/stats/").context["state"]
    asked = {"view": "stats", "state": known}
    assert "stats-state" not in client.get("/queue/rows/", asked).content.decode()
    factories.job(ann)
    assert "stats-state" in client.get("/queue/rows/", asked).content.decode()


def test_who_is_no_operator_is_told_nothing_of_everybody(client, member, eve):
    factories.job(eve)
    for view in ("stats", "operators"):
        asked = {"view": view, "whose": "everybody"}
        assert "-state" not in client.get("/queue/rows/", asked).content.decode()
        assert View.of(asked).allowed(member) == View()
