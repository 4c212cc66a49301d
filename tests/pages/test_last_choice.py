"""The library offers again what was last done with recordings as they came."""

import base64
import re

import pytest
from django.test import Client
from django.urls import reverse

from jobs.models import Import, Scope
from jobs.services import last_choice, pipelines, tokens
from tests.pages.rows import HTMX

pytestmark = pytest.mark.django_db
URL = "https://example.org/talk.mp4"


def offered(client, query=""):
    """What the drop bar names, the value of the choice that is made in it, and the work that is ticked."""
    page = client.get(f"/{query}").content.decode()
    ticked = re.findall(r'name="operations"\s+value="([^"]+)"\s+checked', page)
    (chosen,) = re.findall(r'name="pipeline" value="([^"]*)" checked', page)
    return re.search(r'id="then"\s*>\s*([^<]*?)\s*<', page)[1], chosen, ticked


def send(client, **fields):
    assert client.post("/submit/", {"url": URL, **fields}).status_code == 302


def test_at_first_the_usual_work_is_ticked(client, ann):
    assert offered(client) == ("Cut the silence → Thumbnails", "", ["silence-cut", "thumbnails"])


def test_a_chain_is_offered_again_and_the_ticks_are_the_usual_ones(client, ann):
    send(client, pipeline="lecture", operations="convert")
    assert offered(client) == ("Lecture", "lecture", ["silence-cut", "thumbnails"])
    assert offered(client, "?chain=podcast")[1] == "podcast", "an address that names one goes before"


def test_ticks_come_back_with_their_settings_and_their_order(client, ann):
    fields = {"operations": ["thumbnails", "convert"], "order": "thumbnails,convert", "convert-target": "webm"}
    send(client, **fields, **{"thumbnails-count": "3", "trim-start": "never ticked"})
    assert offered(client)[1:] == ("", ["thumbnails", "convert"])
    page = client.get("/").content.decode()
    assert re.search(r'name="thumbnails-count"[^>]*value="3"|value="3"[^>]*name="thumbnails-count"', page)
    assert "never ticked" not in page
    assert 'value="thumbnails,convert"' in page


def test_nothing_is_a_choice_too(client, ann):
    send(client, pipeline="-", operations="convert")
    row = Import.objects.get()
    assert (row.work, row.pipeline) == ({}, "")
    assert offered(client)[:2] == ("Nothing yet", "-")


def test_what_the_script_sends_is_remembered_and_what_programs_send_is_not(client, ann):
    def upload(**headers):
        facts = {"filename": "talk.mp4", "work": "operations=transcribe&transcribe-engine=auto", "pipeline": ""}
        told = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in facts.items())
        headers |= {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": told}
        sender = Client() if "Authorization" in headers else client
        address = "/api/v1/uploads" if "Authorization" in headers else reverse("uploads")
        assert sender.post(address, headers=headers).status_code == 201

    _, secret = tokens.make(ann, "program", Scope.ALL, None)
    upload(Authorization=f"Bearer {secret}")
    assert offered(client)[2] == ["silence-cut", "thumbnails"]
    upload()
    assert offered(client)[1:] == ("", ["transcribe"])
    client.post("/imports/", {"url": URL, "pipeline": "podcast"}, **HTMX)
    assert offered(client)[1] == "podcast"


def test_a_choice_that_cannot_be_made_any_more_is_forgotten(client, ann):
    ann.last_choice = "operations=thumbnails&thumbnails-count=none"
    ann.save()
    assert offered(client) == ("Cut the silence → Thumbnails", "", ["silence-cut", "thumbnails"])
    ann.last_choice = "pipeline=gone"
    ann.save()
    assert offered(client)[1] == ""


def test_a_chain_for_all_uploads_is_offered_from_when_it_is_set(client, ann):
    send(client, pipeline="lecture")
    ann.refresh_from_db()
    pipelines.set_default(ann, "podcast")
    assert offered(client)[1] == "podcast"


def test_a_choice_that_is_too_long_is_not_kept(client, ann):
    send(client, operations="preview", **{"preview-title": "x" * 60, "preview-mark": "x" * last_choice.LONGEST})
    ann.refresh_from_db()
    assert ann.last_choice is None
