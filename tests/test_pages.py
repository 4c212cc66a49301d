import dataclasses
import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, strip_tags

from jobs.engine.model.mediainfo import MediaInfo
from jobs.errors import InputError
from jobs.live import markup, rows
from jobs.models import Artifact, Job, Video
from jobs.operations import registry
from jobs.services import jobs, parameters
from tests import factories, media
from tests.markup import squeezed

pytestmark = pytest.mark.django_db
S = Job.Status
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def ann(client):
    """Signed in."""
    account = factories.account("ann@example.org")
    client.force_login(account)
    return account


@pytest.fixture
def eve():
    return factories.account("eve@example.org")


def artifact(job, kind="image", **fields):
    values = {"name": "one.jpg", "key": "artifacts/none", "size": 5000, "media_type": "image/jpeg", "sha256": "0" * 64}
    return Artifact.objects.create(job=job, kind=kind, **{**values, **fields})


# Who sees what -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/queue/", "/queue/rows/", "/stats/"])
def test_nobody_gets_no_page(client, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", ["video", "video-delete", "job"])
def test_pages_of_others_do_not_exist(client, ann, eve, name):
    hers = factories.job(eve)
    pk = hers.pk if name == "job" else hers.video_id
    assert client.get(reverse(name, args=[pk])).status_code == 404


@pytest.mark.parametrize("name", ["video-delete", "video-run", "video-title", "job-cancel", "job-retry", "job-remove"])
def test_nobody_changes_what_belongs_to_others(client, ann, eve, name):
    hers = factories.job(eve, status=S.RUNNING)
    before = Job.objects.filter(pk=hers.pk).values().get()
    pk = hers.pk if name.startswith("job") else hers.video_id
    assert client.post(reverse(name, args=[pk]), {"title": "mine now"}).status_code == 404
    client.logout()
    assert client.post(reverse(name, args=[pk])).status_code == 302
    assert Job.objects.filter(pk=hers.pk).values().get() == before
    assert Video.objects.get(pk=hers.video_id).title == "Weekly review"
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["video-run", "video-title", "video-delete", "video-poster-back", "job-cancel", "job-retry", "job-remove"]
)
def test_looking_changes_nothing_and_leads_to_a_page(client, ann, name):
    job = factories.job(ann)
    before = Job.objects.values().get()
    pk = job.pk if name.startswith("job") else job.video_id
    assert client.get(reverse(name, args=[pk]), follow=True).status_code == 200
    assert Job.objects.values().get() == before


def test_looking_at_where_the_upload_form_goes_leads_to_the_library(client, ann):
    assert client.get("/submit/")["Location"] == "/"


# Who is signed out in the middle --------------------------------------------------------------------------------------


def sign_in_again(client, response):
    """Whoever was led to the sign-in by this answer signs in: the page they come back to."""
    assert response["Location"].startswith("/accounts/login/?next=")
    back = client.post(response["Location"], {"login": "ann@example.org", "password": "correct horse battery"})
    return client.get(back["Location"])


def test_settings_come_back_after_signing_in_again(client, ann):
    video = factories.video(ann)
    client.logout()
    values = {"operations": "thumbnails", "thumbnails-mode": "even", "thumbnails-count": "17"}
    page = sign_in_again(client, client.post(reverse("video-run", args=[video.pk]), values)).content.decode()
    assert 'value="17"' in page
    assert "What you had entered is still here" in page
    assert not Job.objects.exists()
    assert 'value="17"' not in client.get(video.get_absolute_url()).content.decode(), "only once"


def test_a_name_comes_back_after_signing_in_again(client, ann):
    video = factories.video(ann)
    client.logout()
    page = sign_in_again(client, client.post(reverse("video-title", args=[video.pk]), {"title": "Tuesday"}))
    assert 'value="Tuesday"' in page.content.decode()
    video.refresh_from_db()
    assert video.title == "Weekly review"


def test_the_upload_forms_settings_come_back_after_signing_in_again(client, ann):
    client.logout()
    values = {"operations": "silence-cut", "silence-cut-margin_before_ms": "345"}
    assert 'value="345"' in sign_in_again(client, client.post("/submit/", values)).content.decode()


def test_what_is_too_long_to_be_carried_is_left_behind(client, ann):
    video = factories.video(ann)
    client.logout()
    response = client.post(reverse("video-title", args=[video.pk]), {"title": "".join(map(chr, range(300, 9000)))})
    assert client.get(sign_in_again(client, response).request["PATH_INFO"]).status_code == 200
    assert "typed" not in response.cookies


def test_a_button_without_fields_has_nothing_to_bring_back(client, ann):
    video = factories.video(ann)
    client.logout()
    page = sign_in_again(client, client.post(reverse("video-poster-back", args=[video.pk])))
    assert page.request["PATH_INFO"] == video.get_absolute_url()
    assert "What you had entered" not in page.content.decode()


def test_what_somebody_made_up_is_not_filled_in(client, ann):
    video = factories.video(ann)
    client.cookies["typed"] = "WyIvIiwiIl0:1vPk:made-up"
    assert client.get(video.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("name", ["job-cancel", "job-remove", "job-retry"])
def test_a_page_that_is_still_open_is_told_and_not_replaced(client, ann, name):
    job = factories.job(ann)
    client.logout()
    response = client.post(reverse(name, args=[job.pk]), **HTMX)
    assert response.status_code == 401
    assert client.get("/", **HTMX).status_code == 401


def test_the_pages_ask_for_the_token_of_a_form(ann):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    job = factories.job(ann)
    assert strict.post(reverse("job-cancel", args=[job.pk])).status_code == 403
    job.refresh_from_db()
    assert job.status == S.QUEUED


# The library ---------------------------------------------------------------------------------------------------------


def test_an_empty_library_says_what_to_do(client, ann):
    assert "No recordings yet" in client.get("/").content.decode()


def test_the_library_shows_the_owners_recordings_only(client, ann, eve):
    factories.video(ann, title="Garden walk")
    factories.video(eve, title="Secret plan")
    page = client.get("/").content.decode()
    assert "Garden walk" in page
    assert "Secret plan" not in page
    assert "1 recording, " in page


@pytest.mark.each_database
def test_the_search_finds_all_words_in_name_or_file(client, ann):
    factories.video(ann, title="Weekly review", name="a.mp4")
    factories.video(ann, title="Weekly plan", name="review.mp4")
    factories.video(ann, title="Garden", name="b.mp4")
    page = client.get("/", {"q": "REVIEW weekly"}, **HTMX).content.decode()  # the shelf alone
    assert "Weekly review" in page
    assert "Weekly plan" in page
    assert "Garden" not in page
    assert "No recording is called that" in client.get("/", {"q": "nothing"}).content.decode()


def test_the_library_has_pages_which_keep_the_search(client, ann):
    for number in range(25):
        factories.video(ann, title=f"Talk {number}")
    page = client.get("/", {"q": "talk"}).content.decode()
    assert "Talk 24" in page
    assert "Talk 0<" not in page
    assert "?q=talk&amp;page=2" in page
    assert "Talk 0<" in client.get("/", {"q": "talk", "page": "2"}).content.decode()


def test_a_poster_shows_how_far_the_work_is(client, ann):
    factories.job(ann, status=S.RUNNING, progress=0.62)
    page = client.get("/").content.decode()
    assert 'value="0.6200"' in page
    assert "62 %" in page


def test_htmx_gets_the_recordings_alone(client, ann):
    page = client.get("/", **HTMX).content.decode()
    assert page.strip().startswith("<section")


def test_the_number_of_queries_does_not_grow_with_the_library(client, ann, django_assert_max_num_queries):
    for _ in range(8):
        factories.job(ann)
    with django_assert_max_num_queries(8):
        client.get("/")


# Addresses without mail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("email_url", ["", "smtp://localhost"], ids=["no mail", "mail"])
def test_confirming_is_spoken_of_only_where_letters_go_out(client, ann, settings, email_url):
    settings.EMAIL_URL = email_url
    client.post("/accounts/email/", {"action_add": "", "email": "second@example.org"})
    page = client.get("/accounts/email/").content.decode()
    assert "second@example.org" in page
    for words in ("Not confirmed", "Send the link again", "is on its way"):
        assert (words in page) == bool(email_url), words


# The form without JavaScript ------------------------------------------------------------------------------------------


@pytest.fixture
def inbox():
    """The folder that the web process makes when it starts."""
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def recording(tmp_path, inbox):
    return media.video(tmp_path / "garden-walk.mp4", seconds=1)


def test_the_plain_form_takes_recordings_and_the_work_on_them(client, ann, recording):
    with recording.open("rb") as file:
        response = client.post("/submit/", {"file": file, "operations": "thumbnails", "thumbnails-count": "2"})
    assert response.status_code == 302
    assert response["Location"] == "/queue/"
    video = Video.objects.get()
    assert (video.owner, video.title) == (ann, "garden walk")
    job = Job.objects.get()
    assert (job.video, job.operation, job.params["count"]) == (video, "thumbnails", 2)


def test_the_plain_form_takes_a_recording_again_only_when_told_to(client, ann, recording):
    for more, status in [({}, 302), ({}, 422), ({"duplicate": "allow"}, 302)]:
        with recording.open("rb") as file:
            response = client.post("/submit/", {"file": file, **more})
        assert response.status_code == status
        if status == 422:
            assert "already there as “garden walk”" in response.content.decode()
    assert Video.objects.count() == 2


def test_the_plain_form_without_work_leads_to_the_library(client, ann, recording):
    with recording.open("rb") as file:
        assert client.post("/submit/", {"file": file})["Location"] == "/"


def test_wrong_settings_are_told_and_nothing_is_kept(client, ann, recording):
    with recording.open("rb") as file:
        response = client.post(
            "/submit/", {"file": file, "operations": "silence-cut", "silence-cut-threshold_db": "loud"}
        )
    page = response.content.decode()
    assert response.status_code == 422
    assert "Write auto, or a level in dBFS" in page
    assert 'value="loud"' in page
    assert not Video.objects.exists()


def test_what_is_no_recording_is_refused_with_its_name(client, ann, tmp_path, inbox):
    file = tmp_path / "notes.mp4"
    file.write_text("not a recording at all\n" * 50)
    with file.open("rb") as opened:
        response = client.post("/submit/", {"file": opened})
    assert response.status_code == 422
    assert "notes.mp4: " in response.content.decode()
    assert not Video.objects.exists()
    assert [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()] == []


def test_a_form_without_a_file_says_so(client, ann):
    response = client.post("/submit/", {"operations": "thumbnails"})
    assert response.status_code == 422
    assert "Choose a recording first." in response.content.decode()


# A recording ---------------------------------------------------------------------------------------------------------


def test_the_page_of_a_recording_says_what_it_is(client, ann):
    video = factories.video(ann, title="Lecture 4")
    page = client.get(video.get_absolute_url()).content.decode()
    for fact in ("Lecture 4", "0:10, 160 by 90 at 25, H.264 and AAC, 1 KB", "stereo", "48000 Hz", "review.mp4"):
        assert fact in page


def test_an_audio_recording_gets_a_player_for_sound(client, ann):
    video = factories.video(ann, facts=factories.info(video=None))
    page = client.get(video.get_absolute_url()).content.decode()
    assert "<audio" in page
    assert "<video" not in page


def test_a_recording_can_be_renamed(client, ann):
    video = factories.video(ann)
    response = client.post(reverse("video-title", args=[video.pk]), {"title": "  Tuesday  "})
    assert response["Location"] == video.get_absolute_url()
    video.refresh_from_db()
    assert video.title == "Tuesday"
    assert client.post(reverse("video-title", args=[video.pk]), {"title": " "}).status_code == 422


def test_work_is_started_on_a_recording(client, ann):
    video = factories.video(ann)
    run = reverse("video-run", args=[video.pk])
    response = client.post(run, {"operations": "thumbnails", "thumbnails-count": "4"})
    assert response["Location"] == f"{video.get_absolute_url()}#jobs"
    job = Job.objects.get()
    assert (job.video, job.owner, job.params["count"]) == (video, ann, 4)


def test_wrong_settings_are_shown_where_they_were_typed(client, ann):
    video = factories.video(ann)
    run = reverse("video-run", args=[video.pk])
    response = client.post(run, {"operations": "silence-cut", "silence-cut-threshold_db": "loud"})
    assert response.status_code == 422
    assert 'value="loud"' in response.content.decode()
    assert not Job.objects.exists()


def test_work_that_the_recording_does_not_allow_is_refused(client, ann):
    video = factories.video(ann, facts=factories.info(audio=()))
    response = client.post(reverse("video-run", args=[video.pk]), {"operations": "silence-cut"})
    assert response.status_code == 422
    assert "no audio track" in response.content.decode()
    assert not Job.objects.exists()


NEEDS = {operation.slug: operation.accepts for operation in registry.every()}
ONLY_SOUND, ONLY_PICTURE = factories.info(video=None), factories.info(audio=())


@pytest.mark.parametrize(("facts", "needs"), [(ONLY_SOUND, "video"), (ONLY_PICTURE, "audio")], ids=["sound", "picture"])
def test_what_cannot_be_done_with_a_recording_is_not_offered(client, ann, facts, needs):
    page = client.get(factories.video(ann, facts=facts).get_absolute_url()).content.decode()
    offered = set(re.findall(r'name="operations" value="([^"]+)"', page))
    assert offered == {slug for slug, accepts in NEEDS.items() if accepts != needs}


def test_what_can_be_done_is_offered(client, ann):
    page = client.get(factories.video(ann).get_absolute_url()).content.decode()
    assert set(re.findall(r'name="operations" value="([^"]+)"', page)) == set(NEEDS)


@pytest.mark.parametrize("slug", [slug for slug, accepts in NEEDS.items() if accepts != "any"])
def test_what_is_not_offered_is_refused_with_its_reason_on_page_and_api(client, ann, slug):
    facts, lacks = (ONLY_SOUND, "needs a picture") if NEEDS[slug] == "video" else (ONLY_PICTURE, "needs sound")
    video, params = factories.video(ann, facts=facts), dict(registry.get(slug).example)
    typed = {f"{slug}-{name}": value for name, value in params.items()}
    response = client.post(reverse("video-run", args=[video.pk]), {"operations": slug, **typed})
    assert response.status_code == 422
    assert f"“{registry.title(slug)}” {lacks}" in response.content.decode()
    order = {"video": str(video.pk), "operation": slug, "params": params}
    answer = client.post("/api/v1/jobs", order, content_type="application/json")
    assert answer.status_code == 422
    assert lacks in answer.json()["error"]["message"]
    assert not Job.objects.exists()


def test_settings_that_need_a_picture_are_left_out_for_sound(client, ann):
    video = factories.video(ann, facts=ONLY_SOUND)
    page = client.get(video.get_absolute_url()).content.decode()
    assert 'name="trim-end"' in page
    assert 'name="trim-render"' not in page
    assert 'name="transcribe-burn"' not in page
    response = client.post(reverse("video-run", args=[video.pk]), {"operations": "trim", "trim-end": "2"})
    assert response.status_code == 302
    assert Job.objects.get().params["end"] == 2


def test_deleting_asks_first(client, ann):
    job = factories.job(ann)
    delete = reverse("video-delete", args=[job.video_id])
    page = client.get(delete).content.decode()
    assert "1 job with all results" in page
    assert "1 of them is still under way" in page
    assert Video.objects.exists()
    assert client.post(delete)["Location"] == "/"
    assert not Video.objects.exists()
    assert not Job.objects.exists()


# The queue -----------------------------------------------------------------------------------------------------------


def test_an_empty_queue_says_what_to_do(client, ann):
    assert "The queue is empty" in client.get("/queue/").content.decode()


def test_the_queue_shows_the_owners_jobs_only(client, ann, eve):
    mine, hers = factories.job(ann), factories.job(eve)
    page = client.get("/queue/").content.decode()
    assert f"job-{mine.pk}" in page
    assert str(hers.pk) not in page


@pytest.mark.each_database
def test_the_tabs_filter(client, ann):
    jobs = {status: factories.job(ann, status=status) for status in S.values}
    shown = {
        tab: {
            status
            for status, job in jobs.items()
            if f'id="job-{job.pk}"' in client.get(f"/queue/?status={tab}").content.decode()
        }
        for tab in ("", "active", "done", "failed", "nonsense")
    }
    assert shown == {
        "": set(S.values),
        "active": {S.WAITING, S.QUEUED, S.RUNNING},
        "done": {S.SUCCEEDED},
        "failed": {S.FAILED, S.CANCELLED},
        "nonsense": set(S.values),
    }


@pytest.mark.each_database
def test_older_jobs_are_on_further_pages(client, ann):
    video = factories.video(ann)
    for _ in range(rows.ROWS + 1):
        factories.job(ann, video=video, status=S.SUCCEEDED)
    first, second = (client.get(f"/queue/?page={number}").content.decode() for number in (1, 2))
    assert first.count("<article") == rows.ROWS
    assert second.count("<article") == 1
    assert "view=queue" in first
    assert "view=queue" not in second  # an old page does not fill up with new jobs


@pytest.mark.each_database
def test_the_number_of_queries_does_not_grow_with_the_queue(client, ann, django_assert_max_num_queries):
    for status in S.values:
        for _ in range(3):
            artifact(factories.job(ann, status=status))
    with django_assert_max_num_queries(20):
        client.get("/queue/")


def row(job):
    (shown,) = rows.of_view(job.owner, rows.View("job", job=str(job.pk)))
    return markup.render_row(shown)


def test_a_row_begins_as_the_socket_expects():
    assert row(factories.job()).startswith("<article")


def test_a_running_row_shows_measured_progress_stage_and_time_left():
    markup = row(factories.job(status=S.RUNNING, progress=0.629, stage="Encoding around 214 cuts", eta_seconds=18))
    assert "Encoding around 214 cuts" in markup
    assert "62 %, 18 s left" in markup
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
    jobs.ended(first)
    second.refresh_from_db()
    assert second.error_code == "prerequisite_failed"
    assert "Try again" in squeezed(row(second))


def test_a_row_that_is_done_shows_pictures_and_downloads():
    job = factories.job(status=S.SUCCEEDED)
    made = [artifact(job, metadata={"seconds": 12}), artifact(job)]
    markup = row(job)
    assert "2 pictures" in markup
    for one in made:
        assert f'src="{reverse("artifact-file", args=[one.pk])}"' in markup
        assert f"{reverse('artifact-file', args=[one.pk])}?download" in markup


def test_a_row_that_is_done_plays_the_result_and_says_what_became_shorter():
    job = factories.job(status=S.SUCCEEDED)
    metadata = {"source_duration": 2544, "output_duration": 1865.2}
    cut = artifact(job, "video", name="cut.mp4", media_type="video/mp4", metadata=metadata)
    markup = row(job)
    assert "42:24 became 31:05" in markup
    assert re.search(rf'<video[^>]* src="/artifacts/{cut.pk}/file"', markup)
    assert "Download" in markup


def test_a_row_that_is_done_says_what_was_checked():
    job = factories.job(status=S.SUCCEEDED)
    checked = "checked: 522 frames, 4 joins, drift 0 ms"
    artifact(job, "video", metadata={"source_duration": 42.4, "output_duration": 17.4, "checked": checked})
    text = " ".join(strip_tags(row(job)).split())
    assert "0:42 became 0:17, took" in text
    assert re.search(
        "<summary.*Checked.*</summary><p[^>]*>Checked: 522 frames, 4 joins, drift 0 ms.</p>", squeezed(row(job))
    )


def test_a_row_that_is_done_says_what_was_left_out():
    job = factories.job(status=S.SUCCEEDED)
    note = "Left out: the camera's telemetry (GoPro), an attached file (<b>.ttf)."
    artifact(job, "video", metadata={"source_duration": 42.4, "output_duration": 17.4, "notes": [note]})
    assert escape(note) in row(job)
    assert "<b>.ttf" not in row(job)


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


def test_the_rows_say_only_the_count_to_a_page_that_shows_them_already(client, ann):
    factories.job(ann)
    state = rows.state_of(rows.of_view(ann, rows.View("queue")))
    assert "<article" not in client.get("/queue/rows/", {"view": "queue", "state": state}).content.decode()
    other = squeezed(client.get("/queue/rows/", {"view": "queue", "state": "other"}).content.decode())
    assert '<section id="jobs" hx-swap-oob="true"' in other
    assert 'id="queue-count" hx-swap-oob="true"' in other


def test_the_rows_of_no_recording_are_not_found(client, ann):
    assert client.get("/queue/rows/", {"view": "video", "video": "none"}).status_code == 404


# What the buttons do -------------------------------------------------------------------------------------------------


def test_cancel_leads_back_to_the_page_it_was_on(client, ann):
    job = factories.job(ann)
    address = f"http://testserver{job.video.get_absolute_url()}"
    response = client.post(reverse("job-cancel", args=[job.pk]), HTTP_REFERER=address)
    assert response["Location"] == address
    job.refresh_from_db()
    assert job.status == S.CANCELLED


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/x/", "/jobs", "/jobs/7/cancel/", "/nothing/here", "//", ""])
def test_no_address_that_a_button_came_from_is_an_error(client, ann, path):
    job = factories.job(ann, status=S.FAILED)
    response = client.post(reverse("job-remove", args=[job.pk]), HTTP_REFERER=f"http://testserver{path}")
    assert response.status_code == 302
    assert not Job.objects.exists()


def test_no_button_leads_to_another_site(client, ann):
    job = factories.job(ann)
    response = client.post(reverse("job-cancel", args=[job.pk]), HTTP_REFERER="https://evil.example/")
    assert response["Location"] == "/queue/"


def test_htmx_gets_no_rows_and_asks_for_them(client, ann):
    job = factories.job(ann)
    page = client.post(reverse("job-cancel", args=[job.pk]), **HTMX).content.decode()
    assert 'id="messages"' in page
    assert "<p" not in page


def test_htmx_is_told_why_not(client, ann):
    job = factories.job(ann, status=S.RUNNING)
    page = client.post(reverse("job-retry", args=[job.pk]), **HTMX).content.decode()
    assert "still under way" in page
    assert "still under way" not in client.get(reverse("queue")).content.decode(), "said once"


def test_try_again_makes_a_new_job(client, ann):
    job = factories.job(ann, status=S.FAILED)
    client.post(reverse("job-retry", args=[job.pk]))
    assert Job.objects.get(retry_of=job).status == S.QUEUED


def test_remove_takes_the_job_away_and_leads_to_the_queue(client, ann):
    job = factories.job(ann, status=S.FAILED)
    own_page = f"http://testserver{job.get_absolute_url()}"
    assert client.post(reverse("job-remove", args=[job.pk]), HTTP_REFERER=own_page)["Location"] == "/queue/"
    assert not Job.objects.exists()


def test_removing_asks_first_and_says_what_goes(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    artifact(job)
    artifact(job)
    remove = reverse("job-remove", args=[job.pk])
    page = client.get(remove, HTTP_REFERER="http://testserver/queue/?status=done").content.decode()
    assert "“Thumbnails” of “Weekly review” and its 2 files (9.8 KB) will be gone for good." in page
    back = "http://testserver/queue/?status=done"
    assert f'name="back" value="{back}"' in page
    assert client.post(remove, {"back": back}, HTTP_REFERER=f"http://testserver{remove}")["Location"] == back
    assert not Job.objects.exists()


def test_only_work_that_has_run_for_long_is_asked_about(client, ann):
    just = factories.job(ann, status=S.RUNNING)
    long = factories.job(ann, status=S.RUNNING, started_at=timezone.now() - timedelta(minutes=5))
    assert f'hx-post="{reverse("job-cancel", args=[just.pk])}"' in row(just)
    assert f'hx-get="{reverse("job-cancel", args=[long.pk])}"' in row(long)
    assert "It has run for 5 min" in client.get(reverse("job-cancel", args=[long.pk])).content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "/jobs/7/remove/", "javascript:alert(1)"])
def test_a_question_leads_back_into_this_site_only(client, ann, back):
    job = factories.job(ann, status=S.FAILED)
    response = client.post(reverse("job-remove", args=[job.pk]), {"back": back})
    assert response["Location"] in ("/queue/", back if back.startswith("/") else "")


@pytest.mark.parametrize("name", ["job-remove", "job-retry"])
def test_a_job_under_way_is_neither_removed_nor_doubled(client, ann, name):
    job = factories.job(ann, status=S.RUNNING)
    page = client.post(reverse(name, args=[job.pk]), follow=True).content.decode()
    assert "still under way" in page
    assert Job.objects.count() == 1


# One job -------------------------------------------------------------------------------------------------------------


def test_the_page_of_a_job_says_its_settings_in_words(client, ann):
    params = parameters.as_json(parameters.parse("silence-cut", {"threshold_db": "-30", "keep": [[0, 2.5]]}))
    page = client.get(factories.job(ann, operation="silence-cut", params=params).get_absolute_url()).content.decode()
    assert "Silence is below" in page
    assert "-30" in page
    assert "0–2.5" in page
    assert "Version" not in page


def test_a_job_of_an_operation_that_is_gone_is_still_shown(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED, operation="fax", params={"page_count": 3})
    page = client.get(job.get_absolute_url()).content.decode()
    assert "fax" in page
    assert "Page count" in page
    assert client.get("/queue/").status_code == client.get("/stats/").status_code == 200


def test_only_operators_see_commands_and_their_output(client, ann):
    job = factories.job(ann, status=S.FAILED, command_log="ffmpeg -i x", log_tail="Broken pipe", error_detail="exit 1")
    for text in ("ffmpeg -i x", "Broken pipe", "exit 1"):
        type(ann).objects.update(is_staff=False)
        assert text not in client.get(job.get_absolute_url()).content.decode()
        type(ann).objects.update(is_staff=True)
        assert text in client.get(job.get_absolute_url()).content.decode()


@pytest.mark.each_database
def test_stats_count_the_owners_own(client, ann, eve):
    factories.job(ann, status=S.SUCCEEDED)
    factories.job(ann, status=S.FAILED)
    factories.job(eve, status=S.SUCCEEDED)
    page = client.get("/stats/")
    assert page.context["recordings"] == 2
    (work,) = page.context["operations"]
    assert (work["done"], work["failed"]) == (1, 1)


# All pages -----------------------------------------------------------------------------------------------------------


def test_the_bar_counts_jobs_on_every_page(client, ann):
    factories.job(ann, status=S.RUNNING, progress=0.4)
    factories.job(ann)
    for address in ("/", "/queue/", "/stats/", "/accounts/email/"):
        page = squeezed(client.get(address).content.decode())
        assert 'data-active="2" data-percent="40"' in page


ENTRANCE = [
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "account_inactive",
    "account_email_verification_sent",
]
MANAGE = ["account_email", "account_change_password", "account_logout", "account_reauthenticate"]


def looks_like_ours(response):
    page = response.content.decode()
    return response.status_code == 200 and "app.css" in page and 'class="card pad stack narrow"' in page


@pytest.mark.parametrize("name", ENTRANCE)
def test_pages_of_the_entrance_look_like_ours(client, name):
    assert looks_like_ours(client.get(reverse(name)))


@pytest.mark.parametrize("name", MANAGE)
def test_pages_of_the_account_look_like_ours(client, ann, name):
    assert looks_like_ours(client.get(reverse(name)))


def test_old_links_from_letters_look_like_ours(client):
    assert looks_like_ours(client.get(reverse("account_confirm_email", args=["old"])))
    assert looks_like_ours(client.get(reverse("account_reset_password_from_key", args=["1", "old-link"])))


def test_a_forgotten_password_is_chosen_anew_by_letter(client):
    factories.account("ann@example.org")
    client.post(reverse("account_reset_password"), {"email": "ann@example.org"})
    (letter,) = mail.outbox
    assert letter.subject == "Choose a new password"
    link = re.search(r"http://testserver(/\S+)", letter.body)[1]
    assert link in letter.alternatives[0].content
    form = client.get(link, follow=True)
    assert looks_like_ours(form)
    address = form.redirect_chain[-1][0]
    client.post(address, {"password1": "a new battery staple", "password2": "a new battery staple"})
    assert client.login(email="ann@example.org", password="a new battery staple")


def test_wrong_passwords_are_told_in_the_form(client):
    factories.account("ann@example.org")
    page = client.post(reverse("account_login"), {"login": "ann@example.org", "password": "wrong"}).content.decode()
    assert 'class="errorlist' in page
    assert 'value="ann@example.org"' in page


def test_what_is_not_there_has_a_page_of_its_own(client):
    response = client.get("/nothing/here")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_nothing_to_be_shown(name):
    assert "app.css" in render_to_string(f"{name}.html")


TEMPLATES = sorted(
    path
    for path in (settings.BASE_DIR / "templates").rglob("*.html")
    if path.parts[-2] != "email" and not {"admin", "ninja"} & {*path.parts}
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_keep_to_the_content_security_policy(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|javascript:|\son[a-z]+=", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nobody_is_shouted_at(path):
    words = re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", " ", path.read_text(), flags=re.DOTALL)
    assert "!" not in words
    assert "Oops" not in words


def test_a_job_that_is_not_there_is_not_found(client, ann):
    assert client.get(reverse("job", args=[uuid.uuid4()])).status_code == 404
