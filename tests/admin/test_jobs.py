"""What operators do to jobs, and to what people have removed."""

import pytest

from jobs.models import Artifact, Job, Removal
from jobs.services import trash
from tests import factories
from tests.admin.conftest import act, address, delete, with_file

pytestmark = pytest.mark.django_db
S = Job.Status


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


def test_operators_restore_and_delete_for_good_what_somebody_has_removed(admin_client, ann):
    kept, gone = (trash.remove(factories.job(ann, status=S.FAILED)) for _ in range(2))
    assert "is back." in act(admin_client, Removal, "restore", kept).content.decode()
    assert Job.objects.get() == kept.job
    delete(admin_client, gone)
    assert not Removal.objects.exists()
    assert Job.with_trash.get() == kept.job
