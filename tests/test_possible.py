"""What can be done with a recording, what of the rest is said, and what work would cost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Artifact, Job
from jobs.operations import registry
from jobs.services import expectation, parameters, possible, quotes, trash
from tests import factories
from tests.api import Api, error
from tests.processes import BASE_DIR

pytestmark = pytest.mark.django_db
EVERY = pytest.mark.parametrize("operation", registry.every(), ids=lambda operation: operation.slug)


def why_not(video):
    return {one.operation.slug: one.unfit.code if one.unfit else "" for one in possible.of(video.owner, video)}


def test_a_usual_recording_allows_all_that_needs_no_other_one():
    video = factories.video()
    refused = {slug: code for slug, code in why_not(video).items() if code}
    assert refused == {"join": "no_other", "swap-audio": "no_other"}
    factories.video(video.owner, title="From the recorder")
    assert not any(why_not(video).values())


def test_sound_alone_leaves_out_what_needs_a_picture():
    codes = why_not(factories.video(facts=factories.info(video=None)))
    assert {slug for slug, code in codes.items() if code == "no_video"} == {
        "convert",
        "preview",
        "thumbnails",
        "watermark",
    }


def test_a_silent_recording_leaves_out_what_needs_sound():
    codes = why_not(factories.video(facts=factories.info(audio=())))
    assert {slug for slug, code in codes.items() if code == "no_audio"} == {
        "clean-audio",
        "extract-audio",
        "silence-cut",
        "swap-audio",
        "transcribe",
    }


def test_a_short_recording_cannot_be_lined_up():
    video = factories.video(facts=factories.info(seconds=3))
    assert why_not(video)["swap-audio"] == "too_short"
    (said,) = [one.said for one in possible.of(video.owner, video) if one.operation.slug == "swap-audio"]
    assert said == "needs 8 s or more"


def test_nothing_can_be_done_with_what_is_lost_or_in_the_trash():
    lost, gone = factories.video(missing_since=timezone.now()), factories.video()
    trash.remove(gone)
    assert set(why_not(lost).values()) == {"missing_file"}
    asked = Api(gone.owner).get(f"/videos/{gone.pk}/operations").json()
    assert {item["why_not"]["code"] for item in asked["items"]} == {"in_trash"}


def test_a_missing_model_is_told_beside_what_works_without_it(settings):
    settings.WHISPER_MODEL = ""
    video = factories.video()
    (found,) = [one for one in possible.of(video.owner, video) if one.operation.slug == "transcribe"]
    assert found.unfit is None and found.said == "English only: no Whisper model here"


@EVERY
def test_every_kind_of_work_has_its_place_in_the_list(operation):
    assert operation.gist and operation.gist[-1] != "."
    assert operation.also_called
    assert f'id="{operation.icon}"' in (BASE_DIR / "static" / "icons.svg").read_text()
    assert set(operation.form_class.base_fields) - set(operation.folded), "something is in view"


def test_the_api_says_what_is_possible_and_why_not():
    video = factories.video(facts=factories.info(video=None))
    items = {item["slug"]: item for item in Api(video.owner).get(f"/videos/{video.pk}/operations").json()["items"]}
    assert items["trim"]["possible"] and items["trim"]["why_not"] is None and items["trim"]["group"] == "Cut"
    assert items["watermark"]["why_not"] == {"code": "no_video", "message": "needs a picture"}
    assert error(Api(factories.account("bob@example.org")).get(f"/videos/{video.pk}/operations")) == (404, "not_found")


# Quotes --------------------------------------------------------------------------------------------------------------


def quoted(video, slug, **raw):
    return quotes.of(video, slug, parameters.parse(slug, raw, video.info))


def done(video, *, seconds, size, **fields):
    """A trim that took so long and made so many bytes, learnt from."""
    params = parameters.parse("trim", {"start": 1}, video.info)
    load = expectation.fields(video.info, "trim", params)
    job = factories.job(video.owner, video=video, operation="trim", status=Job.Status.SUCCEEDED, **fields)
    Job.objects.filter(pk=job.pk).update(**load)
    job.refresh_from_db()
    job.finished_at = job.started_at + timedelta(seconds=seconds)
    expectation.learn(job)
    Artifact.objects.create(job=job, kind="video", name="a.mp4", key="x", size=size, media_type="video/mp4")


def test_what_was_never_done_is_said_to_be_unknown():
    quote = quoted(factories.video(), "trim", start=2)
    assert (quote.seconds, quote.bytes) == (None, None)
    assert str(quote) == "Not done here before: time and size not known yet, copies the picture but at both ends"


def test_time_and_size_follow_what_was_done():
    video = factories.video()
    for _ in range(4):
        done(video, seconds=60, size=900)
    all_but_one, half = quoted(video, "trim", start=1), quoted(video, "trim", start=5)
    assert 30 < all_but_one.seconds.likely < 120
    assert 600 < all_but_one.bytes <= 1000 and half.bytes < all_but_one.bytes
    assert str(all_but_one) == "About 50 s to 1 min, 900 bytes, copies the picture but at both ends"


@pytest.mark.parametrize(
    ("slug", "raw", "told"),
    [
        ("silence-cut", {}, "copies the picture but around the cuts"),
        ("silence-cut", {"render": "encode"}, ""),
        ("watermark", {"text": "A"}, "copies the sound"),
        ("watermark", {"text": "A", "end": 4}, "copies the sound, and the picture where the mark is not"),
        ("convert", {}, "copies everything"),
        ("convert", {"quality": "small"}, "copies the sound"),
        ("convert", {"target": "webm"}, ""),
        ("split", {"at": "keyframe"}, "copies everything"),
        ("extract-audio", {"format": "m4a"}, "copies the sound"),
        ("extract-audio", {"format": "mp3"}, ""),
        ("transcribe", {}, "copies picture and sound"),
        ("transcribe", {"burn": "on"}, "copies the sound"),
        ("clean-audio", {}, "copies the picture"),
    ],
)
def test_what_is_copied_follows_the_settings(slug, raw, told):
    assert quoted(factories.video(), slug, **raw).copies == told


def test_the_api_quotes_work_and_refuses_what_cannot_be_done():
    video = factories.video()
    ann = Api(video.owner)
    asked = ann.post(f"/videos/{video.pk}/quote", {"operation": "trim", "params": {"start": 2}})
    assert asked.json() == {"seconds": None, "bytes": None, "copies": "copies the picture but at both ends"}
    beyond = ann.post(f"/videos/{video.pk}/quote", {"operation": "trim", "params": {"start": 20}})
    assert error(beyond) == (422, "beyond_end")
    assert error(ann.post(f"/videos/{video.pk}/quote", {"operation": "nothing"})) == (422, "unknown_operation")
    assert not Job.objects.exists()
