"""The operation as such: its form, its parameters, its results. How a cut is made is tested with the engine."""

import json
from fractions import Fraction

import pytest
from django import forms
from django.http import QueryDict

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.operations.base import Context
from jobs.operations.silence_cut import SilenceCut, SilenceCutForm, SilenceCutParams
from jobs.services import parameters
from tests import clips

OPERATION = SilenceCut()
LOUD = [(0.4, 1.2), (2.0, 2.8)]
"""Seconds of sound in a recording of four."""


def params(**data) -> SilenceCutParams:
    form = SilenceCutForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


def recording(tracks: int = 1) -> MediaInfo:
    return MediaInfo("mov", Fraction(10), 1000, audio=tuple(AudioTrack(n, "aac", 48_000, 2) for n in range(tracks)))


@pytest.fixture
def context(tmp_path):
    def make(*streams, name: str) -> Context:
        source, scratch = tmp_path / name, tmp_path / "scratch"
        clips.make(source, *streams)
        scratch.mkdir()
        heard.clear()
        return Context(source, inspect(source), {}, scratch, tmp_path, "Talk: one", note, CommandLog())

    heard: list[float] = []
    note = lambda fraction, stage: heard.append(fraction)  # noqa: E731
    make.heard = heard
    return make


# Parameters ----------------------------------------------------------------------------------------------------------


def test_nothing_given_means_the_defaults_that_are_documented():
    assert params() == SilenceCutParams(
        threshold_db="auto",
        margin_before_ms=200,
        margin_after_ms=200,
        min_silence_ms=200,
        min_clip_ms=100,
        min_saving_ms=120,
        audio_track="all",
        keep=(),
        detector="loudness",
        pauses="remove",
        pause_ms=500,
        speed=4,
        render="smart",
        audio="auto",
        clean_strength=None,
        loudness_lufs=None,
    )


def test_every_field_is_a_parameter_and_empty_ones_mean_the_defaults():
    names = set(SilenceCutForm.base_fields)
    assert names == {field for field in SilenceCutParams.__dataclass_fields__ if field != "VERSION"}
    # Boxes that nobody ticked are not sent at all.
    sent = [name for name in names if not isinstance(SilenceCutForm.base_fields[name], forms.MultipleChoiceField)]
    form = SilenceCutForm(QueryDict("&".join(f"{name}=" for name in sent)))
    assert form.is_valid(), form.errors
    assert OPERATION.params(form.cleaned_data) == SilenceCutParams()


@pytest.mark.parametrize(
    ("given", "level"),
    [("auto", "auto"), (" AUTO ", "auto"), (-30, -30), ("-30", -30), ("−30 dB", -30), ("-12.5dBFS", -12.5), (0, 0)],
)
def test_a_threshold_is_auto_or_a_level(given, level):
    assert params(threshold_db=given).threshold_db == level


@pytest.mark.parametrize(
    ("given", "ranges"),
    [
        ("0-12.5, 30-41", ((0, 12.5), (30, 41))),
        ("[[0, 12.5], [30, 41]]", ((0, 12.5), (30, 41))),
        ([[0, 12.5], ["30", 41]], ((0, 12.5), (30, 41))),
        ("", ()),
        ([], ()),
    ],
)
def test_ranges_are_text_or_pairs(given, ranges):
    assert params(keep=given).keep == ranges


@pytest.mark.parametrize(("given", "track"), [("all", "all"), ("All", "all"), ("0", 0), (2, 2)])
def test_a_track_is_all_or_a_number(given, track):
    assert params(audio_track=given).audio_track == track


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold_db", "loud"),
        ("threshold_db", "nan"),
        ("threshold_db", 1),
        ("threshold_db", -121),
        ("margin_before_ms", -1),
        ("margin_after_ms", 10_001),
        ("min_silence_ms", "short"),
        ("min_clip_ms", -1),
        ("min_saving_ms", -1),
        ("pause_ms", -1),
        ("audio_track", "first"),
        ("audio_track", "-1"),
        ("keep", "12.5"),
        ("keep", "1-2-3"),
        ("keep", [[1]]),
        ("detector", "taste"),
        ("pauses", "hide"),
        ("render", "fast"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(field, value):
    errors = SilenceCutForm({field: value}).errors
    assert list(errors) == [field]
    assert all(message.endswith(".") for message in errors[field])


def test_parameters_survive_being_stored_as_json():
    some = params(
        threshold_db=-31.5, keep="0-1.1, 2-3", audio_track=1, detector="voice", pauses="shorten", render="encode"
    )
    stored = json.loads(json.dumps(parameters.as_json(some)))
    assert stored["version"] == SilenceCutParams.VERSION
    assert parameters.from_json("silence-cut", stored) == some
    del stored["version"]
    assert params(**stored) == some  # what the API shows can be sent again


def test_the_engine_gets_the_decimals_that_were_written():
    assert params(keep="0.1-1.1").for_engine().keep == ((Fraction(1, 10), Fraction(11, 10)),)


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tracks", "given", "code"),
    [
        (0, {}, "no_audio"),
        (2, {"audio_track": 2}, "no_track"),
        (1, {"keep": "0-11"}, "bad_ranges"),
        (1, {"keep": "5-5"}, "bad_ranges"),
        (1, {"keep": "5-4"}, "bad_ranges"),
    ],
)
def test_what_this_recording_does_not_allow_is_refused_before_any_work(tracks, given, code):
    with pytest.raises(InputError) as refused:
        OPERATION.check(recording(tracks), params(**given))
    assert refused.value.code == code


def test_what_this_recording_allows_is_not_refused():
    OPERATION.check(recording(2), params(audio_track=1, keep="0-5, 6-10"))


# Results -------------------------------------------------------------------------------------------------------------


def test_a_recording_becomes_one_shorter_recording_with_its_facts(context):
    work = context(clips.Picture(seconds=4), clips.Sound(loud=LOUD, seconds=4), name="talk.mkv")
    (draft,) = OPERATION.run(work, params(margin_before_ms=100, margin_after_ms=100))
    assert (draft.kind, draft.media_type, draft.name) == ("video", "video/mp4", "Talk one (cut).mp4")
    assert draft.path.parent == work.scratch
    result = inspect(draft.path)
    # Sounds of 0.8 s with 0.1 s around each; frames (1/25 s) and steps of the levels (20 ms) round that.
    assert float(result.duration) == pytest.approx(2.0, abs=0.1)
    assert result.video is not None
    assert len(result.audio) == 1
    facts = json.loads(json.dumps(draft.metadata))
    assert {"keep", "source_duration", "output_duration"} <= set(facts)
    assert [time for pair in facts["keep"] for time in pair] == pytest.approx([0.3, 1.3, 1.9, 2.9], abs=0.05)
    assert facts["source_duration"] == pytest.approx(4, abs=0.05)
    assert facts["output_duration"] == pytest.approx(float(result.duration), abs=0.03)
    assert context.heard == sorted(context.heard)
    assert context.heard[-1] > 0.9


def test_a_sound_becomes_a_sound_and_given_ranges_win(context):
    work = context(None, clips.Sound(loud=LOUD, seconds=4), name="talk.m4a")
    (draft,) = OPERATION.run(work, params(keep="1-2, 3-3.5"))
    assert (draft.kind, draft.media_type, draft.name) == ("audio", "audio/mp4", "Talk one (cut).m4a")
    assert draft.metadata["keep"] == [[1, 2], [3, 3.5]]
    result = inspect(draft.path)
    assert result.video is None
    assert float(result.duration) == pytest.approx(1.5, abs=0.03)


def test_a_cut_is_brought_to_a_loudness_in_the_same_pass(context):
    work = context(None, clips.Sound(loud=LOUD, seconds=4, loud_db=-30), name="talk.m4a")
    (draft,) = OPERATION.run(work, params(loudness_lufs="on", threshold_db=-50))
    assert draft.metadata["audio_copied"] == [False]
    assert draft.metadata["loudness"][0]["lufs_after"] == pytest.approx(-16, abs=0.2)
    ((name, said),) = draft.metadata["facts"]
    assert name == "Loudness"
    assert said.endswith("−16.0 LUFS after")


def test_audio_is_copied_when_asked_for_and_the_result_says_how_near(context):
    work = context(clips.Picture(), clips.Sound(loud=LOUD, seconds=4), name="talk.mp4")
    (draft,) = OPERATION.run(work, params(audio="copy"))
    assert (draft.metadata["audio_copied"], draft.metadata["audio_within_ms"]) == ([True], 10.7)
    assert "within 10.7 ms" in draft.metadata["notes"][0]


def test_copied_audio_has_no_other_loudness():
    form = SilenceCutForm({"audio": "copy", "loudness_lufs": "on"})
    assert "stays as loud as it is" in form.errors["audio"][0]


@pytest.mark.parametrize(
    ("given", "strength"), [("on", 0.5), (True, 0.5), ("0.3", 0.3), (0, 0), ("off", None), ("", None)]
)
def test_cleaning_is_a_strength_or_on(given, strength):
    assert params(clean_strength=given).clean_strength == strength


def test_copied_audio_is_not_cleaned():
    form = SilenceCutForm({"audio": "copy", "clean_strength": "on"})
    assert "stays as it is" in form.errors["audio"][0]


def test_silence_alone_is_refused_and_leaves_nothing_to_publish(context):
    work = context(None, clips.Sound(loud=(), seconds=4), name="still.m4a")
    with pytest.raises(InputError) as refused:
        OPERATION.run(work, params(threshold_db=-30))
    assert refused.value.message.endswith(".")
    assert not (work.scratch / "cut.m4a").exists()
