"""Lists that do not grow with their tables."""

import pytest

from jobs.admin import bounded
from jobs.models import Artifact, Job, Video
from tests import factories, plans
from tests.admin.conftest import address, with_file

pytestmark = pytest.mark.django_db(transaction=True)  # MariaDB ends one where it analyzes tables
S = Job.Status


@pytest.mark.parametrize("model", [Job, Artifact, Video])
def test_a_list_is_read_from_an_index_and_counted_only_so_far(admin_client, ann, model, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_COUNTED", 55)
    monkeypatch.setattr(bounded, "MOST_LOOKED_AT", 10)
    for _ in range(60):
        with_file(factories.job(ann, status=S.SUCCEEDED))
    plans.analyze()
    lists = []
    found = plans.of(lambda: lists.append(admin_client.get(address(model)).context["cl"]), model._meta.db_table)
    (page,) = lists
    assert (page.paginator.count, len(page.result_list)) == (55, 50)
    assert len(found) >= 2, "it is counted and read"
    of_rows = [one for one in found if "jobs_account" not in one[0].split(" FROM ")[1]]
    assert not plans.sorting(of_rows), "owners, of whom few are offered, may be"


def test_jobs_are_filtered_by_the_errors_that_there_are(admin_client, ann):
    failed, fine = factories.job(ann, status=S.FAILED, error_code="input"), factories.job(ann)
    listed = admin_client.get(address(Job), {"error_code": "input"})
    assert "?error_code=none" in listed.content.decode()
    assert [row.pk for row in listed.context["cl"].result_list] == [failed.pk]
    listed = admin_client.get(address(Job), {"error_code": "none"})
    assert [row.pk for row in listed.context["cl"].result_list] == [fine.pk]
