"""Chains as they are made, changed and run on pages without scripts."""

import html
import json
import re

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict

from jobs import chain_form, storage
from jobs.models import Job, Pipeline, Run, Video
from jobs.operations import registry
from jobs.services import pipelines, runs, shipped, steps
from jobs.services.steps import Step, StepError
from tests import factories, media
from tests.api import Api
from tests.chains.conftest import MARK, STILLS, TRIM

pytestmark = pytest.mark.django_db


def fields(page: str) -> QueryDict:
    """What a browser would send of the editor: every field with the value that is shown."""
    form = re.search(r'<form[^>]*id="chain".*?</form>', page, re.DOTALL).group()
    data = QueryDict(mutable=True)
    for tag in re.finditer(
        r"<(input|select|textarea)\b([^>]*)>(.*?)(?=<(?:input|select|textarea)\b|\Z)", form, re.DOTALL
    ):
        kind, attributes, inside = tag.groups()
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        name, value = found.get("name"), html.unescape(found.get("value", ""))
        if not name or found.get("type") == "file":
            continue
        if kind == "select":
            chosen = re.search(r'<option value="([^"]*)"\s+selected', inside)
            value = html.unescape(chosen.group(1)) if chosen else ""
        elif kind == "textarea":
            value = html.unescape(inside.split("</textarea>")[0]).lstrip("\n")
        elif found.get("type") in ("checkbox", "radio"):
            if not re.search(r"\bchecked\b", attributes):
                continue
            value = found.get("value", "on")
        data.appendlist(name, value)
    data.pop("csrfmiddlewaretoken", None)
    return data


def as_saved(chain: list[Step]) -> list[Step]:
    """As it comes back from a row: JSON knows no tuples."""
    return steps.stored(json.loads(json.dumps([step.to_json() for step in chain])))


class Editor:
    """A browser without scripts at the editor."""

    def __init__(self, client, address="/chains/new"):
        self.client, self.address = client, address
        self.answer = client.get(address)
        self.data = fields(self.page)

    @property
    def page(self) -> str:
        return self.answer.content.decode()

    def press(self, do: str):
        data = self.data.copy()
        data["do"] = do
        self.answer = self.client.post(self.address.partition("?")[0], data.dict() | dict(data.lists()))
        if self.answer.status_code != 302:
            self.data = fields(self.page)
        return self

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Key, operation, and what it works on."""
        return [(key, self.data[f"{key}-operation"], self.data[f"{key}-input"]) for key in self.data.getlist("step")]


@pytest.fixture
def editor(client, ann):
    return Editor(client)


@pytest.fixture
def inbox():
    """The folder that the web process makes when it starts."""
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def mine(ann):
    return pipelines.save(ann, "Mine", [TRIM, MARK, STILLS])


# Making one ----------------------------------------------------------------------------------------------------------


def test_podcast_is_made_from_nothing(editor, ann):
    editor.data["name"] = "My podcast"
    editor.press("add:clean-audio:")
    editor.press("add:silence-cut:s1")
    editor.data["s1-called"] = "Clean"
    editor.data["s2-called"] = "Cut"
    podcast = shipped.find("podcast").steps
    chain_form.fill(editor.data, "s2", podcast[1].kind, podcast[1].params)
    editor.press("add:extract-audio:s2")
    editor.data["s3-called"] = "MP3"
    editor.data["s3-p-format"] = "mp3"
    editor.press("add:transcribe:s2")
    editor.data["s4-called"] = "Transcript"
    assert editor.press("save").answer["Location"] == "/chains/"
    made = Pipeline.objects.get(owner=ann)
    assert (made.slug, made.name) == ("my-podcast", "My podcast")
    assert pipelines.chain_of(made) == as_saved(podcast)


@pytest.mark.parametrize("slug", [one.slug for one in registry.every()])
def test_a_step_of_every_operation_is_shown_and_saved_again_as_it_was(client, ann, slug):
    """Its parameters go into the fields and come back the same."""
    other = factories.video(ann)
    storage.path(other.key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(other.key).touch()
    needs = {"join": {"recordings": [str(other.pk)] * 2}, "swap-audio": {"audio": str(other.pk)}}
    params = {**registry.get(slug).example, **needs.get(slug, {})}
    chain = steps.read([{"name": "One", "operation": slug, "params": params}])
    form = chain_form.ChainForm(chain_form.data_of("One", chain), ann, checked=True)
    assert form.errors == []
    assert steps.read(form.raw()) == chain


@pytest.mark.parametrize("chain", shipped.SHIPPED, ids=lambda chain: chain.slug)
def test_a_shipped_chain_is_copied_through_the_editor_unchanged(client, ann, chain):
    assert client.get(f"/chains/{chain.slug}/")["Location"] == f"/chains/new?from={chain.slug}"
    editor = Editor(client, f"/chains/new?from={chain.slug}")
    assert editor.data["name"] == f"{chain.name} (copy)"
    editor.press("save")
    assert pipelines.chain_of(Pipeline.objects.get()) == as_saved(chain.steps)


def test_what_was_typed_stays_when_steps_are_added_moved_and_removed(editor):
    editor.data["name"] = "Draft"
    editor.press("add:trim:")
    editor.data["s1-p-start"] = "0:0x"  # not right yet, and nobody says so
    editor.data["s1-called"] = "First"
    editor.press("add:convert:s1")
    assert 'class="errorlist"' not in editor.page
    editor.press("earlier:s2")
    assert editor.steps == [("s2", "convert", ""), ("s1", "trim", "s2")]
    editor.press("later:s2")
    assert editor.steps == [("s1", "trim", ""), ("s2", "convert", "s1")]
    assert (editor.data["name"], editor.data["s1-called"], editor.data["s1-p-start"]) == ("Draft", "First", "0:0x")
    editor.press("remove:s1")
    assert editor.steps == [("s2", "convert", "")]
    editor.data["s2-called"] = "Typed since"
    editor.press("undo")
    assert editor.steps == [("s1", "trim", ""), ("s2", "convert", "s1")]
    assert (editor.data["s1-p-start"], editor.data["s2-called"]) == ("0:0x", "Typed since")
    for _ in range(4):
        editor.press("undo")
    assert editor.steps == []
    assert re.search(r'id="undo"[^>]*disabled', editor.page)


def test_a_step_is_dropped_onto_another_or_in_between(client, mine):
    editor = Editor(client, "/chains/mine/")
    assert [source for _, _, source in editor.steps] == ["", "s1", "s2"]
    editor.press("attach:s3:")
    assert [source for _, _, source in editor.steps] == ["", "s1", ""]
    editor.press("insert:s3:s2")
    assert {key: source for key, _, source in editor.steps} == {"s1": "", "s3": "s1", "s2": "s3"}
    assert "“Mark” works on “Stills” now." not in editor.page
    assert "makes no one video or audio file" in editor.page  # of pictures nothing goes on


def test_only_operations_that_fit_are_offered_after_a_step(editor):
    editor.press("add:extract-audio:")
    assert 'value="add:transcribe:s1"' in editor.page
    assert 'value="add:watermark:s1"' not in editor.page
    assert 'value="add:watermark:"' in editor.page


def test_a_file_on_the_way_is_kept_by_choice(client, mine, ann):
    editor = Editor(client, "/chains/mine/")
    assert editor.page.count("Keep this file too") == 1  # Trim; of the converted one stills are made, which end it
    editor.data["s1-keep"] = "on"
    editor.press("save")
    mine.refresh_from_db()
    assert [step.keep for step in pipelines.chain_of(mine)] == [True, False, False]


def test_errors_are_told_beside_their_step_and_above_all(editor):
    editor.data["name"] = "Wrong"
    for add in ("trim:", "thumbnails:s1", "extract-audio:s1"):
        editor.press(f"add:{add}")
    editor.data["s1-p-start"] = "soon"
    editor.data["s2-p-count"] = "0"
    editor.press("save")
    assert editor.answer.status_code == 422
    assert not Pipeline.objects.exists()
    summary = re.search(r'id="chain-errors".*?</div>', editor.page, re.DOTALL).group()
    assert 'href="#step-s1">“Trim”, ' in summary
    assert 'href="#step-s2">“Thumbnails”, ' in summary
    assert "Extract" not in summary
    assert 'value="soon"' in editor.page
    assert re.search(r'id="step-s2"\s+open', editor.page)


def test_two_steps_of_one_name_and_no_name_are_told(editor):
    for _ in range(2):
        editor.press("add:thumbnails:")
    editor.data["s1-called"] = editor.data["s2-called"] = "Same"
    editor.data["name"] = "Twice"
    editor.press("save")
    assert "Two steps are called “Same”" in editor.page
    editor.data["s1-called"] = ""
    editor.data["name"] = " "
    editor.press("save")
    assert "A chain needs a name" in editor.page
    editor.data["name"] = "Fine"
    assert editor.press("save").answer.status_code == 302


def test_a_chain_without_steps_is_refused(editor):
    editor.data["name"] = "Nothing"
    assert "A chain needs one step at least" in editor.press("save").page


def test_thirty_steps_are_the_most(editor):
    for _ in range(31):
        editor.press("add:thumbnails:")
    assert len(editor.steps) == 30
    assert "as many steps as one can have" in editor.page


@pytest.mark.parametrize(
    "do",
    [
        "",
        "earlier:",
        "earlier:s9",
        "attach:s1:s7",
        "add:nothing:",
        "add:trim:s8",
        "insert:s1:",
        "remove",
        "undo",
        "later:s1:x",
        "x" * 999,
    ],
)
def test_buttons_that_nobody_has_change_nothing(editor, do):
    editor.press("add:trim:")
    was = editor.steps
    editor.data.setlist("before", [])
    assert editor.press(do or "nothing").answer.status_code == 200
    assert editor.steps == was


def test_fields_that_nobody_sends_do_no_harm(client, ann):
    for data in (
        {"step": ["s1", "s1", "../x", "s99999"], "s1-operation": "trim", "do": "later:s1"},
        {"step": "s1", "s1-operation": "no-such", "do": "save", "name": "x"},
        {
            "step": ["s1", "s2"],
            "s1-operation": "trim",
            "s2-operation": "trim",
            "s1-input": "s2",
            "s2-input": "s1",
            "do": "show",
        },
        {
            "step": ["s1", "s2"],
            "s1-operation": "trim",
            "s2-operation": "trim",
            "s1-input": "s2",
            "s2-input": "s1",
            "do": "save",
            "name": "x",
        },
        {"before": ["%%%", "step=s1&s1-operation=trim"], "do": "undo"},
        {"run": "no-uuid", "do": "run", "step": "s1", "s1-operation": "thumbnails"},
    ):
        assert client.post("/chains/new", data).status_code in (200, 404, 422), data
    assert not Pipeline.objects.exists()


def test_names_are_text_and_no_markup(client, ann):
    bad = "<script>alert(1)</script>"
    pipelines.save(ann, bad, [{**TRIM, "name": f"{bad}\"'"}])
    slug = Pipeline.objects.get().slug
    for address in ("/chains/", f"/chains/{slug}/", f"/chains/{slug}/run/", f"/chains/{slug}/delete/"):
        page = client.get(address).content.decode()
        assert bad not in page, address
        assert "&lt;script&gt;" in page, address


def test_who_was_signed_out_finds_the_chain_as_it_was_typed(client, ann):
    editor = Editor(client)
    editor.data["name"] = "Kept"
    editor.press("add:trim:")
    editor.data["s1-p-start"] = "0:07"
    client.logout()
    assert "/accounts/login/?next=/chains/new" in editor.press("save").answer["Location"]
    client.force_login(ann)
    again = Editor(client)
    assert (again.data["name"], again.data["s1-p-start"]) == ("Kept", "0:07")
    assert "You had been signed out" in again.page


# A list of them ------------------------------------------------------------------------------------------------------


def test_the_page_shows_own_and_shipped_chains_with_their_steps(client, mine):
    page = client.get("/chains/").content.decode()
    assert re.findall(r'<h2 id="chain-([\w-]+)">', page) == ["mine", "podcast", "lecture", "social-clip"]
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
    assert re.search(r'value="podcast"\s*>', page)
    assert re.search(r'value="mine"\s+disabled', page)
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


# At an upload --------------------------------------------------------------------------------------------------------


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
    chosen = re.compile(r'<option value="([\w-]*)"\s+selected')
    assert chosen.findall(client.get("/").content.decode())[:1] != ["mine"]
    pipelines.set_default(ann, "mine")
    assert chosen.search(client.get("/").content.decode()).group(1) == "mine"
    assert chosen.search(client.get("/?chain=podcast").content.decode()).group(1) == "podcast"
