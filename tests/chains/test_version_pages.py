"""Pages of results on real bytes: each address works for a result that nobody has looked at before."""

import pytest
from django.urls import reverse

from jobs.models import Artifact, Video
from tests import factories
from tests.chains.test_versions import trimmed  # noqa: F401 a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def visitor(client, ann):
    client.force_login(ann)
    return client


@pytest.mark.parametrize(
    "name", ["video", "video-file", "video-poster", "video-levels", "video-versions", "transcript-part", "video-delete"]
)
def test_each_address_of_a_result_works_at_once(visitor, trimmed: Artifact, name: str):  # noqa: F811
    assert visitor.get(reverse(name, args=[trimmed.pk])).status_code == 200


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


def test_a_result_of_somebody_else_has_no_page(client, trimmed: Artifact):  # noqa: F811
    client.force_login(factories.account("bob@example.org"))
    for name in ("video", "video-file", "video-levels", "video-versions", "video-delete"):
        assert client.get(reverse(name, args=[trimmed.pk])).status_code == 404
    for name in ("video-keep", "video-delete", "video-title", "video-run"):
        assert client.post(reverse(name, args=[trimmed.pk]), {"title": "mine"}).status_code == 404
