"""The page of one job."""

import pytest

from jobs.services import parameters
from tests import factories
from tests.pages.rows import S, artifact

pytestmark = pytest.mark.django_db


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


def test_the_tightest_cuts_between_words_can_be_played_from_a_little_before(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED, operation="silence-cut")
    metadata = {"moments": [[75.25, "“one … <two>”, 0.40 s apart"], [0.5, "“a … b”"]]}
    cut = artifact(job, "video", name="cut.mp4", media_type="video/mp4", metadata=metadata)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "“one … &lt;two&gt;”, 0.40 s apart" in page
    assert f"/artifacts/{cut.pk}/file#t=73.75,76.75" in page
    assert f"/artifacts/{cut.pk}/file#t=0.00,2.00" in page
