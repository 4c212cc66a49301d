"""The operation as such: form, parameters, result. How a recording is converted is tested with the engine."""

import json
import zipfile
from fractions import Fraction

import pytest
from django.http import QueryDict

from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.operations.base import Context
from jobs.operations.convert import Convert, ConvertForm, ConvertParams
from jobs.services import parameters
from tests import clips, factories

OPERATION = Convert()


def params(**data) -> ConvertParams:
    form = ConvertForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


def test_nothing_given_means_a_web_mp4_with_what_fits_copied():
    assert params() == ConvertParams()
    assert params().options.kind.suffix == ".mp4"
    assert (params().options.quality, params().options.limit_bytes, params().options.shape) == (None, None, Shape())


def test_empty_fields_mean_the_defaults():
    form = ConvertForm(QueryDict("&".join(f"{name}=" for name in ConvertForm.base_fields)))
    assert form.is_valid(), form.errors
    assert OPERATION.params(form.cleaned_data) == ConvertParams()
    assert set(ConvertForm.base_fields) == set(ConvertParams.__dataclass_fields__) - {"VERSION"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "avi"),
        ("quality", "best"),
        ("size_mb", 0),
        ("size_mb", "nan"),
        ("resolution", 12),
        ("resolution", 10**400),
        ("frame_rate", 0),
        ("frame_rate", "inf"),
        ("crop", "middle"),
        ("crop", "640x360"),
        ("crop", "-1x5+0+0"),
        ("crop", "9" * 60),
        ("rotate", 45),
        ("flip", "both"),
        ("hdr", "more"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(field, value):
    errors = ConvertForm({field: value}).errors
    assert list(errors) == [field]
    assert all(message.endswith(".") for message in errors[field])


def test_values_mean_what_people_write():
    some = params(size_mb="25", frame_rate="29.97", crop="16:9", rotate="90", resolution="720", enlarge="on")
    assert some.options.limit_bytes == 25_000_000
    assert some.shape == Shape("16:9", 90, 720, True, Fraction(30_000, 1001))
    assert params(flip="vertical").shape.flip == "vertical"
    assert params(frame_rate=12.5).shape.frame_rate == Fraction(25, 2)
    assert params(frame_rate=25).shape.frame_rate == 25


def test_parameters_survive_being_stored_as_json():
    some = params(target="av1", size_mb=8.5, rotate=270, crop="80x40+0+0", hdr="keep", frame_rate=23.976)
    assert parameters.from_json("convert", json.loads(json.dumps(parameters.as_json(some)))) == some


def test_a_part_outside_the_picture_is_refused_before_any_work():
    with pytest.raises(InputError, match="160 × 90"):
        parameters.parse("convert", {"crop": "160x90+1+0"}, factories.info())


def test_the_result_is_named_and_told(tmp_path):
    source = clips.make(tmp_path / "talk.mkv", clips.Picture(seconds=1), clips.Sound([(0, 1)], 1))
    (tmp_path / "scratch").mkdir()
    told: list[tuple[float, str]] = []
    note = lambda *one: told.append(one)  # noqa: E731
    context = Context(source, inspect(source), {}, tmp_path / "scratch", tmp_path, "Talk", note, CommandLog())
    (draft,) = OPERATION.run(context, params())
    assert (draft.kind, draft.name, draft.media_type) == ("video", "Talk (converted).mp4", "video/mp4")
    facts = json.loads(json.dumps(draft.metadata))
    assert (facts["summary"], facts["picture_copied"], facts["sound_copied"]) == ("Copied as it was", True, [True])
    assert (facts["codec"], facts["width"], facts["height"], facts["frames"]) == ("h264", 160, 96, 25)
    assert told[0][0] == 0
    assert told[-1][0] == 1
    (draft,) = OPERATION.run(context, params(target="webm", resolution=64))
    assert (draft.name, draft.media_type) == ("Talk (converted).webm", "video/webm")
    assert draft.metadata["summary"] == "VP9, 106 × 64"


def test_a_stream_is_a_zip_file_and_takes_what_stands_in_hidden_fields_for_nothing(tmp_path):
    chosen = params(target="hls", size_mb=5, quality="small", hdr="keep", resolution=64)
    assert chosen == ConvertParams(target="hls", resolution=64)
    source = clips.make(tmp_path / "talk.mp4", clips.Picture(seconds=1), clips.Sound([(0, 1)], 1))
    (tmp_path / "scratch").mkdir()
    nothing = lambda fraction, stage: None  # noqa: E731
    context = Context(source, inspect(source), {}, tmp_path / "scratch", tmp_path, "Talk", nothing, CommandLog())
    (draft,) = OPERATION.run(context, chosen)
    assert (draft.kind, draft.name, draft.media_type) == ("data", "Talk (HLS).zip", "application/zip")
    assert json.loads(json.dumps(draft.metadata))["summary"] == "64p, 1 segment"
    with zipfile.ZipFile(draft.path) as archive:
        assert {"master.m3u8", "64p/playlist.m3u8", "sound-1/playlist.m3u8"} <= set(archive.namelist())
