from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from jobs import storage
from jobs.errors import ToolError
from jobs.models import Account, Artifact, Job, Removal, Token, Upload, Video, Webhook
from jobs.services import part_files, trash, uploads
from tests import factories
from tests.accounts.entrance import PASSWORD

pytestmark = pytest.mark.django_db
S = Job.Status
MODELS = [Account, Artifact, Job, Removal, Token, Upload, Video, Webhook]


@pytest.fixture
def operator():
    return factories.account("root@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def admin_client(operator):
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def ann(operator):
    return factories.account("ann@example.org")


DAYS = {f"room-0-{name}_days": "0" for name in ("results", "originals", "caches")}
ROOM = {"room-TOTAL_FORMS": "1", "room-INITIAL_FORMS": "0", **DAYS}
"""What the part of an account's form about its room sends."""


def address(model, page="changelist", *args):
    return reverse(f"admin:jobs_{model._meta.model_name}_{page}", args=args)


def with_file(job, name="1.jpg"):
    artifact = Artifact.objects.create(
        job=job, kind="image", name=name, key=f"artifacts/{job.pk}/{name}", size=7, media_type="image/jpeg"
    )
    file = storage.path(artifact.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"picture")
    return artifact, file


def with_source(owner, **fields):
    video = factories.video(owner, **fields)
    video.key = f"videos/{video.pk}/source.mp4"
    video.save()
    file = storage.path(video.key)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"video")
    return video, file


def act(client, model, action, *objects, **extra):
    data = {"action": action, "_selected_action": [str(obj.pk) for obj in objects], **extra}
    return client.post(address(model), data, follow=True)


def delete(client, obj):
    return client.post(address(type(obj), "delete", obj.pk), {"post": "yes"}, follow=True)


# Getting in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin/", "/admin/jobs/job/", "/admin/django_rq/", "/admin/login/"])
def test_nobody_is_sent_to_the_sign_in_page_of_the_site(path):
    response = Client().get(path, follow=True)
    last = urlsplit(response.redirect_chain[-1][0])
    assert (last.path, response.status_code) == ("/accounts/login/", 200)
    assert parse_qs(last.query)["next"]


def test_the_admins_own_form_takes_no_passwords(operator):
    response = Client().post("/admin/login/", {"username": operator.email, "password": "correct horse battery"})
    assert (response.status_code, urlsplit(response.headers["Location"]).path) == (302, "/accounts/login/")


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/login/?next=/admin/jobs/job/"])
def test_others_are_refused(ann, path):
    client = Client()
    client.force_login(ann)
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/jobs/job/", "/admin/jobs/video/", "/admin/django_rq/"])
def test_others_see_nothing_of_it(ann, path):
    client = Client()
    client.force_login(ann)
    response = client.get(path)
    assert (response.status_code, response.content) == (302, b"")


def test_an_operator_is_led_onwards_but_never_away(admin_client):
    assert admin_client.get("/admin/login/?next=/admin/jobs/job/").headers["Location"] == "/admin/jobs/job/"
    assert admin_client.get("/admin/login/?next=https://evil.example/").headers["Location"] == "/admin/"


# Looking -------------------------------------------------------------------------------------------------------------


def test_the_first_page_links_everything_and_the_queues(admin_client):
    page = admin_client.get("/admin/").content.decode()
    for model in MODELS:
        assert f'href="{address(model)}"' in page
    assert 'href="/admin/django_rq/"' in page
    assert "videoservice" in page


def test_the_dashboard_of_the_queues_opens(admin_client):
    response = admin_client.get("/admin/django_rq/")
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in admin_client.get("/admin/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_every_list_and_row_opens_and_can_be_searched_and_filtered(admin_client, ann, model):
    job = factories.job(ann, status=S.FAILED, error_message="It broke.")
    with_file(job)
    Token.issue(ann, "laptop")
    uploads.begin(ann, name="talk.mp4", length=100)
    Webhook.objects.create(owner=ann, url="https://hooks.example.org/", events=["job.failed"])
    trash.remove(factories.job(ann, status=S.FAILED))
    obj = model.objects.order_by("pk").last()
    assert admin_client.get(address(model)).status_code == 200
    assert str(obj) in admin_client.get(address(model), {"q": "ann@example.org"}).content.decode()
    assert admin_client.get(address(model), {"q": "nobody knows"}).status_code == 200
    for spec in admin.site.get_model_admin(model).list_filter:
        name = spec[0] if isinstance(spec, tuple) else spec
        if isinstance(name, str) and "owner" in name:
            response = admin_client.get(address(model), {f"{name}__id__exact": ann.pk})
            assert response.status_code == 200
            assert str(obj) in response.content.decode()
    assert admin_client.get(address(model, "change", obj.pk)).status_code == 200
    assert admin_client.get(address(model, "delete", obj.pk)).status_code == 200


def test_jobs_are_filtered_by_state_operation_and_owner(admin_client, operator, ann):
    failed = factories.job(ann, status=S.FAILED, operation="silence-cut")
    queued = factories.job(operator)

    def shown(**query):
        return {row.pk for row in admin_client.get(address(Job), query).context["cl"].result_list}

    assert shown() == {failed.pk, queued.pk}
    assert shown(status__exact="failed") == {failed.pk}
    assert shown(operation="silence-cut") == {failed.pk}
    assert shown(owner__id__exact=operator.pk) == {queued.pk}
    assert shown(q=str(failed.pk)) == shown(q=failed.pk.hex) == {failed.pk}
    assert shown(q="root@example") == {queued.pk}


def test_a_job_shows_progress_error_commands_and_output(admin_client, ann):
    job = factories.job(ann, status=S.RUNNING)
    job.advance(1, 0.42, "Encoding around 5 cuts", 90.0)
    page = admin_client.get(address(Job)).content.decode()
    assert '<progress max="100" value="42"' in page
    error = ToolError("The encoder stopped. Try again.", detail="exit status 187")
    job.fail(error, 1, command_log="ffmpeg -i 'a b.mp4' <out>", log_tail="last words & more")
    page = admin_client.get(address(Job, "change", job.pk)).content.decode()
    for text in (
        "The encoder stopped",
        "exit status 187",
        "ffmpeg -i &#x27;a b.mp4&#x27; &lt;out&gt;",
        "last words &amp;",
    ):
        assert text in page
    assert "The encoder stopped" in admin_client.get(address(Job)).content.decode()


def test_long_lists_take_few_queries(admin_client, ann, django_assert_max_num_queries):
    video = factories.video(ann)
    for _ in range(15):
        with_file(factories.job(ann, video=video, status=S.SUCCEEDED))
    for model in (Job, Artifact, Video, Account):
        with django_assert_max_num_queries(20):
            assert admin_client.get(address(model)).status_code == 200


def test_nothing_is_written_inline(admin_client, ann):
    """The policy forbids it, so it would not work."""
    job = factories.job(ann, status=S.FAILED)
    with_file(job)
    pages = ["/admin/", "/admin/jobs/token/add/", "/admin/jobs/account/add/", address(Job, "change", job.pk)]
    for path in pages + [address(model) for model in MODELS]:
        page = admin_client.get(path).content.decode()
        assert " style=" not in page, path
        assert "<style" not in page, path
        assert " onclick=" not in page, path
        assert "<script>" not in page, path


# Jobs ----------------------------------------------------------------------------------------------------------------


def test_selected_jobs_are_cancelled_and_the_rest_is_told(admin_client, ann):
    queued, running, done = (factories.job(ann, status=status) for status in (S.QUEUED, S.RUNNING, S.SUCCEEDED))
    page = act(admin_client, Job, "cancel", queued, running, done).content.decode()
    assert set(Job.objects.values_list("status", flat=True)) == {"cancelled", "succeeded"}
    assert Job.objects.get(pk=done.pk).status == "succeeded"
    assert "2 jobs were cancelled." in page
    assert "1 job was left alone" in page


def test_selected_jobs_are_tried_again_unless_under_way(admin_client, ann):
    failed, running = factories.job(ann, status=S.FAILED), factories.job(ann, status=S.RUNNING)
    page = act(admin_client, Job, "retry", failed, running).content.decode()
    new = Job.objects.get(retry_of=failed)
    assert (new.status, new.owner) == ("queued", ann)
    assert "1 job was put in line again." in page
    assert "still under way" in page


def test_jobs_cannot_be_made_or_changed_here(admin_client, ann):
    job = factories.job(ann, status=S.FAILED)
    assert admin_client.get("/admin/jobs/job/add/").status_code == 403
    admin_client.post(address(Job, "change", job.pk), {"status": "succeeded", "operation": "silence-cut"})
    job.refresh_from_db()
    assert (job.status, job.operation) == ("failed", "thumbnails")


@pytest.mark.parametrize("status", [S.RUNNING, S.SUCCEEDED])
def test_a_deleted_job_takes_its_files(admin_client, ann, status):
    job = factories.job(ann, status=status)
    _, file = with_file(job)
    delete(admin_client, job)
    assert Job.objects.count() == Artifact.objects.count() == 0
    assert not file.exists()
    assert not file.parent.exists()


# Files ---------------------------------------------------------------------------------------------------------------


def test_selected_videos_are_deleted_with_all_files(admin_client, ann):
    video, source = with_source(ann)
    other, kept = with_source(ann)
    _, result = with_file(factories.job(ann, video=video, status=S.SUCCEEDED))
    act(admin_client, Video, "delete_selected", video, post="yes")
    assert list(Video.objects.all()) == [other]
    assert not source.exists()
    assert not result.exists()
    assert kept.exists()


def test_a_deleted_result_takes_its_file_and_leaves_the_job(admin_client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    artifact, file = with_file(job)
    _, other = with_file(job, "2.jpg")
    delete(admin_client, artifact)
    assert not file.exists()
    assert other.exists()
    assert Job.objects.get().artifacts.count() == 1


def test_a_deleted_upload_takes_its_part_file(admin_client, ann):
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    part = storage.upload_path(upload.pk)
    assert part.exists()
    delete(admin_client, upload)
    assert not part.exists()
    assert Upload.objects.count() == 0


def test_only_the_title_of_a_video_can_be_changed(admin_client, ann):
    video = factories.video(ann)
    admin_client.post(address(Video, "change", video.pk), {"title": "New", "sha256": "1" * 64, "key": "../etc"})
    changed = Video.objects.get()
    assert (changed.title, changed.sha256, changed.key) == ("New", video.sha256, video.key)


# Accounts ------------------------------------------------------------------------------------------------------------


def test_a_deleted_account_takes_everything_it_had(admin_client, ann):
    video, source = with_source(ann)
    _, result = with_file(factories.job(ann, video=video, status=S.SUCCEEDED))
    part = storage.upload_path(uploads.begin(ann, name="talk.mp4", length=100).pk)
    Token.issue(ann)
    delete(admin_client, ann)
    assert not Account.objects.filter(pk=ann.pk).exists()
    assert Video.objects.count() == Upload.objects.count() == Token.objects.count() == 0
    assert not any(file.exists() for file in (source, result, part))


def test_the_last_operator_stays(admin_client, operator):
    assert delete(admin_client, operator).status_code == 403
    page = act(admin_client, Account, "delete_selected", operator, post="yes").content.decode()
    assert "Successfully deleted" not in page
    data = {"email": operator.email, "is_active": "on", **ROOM}
    page = admin_client.post(address(Account, "change", operator.pk), data).content.decode()
    assert "This is the last operator" in page
    operator.refresh_from_db()
    assert operator.is_staff


def test_an_operator_makes_another_who_may_do_everything(admin_client, ann):
    data = {"email": ann.email, "is_active": "on", "is_staff": "on", **ROOM, "room-0-gigabytes": "1.5"}
    admin_client.post(address(Account, "change", ann.pk), data)
    assert (ann.room.gigabytes, ann.room.minutes) == (1.5, None)
    client = Client()
    client.force_login(ann)
    assert client.get(address(Job)).status_code == 200


def test_an_account_is_made_here(admin_client):
    data = {
        "email": "Carl@Example.org",
        "usable_password": "true",
        "password1": "long and odd 7",
        "password2": "long and odd 7",
    }
    admin_client.post("/admin/jobs/account/add/", data)
    carl = Account.objects.get(email="carl@example.org")
    assert carl.check_password("long and odd 7")
    assert not carl.is_staff
    assert "already" in admin_client.post("/admin/jobs/account/add/", data).content.decode()


# Tokens --------------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_works(admin_client, ann):
    asked = admin_client.post("/admin/jobs/token/add/", {"owner": ann.pk, "name": "stolen", "scope": "all"})
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/"), "nobody has shown lately who they are"
    assert not Token.objects.exists()
    admin_client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = admin_client.post("/admin/jobs/token/add/", {"owner": ann.pk, "name": "laptop", "scope": "work"})
    assert response.status_code == 200
    secret = response.context["secret"]
    assert secret in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert Client().get("/api/v1/videos", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    token = Token.objects.get()
    assert (token.owner, token.name) == (ann, "laptop")
    for path in (address(Token), address(Token, "change", token.pk), "/admin/"):
        page = admin_client.get(path).content.decode()
        assert secret not in page
        assert token.digest not in page


def test_a_token_is_deleted_and_never_changed(admin_client, ann):
    Token.issue(ann, "laptop")
    token = Token.objects.get()
    admin_client.post(address(Token, "change", token.pk), {"owner": ann.pk, "name": "other"})
    assert Token.objects.get().name == "laptop"
    delete(admin_client, token)
    assert Token.objects.count() == 0


def test_all_operators_at_once_are_not_deleted(admin_client, operator):
    other = factories.account("root2@example.org", is_staff=True, is_superuser=True)
    act(admin_client, Account, "delete_selected", operator, other, post="yes")
    assert Account.objects.filter(is_staff=True).count() == 1


def test_an_upload_that_is_just_arriving_stays_and_is_named(admin_client, ann):
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    with part_files.held(upload):
        page = delete(admin_client, upload).content.decode()
    assert "Another request is at this upload" in page
    assert "deleted successfully" not in page
    assert Upload.objects.count() == 1


def test_an_operator_pauses_and_deletes_webhooks_and_sees_no_secret(admin_client, ann):
    webhook = Webhook.objects.create(
        owner=ann, url="https://hooks.example.org/", events=["job.failed"], secret="sealed"
    )
    page = admin_client.get(address(Webhook, "change", webhook.pk)).content.decode()
    assert webhook.url in page and "sealed" not in page
    admin_client.post(address(Webhook), {"action": "pause", "_selected_action": [webhook.pk]})
    webhook.refresh_from_db()
    assert webhook.paused_reason == "An operator switched it off."
    admin_client.post(address(Webhook, "delete", webhook.pk), {"post": "yes"})
    assert not Webhook.objects.exists()


def test_operators_restore_and_delete_for_good_what_somebody_has_removed(admin_client, ann):
    kept, gone = (trash.remove(factories.job(ann, status=S.FAILED)) for _ in range(2))
    assert "is back." in act(admin_client, Removal, "restore", kept).content.decode()
    assert Job.objects.get() == kept.job
    delete(admin_client, gone)
    assert not Removal.objects.exists()
    assert Job.with_trash.get() == kept.job
