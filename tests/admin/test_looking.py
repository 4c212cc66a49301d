"""Lists, rows and the dashboard of the queues: they open, are searched, and take few queries."""

import pytest
from django.contrib import admin

from jobs.errors import ToolError
from jobs.models import Account, Artifact, Job, Removal, Token, Upload, Video, Webhook
from jobs.services import trash, uploads
from tests import factories
from tests.admin.conftest import address, with_file

pytestmark = pytest.mark.django_db
S = Job.Status
MODELS = [Account, Artifact, Job, Removal, Token, Upload, Video, Webhook]


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
