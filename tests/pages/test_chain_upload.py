"""Chains at an upload, by a form without scripts."""

import html
import re

import pytest

from jobs.models import Run, Video
from jobs.operations import registry
from jobs.services import pipelines, runs
from tests import media

pytestmark = pytest.mark.django_db


@pytest.fixture
def recording(tmp_path, inbox):
    return media.video(tmp_path / "talk.mp4", seconds=1)


def submit(client, recording, **data):
    with recording.open("rb") as file:
        return client.post("/submit/", {"file": file, **data})


def test_a_saved_chain_is_run_on_an_upload_by_the_plain_form(client, mine, ann, recording):
    wrong = {"operations": "thumbnails", "thumbnails-count": "x"}  # nobody asks for this any more
    assert submit(client, recording, pipeline="mine", **wrong)["Location"] == "/queue/"
    run = Run.objects.get()
    assert (run.slug, run.jobs.count()) == ("mine", 3)


def test_a_chain_that_is_gone_is_told_before_anything_is_kept(client, ann, recording):
    answer = submit(client, recording, pipeline="gone")
    assert (answer.status_code, "This chain is not there any more." in answer.content.decode()) == (422, True)
    assert not Video.objects.exists()


def test_ticks_run_as_one_chain_in_the_order_that_was_made_by_hand(client, ann, recording):
    ticks = {"operations": ["trim", "convert", "thumbnails"], "trim-start": "0.2"}
    submit(client, recording, **ticks, order="thumbnails,convert,trim,nothing,trim")
    run = Run.objects.get()
    assert [(step.operation, step.input) for step in runs.chain_of(run)] == [
        ("thumbnails", None),
        ("convert", None),
        ("trim", "Convert"),
    ]
    assert all("place" not in step.params for step in runs.chain_of(run))


def order_in(page: str) -> tuple[str, str]:
    line = re.search(r"Runs as one chain: (.*?)</p>", page)
    return html.unescape(line.group(1)) if line else "", re.search(r'name="order" value="(.*?)"', page).group(1)


def test_the_order_of_ticks_is_shown_and_changed(client, ann):
    ticks = {"operations": ["thumbnails", "silence-cut", "clean-audio", "swap-audio"], "thumbnails-count": "x"}
    usual = "Swap the audio → Clean the audio → Cut the silence → Thumbnails"
    assert order_in(client.post("/order/", ticks).content.decode()) == (usual, "")
    moved = client.post("/order/", {**ticks, "move": "later:clean-audio"}).content.decode()
    assert order_in(moved) == (
        "Swap the audio → Cut the silence → Clean the audio → Thumbnails",
        "swap-audio,silence-cut,clean-audio,thumbnails",
    )
    assert "Back to the usual order" in moved
    for move in ("sensible", "earlier:swap-audio", "later:thumbnails", "later:x", "x"):
        assert order_in(client.post("/order/", {**ticks, "move": move}).content.decode()) == (usual, "")
    assert order_in(client.post("/order/", {"operations": "trim"}).content.decode())[0] == ""


@pytest.mark.parametrize("slug", [one.slug for one in registry.every()])
def test_every_operation_has_a_place_before_it_is_set_up(client, ann, slug):
    other = "trim" if slug != "trim" else "convert"
    assert " → " in order_in(client.post("/order/", {"operations": [slug, other]}).content.decode())[0]


def test_the_default_chain_is_chosen_for_an_upload_unless_another_is_asked_for(client, mine, ann):
    def chosen(address: str) -> list[str]:
        page = client.get(address).content.decode()
        return re.findall(r'name="pipeline" value="([\w-]*)"\s+checked', page)

    assert chosen("/") == [""]
    pipelines.set_default(ann, "mine")
    assert chosen("/") == ["mine"]
    assert chosen("/?chain=podcast") == ["podcast"]
