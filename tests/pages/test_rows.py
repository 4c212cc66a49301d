"""What a row of the queue shows of a job in each state."""

import dataclasses
import re

import pytest
from django.urls import reverse
from django.utils.html import escape, strip_tags

from jobs.engine.model.mediainfo import MediaInfo
from jobs.errors import InputError
from jobs.models import Video
from jobs.services import lifecycle
from tests import factories
from tests.markup import squeezed
from tests.pages.rows import S, artifact, opened, row

pytestmark = pytest.mark.django_db


def test_a_row_begins_as_the_socket_expects():
    assert row(factories.job()).startswith("<article")


def test_a_running_row_shows_measured_progress_stage_and_time_left():
    markup = row(factories.job(status=S.RUNNING, progress=0.629, stage="Encoding around 214 cuts", eta_seconds=18))
    assert "Encoding around 214 cuts" in markup
    assert "63 %, 18 s left" in markup
    assert re.search(r'<progress[^>]* value="0.6290"', markup)
    assert "Cancel" in markup


def test_a_queued_row_shows_its_place_for_all_owners_alike(ann, eve):
    factories.job(eve)
    assert "2nd in line" in row(factories.job(ann))


def test_a_waiting_row_names_what_it_waits_for():
    first = factories.job(status=S.RUNNING, operation="silence-cut")
    second = factories.job(first.owner, status=S.WAITING)
    second.after.add(first)
    assert "for “Cut the silence”" in squeezed(row(second))


def test_a_failed_row_says_why_and_offers_another_try():
    markup = row(factories.job(status=S.FAILED, error_message="Too <b>quiet</b>. Choose another one."))
    assert "Too &lt;b&gt;quiet&lt;/b&gt;. Choose another one." in markup
    assert "Try again" in markup


def test_what_fails_every_time_offers_other_settings_instead_of_the_same_again():
    job = factories.job(status=S.RUNNING)
    job.fail(InputError("There is no sound above the threshold. Lower it."))
    markup = row(job)
    assert "Other settings" in markup
    assert "Try again" not in markup


def test_what_was_only_too_early_can_be_tried_again():
    first, second = factories.job(status=S.RUNNING), factories.job(status=S.WAITING)
    second.after.add(first)
    first.fail(InputError("There is no sound above the threshold. Lower it."))
    lifecycle.ended(first)
    second.refresh_from_db()
    assert second.error_code == "prerequisite_failed"
    assert "Try again" in squeezed(row(second))


def test_a_row_that_is_done_has_its_pictures_behind_their_number(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    made = [artifact(job, metadata={"seconds": 12}), artifact(job)]
    markup = row(job)
    assert "2 pictures" in markup
    assert "<img" not in markup
    assert f'href="{reverse("queue-zip")}?pk={job.pk}"' in markup
    markup = opened(client, job)
    for one in made:
        assert f'src="{reverse("artifact-file", args=[one.pk])}"' in markup
        assert f"{reverse('artifact-file', args=[one.pk])}?download" in markup


def test_a_row_that_is_done_plays_the_result_and_says_what_became_shorter(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    metadata = {"source_duration": 2544, "output_duration": 1865.2}
    cut = artifact(job, "video", name="cut.mp4", media_type="video/mp4", metadata=metadata)
    markup = row(job)
    assert "42:24 became 31:05" in strip_tags(markup)
    assert 'aria-label="Play Weekly review"' in markup
    assert f'href="/artifacts/{cut.pk}/file?download"' in markup
    assert "<video" not in markup
    assert re.search(rf'<video[^>]* src="/artifacts/{cut.pk}/file"', opened(client, job))


def test_what_was_checked_is_among_the_details(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    checked = "checked: 522 frames, 4 joins, drift 0 ms"
    artifact(job, "video", metadata={"source_duration": 42.4, "output_duration": 17.4, "checked": checked})
    text = " ".join(strip_tags(row(job)).split())
    assert "0:42 became 0:17" in text
    assert ", took" in text
    assert "522 frames" not in text
    assert "Checked: 522 frames, 4 joins, drift 0 ms." in client.get(job.get_absolute_url()).content.decode()


def test_what_was_left_out_is_said_beside_the_result(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    note = "Left out: the camera's telemetry (GoPro), an attached file (<b>.ttf)."
    artifact(job, "video", metadata={"source_duration": 42.4, "output_duration": 17.4, "notes": [note]})
    assert escape(note) in opened(client, job)
    assert "<b>.ttf" not in opened(client, job)


def test_sound_that_cannot_be_read_is_said_on_the_recording_s_page_and_by_the_api(client, ann):
    facts = dataclasses.replace(factories.info(audio=()), unread=("AC-4",))
    video = factories.video(ann, facts=facts)
    assert MediaInfo.from_json(facts.to_json()) == facts
    page = client.get(video.get_absolute_url()).content.decode()
    assert "<dt>Sound that cannot be read here</dt><dd>AC-4</dd>" in squeezed(page)
    assert client.get(f"/api/v1/videos/{video.pk}").json()["unread_audio"] == ["AC-4"]
    order = {"video": str(video.pk), "operation": "clean-audio", "params": {}}
    answer = client.post("/api/v1/jobs", order, content_type="application/json")
    assert answer.status_code == 422
    assert "needs sound, and this recording's cannot be read here (AC-4)" in answer.json()["error"]["message"]


@pytest.mark.parametrize("status", S.values)
def test_a_title_cannot_break_out_of_a_row(status):
    job = factories.job(status=status)
    Video.objects.update(title='<script>"x"</script>')
    job.refresh_from_db()
    assert "<script" not in row(job)
