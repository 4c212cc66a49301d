from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict

from jobs.forms import TitleForm, WorkForm, work_of
from jobs.operations import registry


def test_the_upload_form_ticks_what_the_operations_ask_for():
    chosen = {pick.operation.slug for pick in WorkForm().chosen}
    assert chosen == {operation.slug for operation in registry.every() if operation.ticked}


def test_nothing_is_chosen_when_nothing_is_ticked():
    assert work_of(QueryDict("title=x")) == {}


def test_a_ticked_operation_with_nothing_else_gets_its_defaults():
    work = work_of(QueryDict("operations=silence-cut"))
    assert work["silence-cut"]["margin_before_ms"] == 200
    assert work["silence-cut"]["threshold_db"] == "auto"
    assert work["silence-cut"]["version"] == 1


def test_the_fields_of_an_operation_carry_its_slug():
    work = work_of(QueryDict("operations=silence-cut&silence-cut-margin_before_ms=350&thumbnails-count=3"))
    assert work["silence-cut"]["margin_before_ms"] == 350
    assert "thumbnails" not in work


def test_several_operations_are_all_asked_for():
    work = work_of(QueryDict("operations=silence-cut&operations=thumbnails&thumbnails-count=3"))
    assert set(work) == {"silence-cut", "thumbnails"}
    assert work["thumbnails"]["count"] == 3


def test_a_wrong_value_is_told_with_its_work_and_its_field():
    with pytest.raises(ValidationError) as raised:
        work_of(QueryDict("operations=silence-cut&silence-cut-threshold_db=loud"))
    (message,) = raised.value.messages
    assert message.startswith("Cut the silence, silence is below: ")


def test_all_wrong_values_are_told_at_once():
    with pytest.raises(ValidationError) as raised:
        work_of(QueryDict("operations=silence-cut&silence-cut-threshold_db=loud&silence-cut-min_clip_ms=-1"))
    assert len(raised.value.messages) == 2


def test_settings_of_work_that_is_not_ticked_are_not_checked():
    assert work_of(QueryDict("silence-cut-threshold_db=loud")) == {}


def test_unknown_work_is_refused():
    with pytest.raises(ValidationError, match="not offered"):
        work_of(QueryDict("operations=bake-a-cake"))


def test_what_was_typed_is_kept_when_something_is_wrong():
    form = WorkForm(QueryDict("operations=silence-cut&silence-cut-threshold_db=loud"))
    assert not form.is_valid()
    (pick,) = form.chosen
    assert 'value="loud"' in str(pick.form["threshold_db"])


def test_every_operation_can_be_asked_for_with_its_defaults():
    for operation in registry.every():
        given = {f"{operation.slug}-{name}": value for name, value in operation.example.items()}
        assert operation.slug in work_of(QueryDict(urlencode({"operations": operation.slug, **given}, doseq=True)))


@pytest.mark.parametrize("title", ["", "   ", "\u202e\u200b"])
def test_a_recording_keeps_a_name(title):
    assert not TitleForm({"title": title}).is_valid()
