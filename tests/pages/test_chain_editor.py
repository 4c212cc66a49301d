"""Chains as they are made and changed on a page without scripts."""

import re

import pytest

from jobs import chain_form, storage
from jobs.models import Pipeline
from jobs.operations import registry
from jobs.services import pipelines, sent, shipped, steps
from tests import factories
from tests.chains.conftest import TRIM
from tests.pages.chain_editor import Editor, as_saved

pytestmark = pytest.mark.django_db


def test_podcast_is_made_from_nothing(editor, ann):
    editor.data["name"] = "My podcast"
    editor.press("add:clean-audio:")
    editor.press("add:silence-cut:s1")
    editor.data["s1-called"] = "Clean"
    editor.data["s2-called"] = "Cut"
    podcast = shipped.find("podcast").steps
    sent.fill(editor.data, "s2-p", podcast[1].kind, podcast[1].params)
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
    assert "What you had entered is still here" in again.page
