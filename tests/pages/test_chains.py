"""Chains in their list, at work on recordings, and whose they are, on pages without scripts."""

import html
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs.models import Job, Pipeline, Run
from jobs.services import pipelines, runs, steps
from jobs.services.steps import StepError
from tests import factories
from tests.api import Api
from tests.chains.conftest import MARK, STILLS, TRIM
from tests.pages.chain_editor import Editor, as_saved

pytestmark = pytest.mark.django_db


# A list of them ------------------------------------------------------------------------------------------------------


def test_the_page_shows_own_and_shipped_chains_with_their_steps(client, mine):
    page = client.get("/chains/").content.decode()
    assert re.findall(r'<h2 id="chain-([\w-]+)"', page) == ["mine", "podcast", "lecture", "social-clip"]
    assert "Cleaned, cut so that speech keeps its breath" in page
    assert 'href="/chains/mine/"' in page
    assert 'href="/chains/podcast/"' not in page


def test_a_chain_is_copied(client, mine, ann):
    assert client.post("/chains/podcast/copy/")["Location"] == "/chains/podcast-copy/"
    assert client.post("/chains/mine/copy/")["Location"] == "/chains/mine-copy/"
    assert pipelines.chain_of(pipelines.find(ann, "mine-copy")) == as_saved(pipelines.chain_of(mine))


def test_there_is_an_end_to_copies(client, mine, ann, monkeypatch):
    monkeypatch.setattr(pipelines, "MOST", 1)
    page = client.post("/chains/podcast/copy/", follow=True).content.decode()
    assert "You have 1 chains, and there cannot be more." in page
    assert [chain.slug for chain in pipelines.of(ann)][:2] == ["mine", "podcast"]


@pytest.fixture
def outdated(ann) -> Pipeline:
    """A chain in which an operation is that this install does not know any more."""
    fade = {"name": "Fade", "operation": "fade-out", "params": {"version": 1}, "input": "Trim", "keep": False}
    chain = [TRIM | {"params": {"version": 1, "start": 1.0}}, fade, MARK | {"input": "Fade", "params": {"version": 1}}]
    return Pipeline.objects.create(owner=ann, slug="old", name="Old", steps=chain)


GONE = "“Fade”: this kind of work is not offered any more. Take it out of the chain."


def test_a_chain_with_work_that_is_gone_is_shown_and_cannot_be_run(client, outdated, ann):
    page = client.get("/chains/").content.decode()
    assert GONE in page and "fade-out" in page
    assert 'href="/chains/old/run/"' not in page
    video = factories.video(ann)
    offered = client.get("/chains/old/run/").content.decode()
    assert GONE in offered and "Run it" not in offered
    assert GONE in client.get(video.get_absolute_url()).content.decode()
    for address, fields in (
        ("/chains/old/run/", {"video": video.pk}),
        (f"/videos/{video.pk}/chain/", {"chain": "old"}),
    ):
        refused = client.post(address, fields)
        assert (refused.status_code, GONE in refused.content.decode()) == (422, True)
    refused = Api(ann).post(f"/videos/{video.pk}/pipelines/old")
    assert refused.json()["error"]["detail"] == [{"field": "steps.1.operation", "message": GONE}]
    assert not Run.objects.exists()


def test_a_chain_with_work_that_is_gone_is_mended_in_the_editor(client, outdated):
    editor = Editor(client, "/chains/old/")
    assert [(operation, source) for _, operation, source in editor.steps] == [("trim", ""), ("convert", "s1")]
    assert editor.press("save").answer.status_code == 302
    outdated.refresh_from_db()
    assert [(step["name"], step["input"]) for step in outdated.steps] == [("Trim", None), ("Mark", "Trim")]


def test_a_chain_with_work_that_is_gone_runs_on_no_upload(outdated, ann):
    pipelines.set_default(ann, "old")
    assert pipelines.ordered(ann, None) == ""
    with pytest.raises(StepError, match="not offered any more"):
        pipelines.ordered(ann, "old")


def test_a_chain_is_deleted_after_asking(client, mine, ann):
    pipelines.set_default(ann, "mine")
    page = client.get("/chains/mine/delete/").content.decode()
    assert "Delete the chain “Mine”?" in page
    assert "Uploads will run nothing by themselves" in page
    assert Pipeline.objects.exists()
    assert client.post("/chains/mine/delete/")["Location"] == "/chains/"
    assert not Pipeline.objects.exists()
    ann.refresh_from_db()
    assert ann.default_pipeline == ""
    assert client.post("/chains/podcast/delete/").status_code == 404


def test_a_chain_runs_on_every_upload_until_told_otherwise(client, mine, ann):
    for slug in ("mine", "podcast"):
        client.post(f"/chains/{slug}/default/", {"default": "on"})
        ann.refresh_from_db()
        assert ann.default_pipeline == slug
        assert client.get("/chains/").content.decode().count("Runs on every upload<") == 1
    client.post("/chains/podcast/default/", {"default": "off"})
    ann.refresh_from_db()
    assert ann.default_pipeline == ""


def test_an_exported_chain_comes_in_again(client, mine, ann, inbox):
    answer = client.get("/chains/mine/export")
    assert answer["Content-Disposition"] == 'attachment; filename="mine.json"'
    assert set(json.loads(answer.content)) == {"name", "steps"}
    for sent in (
        {"json": answer.content.decode()},
        {"file": SimpleUploadedFile("mine.json", b"\xef\xbb\xbf" + answer.content)},
    ):
        assert client.post("/chains/import", sent).status_code == 302
    assert sorted(Pipeline.objects.values_list("slug", flat=True)) == ["mine", "mine-2", "mine-3"]
    assert pipelines.chain_of(pipelines.find(ann, "mine-3")) == as_saved(pipelines.chain_of(mine))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Choose a file, or paste a chain."),
        ("hello", "This is no JSON."),
        ("[" * 100_000, "This is no JSON."),
        ("[1]", "This JSON is no chain."),
        ("null", "This JSON is no chain."),
        ('{"name": 3, "steps": []}', "The name of a chain is a text."),
        ('{"name": "x", "steps": []}', "A chain needs one step at least."),
        ('{"name": "x", "steps": [3]}', "Step 1 is no object."),
        ('{"name": "x", "steps": [{"operation": ["trim"]}]}', "Step 1: “operation” has to be a text."),
        ('{"name": "x", "steps": [{"operation": "trim", "params": []}]}', "Step 1: “params” has to be an object."),
        ('{"name": "x", "steps": [{"operation": "trim", "colour": 1}]}', "Step 1: there is no field “colour”."),
        ('{"name": "x", "steps": [{"operation": "no"}]}', "Step 1: there is no operation “no”."),
        ('{"name": "x", "steps": [{"name": "T", "operation": "thumbnails", "params": {"count": "NaN"}}]}', "“T”, "),
        ('{"name": "x", "steps": [{"name": "T", "operation": "thumbnails", "params": {"count": {"a": 1}}}]}', "“T”, "),
        (
            '{"name": "x", "steps": [{"name": "T", "operation": "thumbnails", "params": {"size": 1}}]}',
            "no parameter “size”",
        ),
        (
            '{"name": "x", "steps": [{"operation": "trim", "params": {"start": 1}, "input": "gone"}]}',
            "there is no such step.",
        ),
        ('{"name": "' + "x" * 600_000 + '"}', "A chain has at most 512 KB."),
        (
            '{"steps": [' + '{"operation": "thumbnails"},' * 30 + '{"operation": "thumbnails"}]}',
            "A chain has 30 steps at most.",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_rubbish_is_refused_with_a_sentence(client, ann, text, sentence):
    answer = client.post("/chains/import", {"json": text})
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert sentence in page
    assert text[:1000].strip() in page or len(text) > 10_000
    assert not Pipeline.objects.exists()


def test_bytes_that_are_no_text_are_refused_with_a_sentence(client, ann, inbox):
    file = SimpleUploadedFile("chain.json", bytes(range(256)) * 100)
    assert "This is no JSON." in client.post("/chains/import", {"file": file}).content.decode()


# Running one ---------------------------------------------------------------------------------------------------------


def test_a_chain_is_run_on_a_chosen_recording(client, mine, ann):
    video = factories.video(ann)
    assert f'value="{video.pk}"' in client.get("/chains/mine/run/").content.decode()
    answer = client.post("/chains/mine/run/", {"video": str(video.pk)})
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}/"
    assert (run.video, run.slug, run.name, run.jobs.count()) == (video, "mine", "Mine", 3)


def test_what_does_not_fit_the_recording_is_told(client, mine, ann):
    sound = factories.video(ann, facts=factories.info(video=None))
    answer = client.post("/chains/mine/run/", {"video": str(sound.pk)})
    assert answer.status_code == 422
    assert "“Convert” needs a picture" in answer.content.decode()
    for pk in ("", "x", "7" * 32):
        assert (
            "This recording is not there any more." in client.post("/chains/mine/run/", {"video": pk}).content.decode()
        )
    assert not Run.objects.exists()


def test_a_run_is_run_again_with_changes(client, ann):
    video = factories.video(ann)
    run = runs.start(ann, video, steps.read([TRIM, MARK, STILLS]), "Three")
    editor = Editor(client, f"/chains/new?run={run.pk}")
    assert "Run on “Weekly review” now" in editor.page
    editor.data["s3-p-count"] = "2"
    answer = editor.press("run").answer
    again = Run.objects.exclude(pk=run.pk).get()
    assert answer["Location"] == f"/runs/{again.pk}/"
    assert again.video == video
    assert Job.objects.get(run=again, step="Stills").params["count"] == 2
    assert not Pipeline.objects.exists()


# Whose they are ------------------------------------------------------------------------------------------------------


def test_chains_of_others_are_not_there(client, mine, eve):
    run = runs.start(mine.owner, factories.video(mine.owner), steps.read([TRIM]), "Theirs")
    client.force_login(eve)
    assert "Mine" not in client.get("/chains/").content.decode()
    for address in (
        "/chains/mine/",
        "/chains/mine/export",
        "/chains/mine/run/",
        "/chains/new?from=mine",
        f"/chains/new?run={run.pk}",
    ):
        assert client.get(address).status_code == 404, address
    for address in (
        "/chains/mine/",
        "/chains/mine/copy/",
        "/chains/mine/delete/",
        "/chains/mine/default/",
        "/chains/mine/run/",
    ):
        assert client.post(address).status_code == 404, address
    sent = {"step": "s1", "s1-operation": "thumbnails", "run": str(run.pk), "do": "run"}
    assert client.post("/chains/new", sent).status_code == 404
    video = factories.video(mine.owner)
    assert "not there any more" in client.post("/chains/podcast/run/", {"video": str(video.pk)}).content.decode()
    assert Run.objects.count() == 1


# On the page of a recording ------------------------------------------------------------------------------------------


def test_a_recording_offers_chains_and_says_why_some_do_not_fit(client, mine, ann):
    sound = factories.video(ann, facts=factories.info(video=None))
    page = html.unescape(client.get(f"/videos/{sound.pk}/").content.decode())
    assert "Clean → Cut → MP3, Transcript" in page
    assert 'value="load:podcast"' in page
    assert 'value="load:mine"' not in page
    assert "“Mark”: “Convert” needs a picture" in page


def test_a_chain_is_run_from_the_page_of_a_recording(client, mine, ann):
    video = factories.video(ann)
    assert client.post(f"/videos/{video.pk}/chain/", {"chain": "mine"})["Location"] == f"/videos/{video.pk}/#jobs"
    assert Run.objects.get().slug == "mine"
    sound = factories.video(ann, facts=factories.info(video=None))
    for slug, sentence in (
        ("mine", "“Convert” needs a picture"),
        ("", "Choose a chain first."),
        ("x", "Choose a chain"),
    ):
        answer = client.post(f"/videos/{sound.pk}/chain/", {"chain": slug})
        assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert Run.objects.count() == 1


def test_a_chain_is_put_together_for_a_recording_and_run_without_a_name(client, ann):
    video = factories.video(ann)
    editor = Editor(client, f"/chains/new?video={video.pk}")
    editor.press("add:trim:").press("add:thumbnails:s1")
    editor.data["s1-p-start"] = "1"
    assert editor.press("run").answer.status_code == 302
    run = Run.objects.get()
    assert (run.video, run.name) == (video, "Trim → Thumbnails")


def test_operations_that_are_chosen_together_run_one_after_the_other_or_each_alone(client, ann):
    video = factories.video(ann)
    chosen = {"operations": ["thumbnails", "trim"], "trim-start": "1"}
    client.post(f"/videos/{video.pk}/run/", chosen)
    assert Run.objects.get().name == "Trim → Thumbnails"
    client.post(f"/videos/{video.pk}/run/", {**chosen, "how": "each", "trim-start": "2"})
    assert Job.objects.filter(run=None).count() == 2
