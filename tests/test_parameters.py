import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from jobs.errors import InputError
from jobs.operations import registry
from jobs.services import parameters
from tests import factories


def test_parameters_name_the_field_that_is_wrong():
    with pytest.raises(ValidationError) as caught:
        parameters.parse("silence-cut", {"margin_before_ms": "-5", "threshold_db": "loud"})
    assert set(caught.value.message_dict) == {"margin_before_ms", "threshold_db"}


def test_an_operation_that_needs_sound_refuses_a_silent_film_with_a_sentence():
    with pytest.raises(InputError, match="no audio track"):
        parameters.parse("silence-cut", {}, factories.info(audio=()))


def test_an_operation_that_needs_a_picture_refuses_sound_alone():
    with pytest.raises(InputError, match="sound only"):
        parameters.parse("thumbnails", {}, factories.info(video=None))


@pytest.mark.parametrize("operation", registry.every(), ids=lambda operation: operation.slug)
def test_every_operation_keeps_its_contract(operation):
    """Title, summary, defaults, JSON both ways, a queue that exists, a timeout that grows."""
    assert operation.title and operation.summary
    assert operation.queue in settings.RQ_QUEUES
    assert operation.accepts in ("any", "audio", "video")
    params = parameters.parse(operation.slug, operation.example, factories.info())
    assert parameters.from_json(operation.slug, parameters.as_json(params)) == params
    hash(params)
    short, long = (operation.timeout_seconds(factories.info(seconds=seconds), params) for seconds in (10, 3600))
    assert 0 < short <= long
