"""The operation as such: its form, its parameters, its results. How sound is taken out is tested with the engine."""

import json
from fractions import Fraction

import pytest

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.operations.base import Context
from jobs.operations.extract_audio import ExtractAudio, ExtractAudioForm, ExtractAudioParams
from jobs.services import parameters
from tests import clips

OPERATION = ExtractAudio()
LOUD = [(0.4, 1.2)]


def params(**data) -> ExtractAudioParams:
    form = ExtractAudioForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


def test_nothing_given_means_a_copy_of_every_track():
    assert params() == ExtractAudioParams(track="all", format="copy", bitrate_kbps=None, loudness_lufs=None, mono=False)


@pytest.mark.parametrize(
    ("given", "lufs"),
    [
        ("on", -16),
        (True, -16),
        ("−18 LUFS", -18),
        (-14, -14),
        ("-23.5", -23.5),
        ("", None),
        (None, None),
        (False, None),
    ],
)
def test_a_loudness_is_a_number_or_on(given, lufs):
    assert params(format="mp3", loudness_lufs=given).loudness_lufs == lufs


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("track", {"track": "first"}),
        ("format", {"format": "wma"}),
        ("bitrate_kbps", {"format": "mp3", "bitrate_kbps": 384}),
        ("bitrate_kbps", {"format": "opus", "bitrate_kbps": 8}),
        ("loudness_lufs", {"format": "mp3", "loudness_lufs": 3}),
        ("loudness_lufs", {"format": "mp3", "loudness_lufs": "nan"}),
        ("loudness_lufs", {"format": "mp3", "loudness_lufs": "loud"}),
        ("loudness_lufs", {"loudness_lufs": -16}),
        ("mono", {"format": "copy", "mono": "on"}),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(field, data):
    errors = ExtractAudioForm(data).errors
    assert list(errors) == [field]
    assert all(message.endswith(".") for message in errors[field])


def test_a_bit_rate_where_there_is_none_concerns_nobody():
    assert params(format="flac", bitrate_kbps=64).bitrate_kbps is None


def test_parameters_survive_being_stored_as_json():
    some = params(track=1, format="opus", bitrate_kbps=48, loudness_lufs=-18, mono=True)
    stored = json.loads(json.dumps(parameters.as_json(some)))
    assert parameters.from_json("extract-audio", stored) == some


@pytest.mark.parametrize(("tracks", "track", "code"), [(0, "all", "no_audio"), (2, 2, "no_track")])
def test_a_recording_without_that_track_is_refused(tracks, track, code):
    audio = tuple(AudioTrack(n, "aac", 48_000, 2) for n in range(tracks))
    with pytest.raises(InputError) as refused:
        OPERATION.check(MediaInfo("mov", Fraction(10), 1000, audio=audio), params(track=track))
    assert refused.value.code == code


def test_each_track_becomes_a_file_with_a_name_and_its_facts(tmp_path):
    sounds = [
        clips.Sound(loud=LOUD, seconds=2, seed=1, language="eng"),
        clips.Sound(loud=LOUD, seconds=2, seed=2, language="deu"),
    ]
    source = clips.make(tmp_path / "talk.mp4", clips.Picture(seconds=2), *sounds)
    (tmp_path / "scratch").mkdir()
    told = []
    context = Context(
        source,
        inspect(source),
        {},
        tmp_path / "scratch",
        tmp_path,
        "Talk",
        lambda fraction, stage: told.append(fraction),
        CommandLog(),
    )
    drafts = OPERATION.run(context, params())
    assert drafts[0].name == "Talk 1 eng.m4a"
    assert drafts[1].name == "Talk 2 deu.m4a"
    assert {(draft.kind, draft.media_type) for draft in drafts} == {("audio", "audio/mp4")}
    for draft in drafts:
        facts = json.loads(json.dumps(draft.metadata))
        assert facts["copied"] is True
        assert facts["codec"] == "aac"
        assert facts["duration"] == pytest.approx(2, abs=0.05)
        assert facts["summary"] == "Copied as it was"
    assert told == sorted(told)
    assert told[-1] == 1
    (only,) = OPERATION.run(context, params(track=1, format="mp3"))
    assert only.name == "Talk.mp3"
    assert only.metadata["copied"] is False


def test_only_a_copy_is_quick_work():
    assert OPERATION.queue_for(parameters.parse("extract-audio", {})) == "fast"
    assert OPERATION.queue_for(parameters.parse("extract-audio", {"format": "mp3"})) == "encode"
