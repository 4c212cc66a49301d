"""What a row says of work that failed, and where its buttons lead."""

import re

import pytest

from jobs import remedies
from jobs.operations import registry
from jobs.remedies import FIELDS
from tests import factories
from tests.pages.rows import S, row

pytestmark = pytest.mark.django_db


def failed(**fields):
    values = {"status": S.FAILED, "error_message": "It did not work.", "error_permanent": True}
    return factories.job(**(values | fields))


def test_buttons_lead_to_the_fields_of_the_form_that_mend_it(client, ann):
    job = failed(operation="silence-cut", error_code="all_silent")
    found = remedies.of(job)
    assert [one.words for one in found] == ["Set the threshold", "Choose another track"]
    for one in found:
        address, _, place = one.address.partition("#")
        assert address == f"{job.video.get_absolute_url()}?do=silence-cut&job={job.pk}"
        assert f'id="{place}"' in client.get(address).content.decode()
    assert "Set the threshold</a>" in row(job)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"operation": "swap-audio", "error_code": "unlike"}, ["Choose another recording"]),
        ({"operation": "convert", "error_code": "too_small"}, ["Allow more megabytes", "Choose a lower resolution"]),
        ({"error_code": "damaged"}, ["Upload it anew"]),
        ({"error_code": "no_audio"}, ["Choose another recording"]),
        ({"error_code": "month_used_up"}, ["See what is used"]),
        ({"error_code": "never heard of"}, ["Other settings"]),
        ({"error_code": "all_silent", "operation": "fax"}, ["Other settings"]),
        ({"error_code": "internal", "error_permanent": False}, []),
    ],
)
def test_each_kind_of_failure_has_what_helps(fields, words):
    assert [one.words for one in remedies.of(failed(**fields))] == words


def test_what_waited_for_something_leads_to_that():
    job = failed(error_code="prerequisite_failed", error_permanent=False)
    before = factories.job(job.owner, status=S.FAILED, operation="silence-cut")
    job.after.add(before)
    (found,) = remedies.of(job)
    assert (found.words, found.address) == ("Look at “Cut the silence”", before.get_absolute_url())


def test_every_field_that_is_named_is_in_a_form():
    fields = {name for operation in registry.every() for name in operation.form_class.base_fields}
    named = {name for found in FIELDS.values() for _, names in found for name in names}
    assert named <= fields


def test_what_is_run_again_with_changes_begins_with_its_values(client, ann, eve):
    for owner, expected in ((ann, "9"), (eve, "6")):
        job = factories.job(owner, status=S.SUCCEEDED, params={"version": 1, "count": 9}, video=factories.video(ann))
        address = remedies.address_of(job).partition("#")[0]
        field = re.search(r'<input[^>]*name="thumbnails-count"[^>]*>', client.get(address).content.decode())[0]
        assert f'value="{expected}"' in field
