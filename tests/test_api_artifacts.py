import pytest
from django.test import Client

from jobs import storage
from jobs.models import Artifact, Job
from tests import factories
from tests.api import ROOT, Api, error

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]


@pytest.fixture
def address():
    """The address of a result of Ann's."""
    job = factories.job(factories.account("ann@example.org"), status=Job.Status.SUCCEEDED)
    artifact = Artifact.objects.create(
        job=job, kind="image", name="Größe.jpg", key=f"artifacts/{job.pk}/1.jpg", size=10, media_type="image/jpeg"
    )
    path = storage.path(artifact.key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0123456789")
    return f"{ROOT}/artifacts/{artifact.pk}/file"


def test_the_owner_gets_the_bytes_whole_and_in_parts(address):
    client = Api(factories.account("ann@example.org")).client
    whole = client.get(address)
    assert (whole.status_code, whole.headers["Content-Type"], b"".join(whole)) == (200, "image/jpeg", b"0123456789")
    part = client.get(address, headers={"Range": "bytes=-3"})
    assert (part.status_code, part.headers["Content-Range"], b"".join(part)) == (206, "bytes 7-9/10", b"789")
    assert "filename*=utf-8''Gr%C3%B6%C3%9Fe.jpg" in client.get(address + "?download").headers["Content-Disposition"]


def test_others_and_nobody_do_not(address):
    bob = Api(factories.account("bob@example.org"))
    assert error(bob.client.get(address)) == (404, "not_found")
    assert bob.client.head(address).status_code == 404
    assert error(Client().get(address)) == (401, "unauthorized")


def test_a_result_whose_file_is_gone_is_a_404(address):
    storage.path(Artifact.objects.get().key).unlink()
    assert error(Api(factories.account("ann@example.org")).client.get(address)) == (404, "not_found")
