"""Pages of results on real bytes: each address works for a result that nobody has looked at before."""

import pytest
from django.urls import reverse

from jobs import storage
from jobs.models import Artifact, Job, Video
from jobs.services import pipelines, versions
from tests import factories
from tests.chains.conftest import step
from tests.chains.test_versions import done, trimmed  # noqa: F401 a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def visitor(client, ann):
    client.force_login(ann)
    return client


@pytest.mark.parametrize(
    ("name", "more"),
    [
        *((name, []) for name in ("video", "video-file", "video-poster", "video-levels", "video-delete")),
        *(("video-part", [part]) for part in ("versions", "results", "history", "transcript", "storyboard")),
    ],
)
def test_each_address_of_a_result_works_at_once(visitor, trimmed: Artifact, name: str, more: list[str]):  # noqa: F811
    assert visitor.get(reverse(name, args=[trimmed.pk, *more])).status_code == 200


def test_work_is_started_on_a_result_at_once(visitor, trimmed: Artifact):  # noqa: F811
    answer = visitor.post(
        reverse("video-run", args=[trimmed.pk]), {"operations": "thumbnails", "thumbnails-count": "1"}
    )
    assert answer["Location"] == f"/videos/{trimmed.pk}/#jobs"
    job = trimmed.job.video.jobs.get(operation="thumbnails")
    assert (job.source_id, job.on_result) == (trimmed.pk, True)


def test_a_result_is_kept_as_a_recording_of_its_own(visitor, trimmed: Artifact):  # noqa: F811
    page = visitor.post(reverse("video-keep", args=[trimmed.pk]), follow=True)
    kept = Video.objects.uploaded().exclude(pk=trimmed.job.video_id).get()
    assert page.request["PATH_INFO"] == kept.get_absolute_url()
    assert "a recording of its own now" in page.content.decode()


@pytest.mark.parametrize("is_there", [True, False])
def test_no_page_looks_into_results_that_work_names(visitor, ann, arrive, monkeypatch, is_there: bool):
    result = done(arrive(seconds=10), "trim", start=1).artifacts.get()
    other = factories.video(ann, facts=factories.info(seconds=9))
    named = {"audio": str(result.pk)}
    saved = pipelines.save(ann, "Mine", [step("Sound", "swap-audio", None, **named)])
    fields = {"operation": "swap-audio", "params": {"version": 1, **named}}
    job = factories.job(ann, video=other, status=Job.Status.FAILED, **fields)
    if not is_there:
        storage.delete(result.key)
    monkeypatch.setattr("jobs.services.arrivals.probe", None)
    pages = {
        name: visitor.get(address)
        for name, address in (
            ("video", other.get_absolute_url()),
            ("job", job.get_absolute_url()),
            ("editor", reverse("chain", args=[saved.slug])),
            ("chains", reverse("chains")),
        )
    }
    assert {page.status_code for page in pages.values()} == {200}
    assert ("This recording is not there." in pages["video"].content.decode()) != is_there
    assert (versions.naming.title(result.name) in pages["job"].content.decode()) == is_there


def test_a_result_of_somebody_else_has_no_page(client, trimmed: Artifact):  # noqa: F811
    client.force_login(factories.account("bob@example.org"))
    assert client.get(reverse("video-part", args=[trimmed.pk, "versions"])).status_code == 404
    for name in ("video", "video-file", "video-levels", "video-delete"):
        assert client.get(reverse(name, args=[trimmed.pk])).status_code == 404
    for name in ("video-keep", "video-delete", "video-title", "video-run"):
        assert client.post(reverse(name, args=[trimmed.pk]), {"title": "mine"}).status_code == 404
