"""What tests of probing share."""

from pathlib import Path

import pytest

from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        inspect(path)
    message = caught.value.message
    assert message.endswith("."), "a sentence"
    assert str(path) not in message, "the owner does not know the server's paths"
    assert "!" not in message
    return caught.value
