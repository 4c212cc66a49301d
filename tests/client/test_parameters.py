"""`key=value` by the schema of an operation's parameters, as the site gives it."""

from typing import Any

import pytest

from jobs.api.operation_schema import schema_of
from jobs.operations import registry
from videoservice.client.commands.folding import folded, unfolded
from videoservice.client.failures import Misused
from videoservice.client.parameters import parsed


def params(operation: str, *pairs: str) -> dict[str, Any]:
    return parsed(schema_of(registry.get(operation)), pairs, lambda kind, name: f"{kind} {name}")


@pytest.mark.parametrize(
    ("operation", "pair", "value"),
    [
        ("silence-cut", "threshold_db=-28", -28),
        ("silence-cut", "threshold_db=-28.5", -28.5),
        ("silence-cut", "threshold-db=auto", "auto"),
        ("silence-cut", "margin-before-ms=150", 150),
        ("silence-cut", "audio_track=all", "all"),
        ("silence-cut", "audio_track=1", 1),
        ("silence-cut", "loudness_lufs=none", None),
        ("silence-cut", "keep=0-2.5,4-6", [[0, 2.5], [4, 6]]),
        ("silence-cut", "keep=0:01:00-1:30.5", [[60, 90.5]]),
        ("silence-cut", "keep=[[0, 1]]", [[0, 1]]),
        ("silence-cut", "exports=otio,edl", ["otio", "edl"]),
        ("thumbnails", "times=1,2.5", [1, 2.5]),
        ("transcribe", "burn=yes", True),
        ("transcribe", "burn=off", False),
        ("trim", "start=1:02:03.5", 3723.5),
        ("convert", "rotate=90", 90),
        ("clean-audio", "hum=50", "50"),
        ("watermark", "text=a = b", "a = b"),
        ("watermark", "x_offset=-10", -10),
        ("watermark", "image=logo", "image logo"),
        ("swap-audio", "audio=mic", "recording mic"),
        ("join", "recordings=one,two", ["recording one", "recording two"]),
    ],
)
def test_a_value_has_the_type_of_its_parameter(operation: str, pair: str, value: Any):
    found = params(operation, pair)
    assert list(found.values()) == [value]
    assert type(next(iter(found.values()))) is type(value)


@pytest.mark.parametrize(
    ("operation", "pairs", "sentence"),
    [
        ("silence-cut", ["threshold_db=loud"], "threshold_db has to be a number or “auto”, not “loud”."),
        ("silence-cut", ["margin_before_ms=1.5"], "margin_before_ms has to be a whole number, not “1.5”."),
        ("silence-cut", ["render=fast"], "render has to be smart, encode or none, not “fast”."),
        ("silence-cut", ["keep=5"], "keep has to be ranges such as 0-12.5,20-31, not “5”."),
        ("silence-cut", ["threshold_db"], "“threshold_db” is no parameter. Write it as NAME=VALUE."),
        ("silence-cut", ["speed=2", "speed=3"], "“speed” is given twice."),
        ("transcribe", ["burn=maybe"], "burn has to be yes or no, not “maybe”."),
        ("trim", ["begin=1"], "There is no parameter “begin”. There are container, end, render, start."),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(operation: str, pairs: list[str], sentence: str):
    with pytest.raises(Misused) as failure:
        params(operation, *pairs)
    assert failure.value.message == sentence


def test_each_run_takes_the_parameters_behind_it_with_it():
    words = ["a=b.mp4", "--run", "silence-cut", "speed=2", "x=1", "c.mp4", "--run=trim", "start=3", "--wait", "d=e.mp4"]
    first, second = "--run=silence-cut\x1fspeed=2\x1fx=1", "--run=trim\x1fstart=3"
    assert folded(words) == ["a=b.mp4", first, "c.mp4", second, "--wait", "d=e.mp4"]
    assert unfolded(first.removeprefix("--run=")) == ("silence-cut", ["speed=2", "x=1"])


def test_behind_two_dashes_all_are_files():
    assert folded(["--run", "trim", "--", "start=3"]) == ["--run=trim", "--", "start=3"]
