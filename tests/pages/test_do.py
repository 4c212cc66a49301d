"""“Do something” on a recording's page, as a browser without scripts shows it: forms, versions, presets, the chain."""

import html
import re

import pytest
from django.urls import reverse

from jobs.models import Artifact, Job, Preset, Run
from jobs.services import chain_drafts, pipelines, presets, versions
from tests import factories

pytestmark = pytest.mark.django_db
MARK = {"operations": "watermark", "watermark-text": "© Us"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def video(ann):
    return factories.video(ann)


def words(page):
    """What people read."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def shown(client, video, **query):
    return client.get(video.get_absolute_url(), query).content.decode()


def value_of(page, name):
    (found,) = re.findall(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)
    return found


def version_of(video, title="Tight cut"):
    job = factories.job(video.owner, video=video, operation="silence-cut", status=Job.Status.SUCCEEDED)
    made = Artifact.objects.create(job=job, kind="video", name=f"{title}.mp4", key="a/b.mp4", size=5)
    return factories.video(video.owner, pk=made.pk, artifact=made, origin=video, title=title)


# Forms ----------------------------------------------------------------------------------------------------------------


def test_each_entry_of_the_list_is_a_link_that_draws_its_form(client, video):
    page = shown(client, video, do="watermark")
    assert 'data-operation="watermark"' in page
    assert re.search(r'data-do="watermark"\s+aria-current="true"', page)
    assert 'data-operation="trim"' in shown(client, video)
    assert 'data-operation="trim"' in shown(client, video, do="nothing")


def test_a_page_with_scripts_asks_for_the_form_alone(client, video):
    address = reverse("video-do", args=[video.pk, "convert"])
    part = client.get(address, headers=HTMX).content.decode()
    assert part.lstrip().startswith("<form") and "<html" not in part
    assert client.get(reverse("video-do", args=[video.pk, "nothing"]), headers=HTMX).status_code == 404


def test_units_and_per_cents_stand_at_the_fields(client, video):
    mark = words(shown(client, video, do="watermark"))
    assert "From the side (px) px" in mark and "Size 20 %" in mark
    assert "Bit rate (kbit/s) kbit/s" in words(shown(client, video, do="extract-audio"))


def test_work_starts_on_the_chosen_version(client, video):
    version = version_of(video)
    assert f'<option value="{version.pk}" selected>' in shown(client, video, do="trim", on=version.pk)
    client.post(reverse("video-run", args=[video.pk]), {"operations": "trim", "trim-end": "2", "on": version.pk})
    job = Job.objects.get(operation="trim")
    assert (job.video, job.source) == (video, version)
    other = factories.video(video.owner)
    answer = client.post(reverse("video-run", args=[video.pk]), {"operations": "trim", "trim-end": "2", "on": other.pk})
    assert answer.status_code == 404


def test_a_form_that_is_not_right_comes_back_as_it_was_typed(client, video):
    sent = {**MARK, "watermark-fade": "long", "watermark-text": "Ours"}
    answer = client.post(reverse("video-run", args=[video.pk]), sent)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Ours" in page and value_of(page, "watermark-fade") == "long"
    assert re.search(r'<details class="more-settings" open', page), "what is wrong is in sight"


def test_what_it_would_take_follows_the_form(client, video):
    address = reverse("video-quote", args=[video.pk, "watermark"])
    told = client.get(address, MARK).content.decode()
    assert told == "Not done here before: time and size not known yet, copies the sound"
    assert client.get(address, {**MARK, "watermark-end": "4"}).content.decode().endswith("where the mark is not")
    assert client.get(address, {"operations": "watermark"}).content.decode() == "", "nothing to lay over yet"
    assert "copies the picture but at both ends" not in shown(client, video), "nothing is trimmed yet"


def test_of_a_lost_recording_nothing_can_be_done(client, ann):
    lost = factories.video(ann, missing_since="2026-01-01T00:00Z")
    page = shown(client, lost)
    assert "its file is missing" in page and 'id="do-form"' in page and "data-do=" not in page


# Presets --------------------------------------------------------------------------------------------------------------


def test_the_values_of_a_form_are_saved_under_a_name_and_fill_it_again(client, video):
    sent = {**MARK, "video": video.pk, "preset-name": "Our logo", "watermark-scale": "0.3"}
    leads_to = client.post(reverse("preset-save"), sent)["Location"]
    preset = Preset.objects.get()
    assert leads_to == f"/videos/{video.pk}/?do=watermark&preset={preset.pk}#do"
    page = shown(client, video, do="watermark", preset=preset.pk)
    assert value_of(page, "watermark-scale") == "0.3" and "© Us</textarea>" in page
    assert "Our logo" in words(shown(client, video, do="watermark")), "it is offered"
    assert "Our logo" not in words(shown(client, video, do="trim"))


def test_a_preset_is_renamed_changed_deleted_and_taken_back(client, video, ann):
    preset = presets.save(ann, "watermark", "Our logo", {"text": "Us"})
    base = {**MARK, "video": video.pk, "preset": preset.pk}
    client.post(reverse("preset-rename", args=[preset.pk]), {**base, "preset-name": "Their logo"})
    client.post(reverse("preset-save"), {**base, "as": "same"})
    preset.refresh_from_db()
    assert (preset.name, preset.params["text"]) == ("Their logo", "© Us")
    page = client.post(reverse("preset-delete", args=[preset.pk]), base, follow=True).content.decode()
    undo = html.unescape(re.search(r'action="(/presets/[^"]+/restore/[^"]*)"', page).group(1))
    assert not presets.of(ann)
    assert "“Their logo” is back." in client.post(undo, follow=True).content.decode()
    assert presets.of(ann) == [preset]


def test_a_form_is_kept_in_no_preset_but_one_of_its_kind(client, video, ann):
    other = presets.save(ann, "trim", "Ours", {"start": 1})
    for pk in (other.pk, "nonsense"):
        sent = {**MARK, "video": video.pk, "preset": pk, "as": "same"}
        assert client.post(reverse("preset-save"), sent).status_code == 404
    other.refresh_from_db()
    assert other.params["start"] == 1


def test_a_name_that_is_taken_is_refused_beside_what_was_typed(client, video, ann):
    presets.save(ann, "watermark", "Our logo", {"text": "Us"})
    answer = client.post(reverse("preset-save"), {**MARK, "video": video.pk, "preset-name": "Our logo"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "already" in page and "© Us</textarea>" in page


def test_an_upload_takes_the_values_of_a_preset(client, ann):
    preset = presets.save(ann, "trim", "From the second second", {"start": 2})
    sent = {"operations": "trim", "trim-preset": str(preset.pk)}
    page = client.post(reverse("submit"), {**sent, "url": "https://example.org/a.mp4"})
    assert page.status_code == 302
    (coming,) = ann.imports.all()
    assert coming.work["trim"]["start"] == 2


def test_a_preset_is_offered_where_recordings_arrive_and_runs_on_them(client, ann):
    preset = presets.save(ann, "trim", "From the second second", {"start": 2})
    slug = f"preset-{preset.pk}"
    page = client.get("/").content.decode()
    assert f'value="{slug}"' in page and "Trim, as you set it" in words(page)
    assert client.post(reverse("submit"), {"pipeline": slug, "url": "https://example.org/a.mp4"}).status_code == 302
    assert ann.imports.get().pipeline == slug
    assert pipelines.chain_of(pipelines.find(ann, slug))[0].params["start"] == 2
    assert pipelines.find(factories.account("bob@example.org"), slug) is None


# The chain ------------------------------------------------------------------------------------------------------------


def add(client, video, slug, **fields):
    sent = {"operations": slug, **{f"{slug}-{name}": value for name, value in fields.items()}}
    return client.post(reverse("video-chain-add", args=[video.pk]), sent)


def change(client, video, what, **fields):
    return client.post(reverse("video-chain-change", args=[video.pk]), {"change": what, **fields})


def links(video):
    return [(step.name, step.input) for step in chain_drafts.chain(video)]


def test_a_chain_is_put_together_step_by_step(client, video):
    assert add(client, video, "clean-audio")["Location"] == f"/videos/{video.pk}/?do=clean-audio#chain"
    add(client, video, "trim", end="4")
    add(client, video, "thumbnails")
    add(client, video, "extract-audio", format="mp3")
    assert links(video) == [
        ("Clean the audio", None),
        ("Trim", "Clean the audio"),
        ("Thumbnails", "Trim"),
        ("Extract the audio", "Trim"),
    ]
    page = words(shown(client, video))
    assert "4 steps, not done here before: time and size not known yet" in page
    assert "to 0:04" in page and "MP3" in page, "what is set is said in the steps"


def test_a_step_goes_where_it_is_wanted(client, video):
    add(client, video, "trim", end="4")
    for after in ("-", "Trim"):
        sent = {"operations": "convert", "after": after}
        client.post(reverse("video-chain-add", args=[video.pk]), sent)
    assert links(video) == [("Trim", None), ("Convert", None), ("Convert 2", "Trim")]


def test_a_step_is_changed_and_removed(client, video):
    add(client, video, "trim", end="4")
    add(client, video, "convert")
    assert value_of(shown(client, video, do="trim", step="Trim"), "trim-end") == "4.0"
    client.post(reverse("video-chain-add", args=[video.pk]), {"operations": "trim", "trim-end": "3", "step": "Trim"})
    assert chain_drafts.chain(video)[0].params["end"] == 3
    change(client, video, "remove:Trim")
    assert links(video) == [("Convert", None)]
    change(client, video, "clear")
    assert links(video) == []


def test_what_is_not_right_is_not_added(client, video):
    answer = add(client, video, "trim", end="soon")
    assert answer.status_code == 422 and value_of(answer.content.decode(), "trim-end") == "soon"
    assert links(video) == []
    add(client, video, "thumbnails")
    sent = {"operations": "convert", "after": "Thumbnails"}
    answer = client.post(reverse("video-chain-add", args=[video.pk]), sent, headers=HTMX)
    assert answer.status_code == 422 and answer["HX-Retarget"] == "#do-form"
    assert "makes no one video or audio file" in answer.content.decode()


def test_a_chain_is_saved_and_begun_with_again(client, video, ann):
    assert change(client, video, "save", name="Mine").status_code == 422, "it has no steps yet"
    add(client, video, "trim", end="4")
    change(client, video, "save", name="Mine")
    add(client, video, "convert")
    change(client, video, "save", name="Mine")
    saved = pipelines.find(ann, "mine")
    assert [step.name for step in pipelines.chain_of(saved)] == ["Trim", "Convert"]
    other = factories.video(ann)
    change(client, other, "load:mine")
    assert links(other) == links(video) and "Mine" in words(shown(client, other))
    assert change(client, other, "load:nothing").status_code == 422


def test_a_chain_runs_and_stays(client, video):
    assert change(client, video, "run").status_code == 422
    add(client, video, "trim", end="4")
    add(client, video, "convert")
    assert change(client, video, "run")["Location"] == f"/videos/{video.pk}/#jobs"
    run = Run.objects.get()
    assert (run.name, run.video, run.jobs.count()) == ("Trim → Convert", video, 2)
    assert links(video) == [("Trim", None), ("Convert", "Trim")]


def test_a_chain_on_a_version_is_one_of_its_own(client, video):
    version = version_of(video)
    add(client, version, "trim", end="4")
    assert links(video) == [] and links(versions.of(version.artifact)) == [("Trim", None)]
