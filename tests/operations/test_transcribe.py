"""The operation as such: its form, its parameters, its results. How words are heard is tested with the engine."""

import json
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError

from jobs.engine.captions import bundled_model, cues
from jobs.engine.captions.transcript import Line, Transcript, Word
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.operations.base import Context
from jobs.operations.transcribe import Transcribe, TranscribeParams
from jobs.services import parameters
from tests import factories, spoken
from tests.dictation import PEOPLE, STATES, dictated
from tests.media import run_ffmpeg, url
from videoservice import settings as site

OPERATION = Transcribe()


def parsed(info=None, **params) -> TranscribeParams:
    return parameters.parse("transcribe", params, info)


def refused(info=None, **params) -> str:
    with pytest.raises(InputError) as raised:
        parsed(info or factories.info(), **params)
    return raised.value.code


def test_nothing_given_has_all_defaults():
    assert parsed() == TranscribeParams(engine="auto", language="", audio_track=0, burn=False, reuse=False)
    assert parsed(language="auto").language == parsed(language=" EN ").language.removesuffix("en") == ""


@pytest.mark.parametrize("language", ["english", "e", "12", "e\u0301", "../en"])
def test_a_language_that_is_none_is_refused_at_its_field(language):
    with pytest.raises(ValidationError) as raised:
        parsed(language=language)
    assert set(raised.value.message_dict) == {"language"}


def test_what_is_not_there_is_refused_before_any_work():
    assert refused(engine="whisper") == "no_model"
    assert refused(language="de") == "no_language"
    assert refused(audio_track=1) == "no_track"
    assert refused(factories.info(audio=())) == "no_audio"
    assert refused(factories.info(video=None), burn="on") == "no_picture"


def test_the_model_of_the_install_is_the_one_that_listens_with_no_setting():
    assert str(bundled_model.folder() or "") == site.WHISPER_MODEL


def test_a_configured_model_is_the_best_there_is(settings):
    settings.WHISPER_MODEL = "/models/small"
    params = parsed(factories.info(), language="de")
    assert (params.recogniser.engine, params.recogniser.model, params.recogniser.language) == (
        "whisper",
        "/models/small",
        "de",
    )
    assert parsed(engine="pocketsphinx").recogniser.engine == "pocketsphinx"


def test_the_form_says_who_listens_and_how_good_to_expect(settings):
    told = str(OPERATION.form_class().fields["engine"].help_text)
    assert "pocketsphinx" in told and "Expect" in told
    assert "could not be downloaded" in told
    settings.WHISPER_MODEL = "/models/small"
    told = str(OPERATION.form_class().fields["engine"].help_text)
    assert "Whisper" in told and "could not" not in told


@pytest.fixture
def context(tmp_path):
    """A film of six seconds in which two phrases are spoken."""
    if not spoken.there():
        pytest.skip("espeak-ng is not installed")
    dictated(tmp_path / "speech.wav", [(0.5, STATES), (3.5, PEOPLE)], 6)
    source = tmp_path / "talk.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:duration=6")
    run_ffmpeg(*picture, "-i", url(tmp_path / "speech.wav"), "-c:a", "aac", "-preset", "ultrafast", url(source))
    (tmp_path / "scratch").mkdir()
    (tmp_path / "cache").mkdir()
    told = []
    made = Context(
        source,
        inspect(source),
        {},
        tmp_path / "scratch",
        tmp_path / "cache",
        "A <talk>",
        lambda fraction, stage: told.append((fraction, stage)),
        CommandLog(),
    )
    made.log.told = told
    return made


def test_a_film_comes_with_a_track_and_every_kind_of_file(context):
    film, srt, vtt, txt, found = OPERATION.run(context, TranscribeParams())
    assert [film.kind, srt.kind, vtt.kind, txt.kind, found.kind] == ["video", "captions", "captions", "text", "data"]
    assert [draft.name for draft in (film, srt, vtt, txt, found)] == [
        "A talk (captions).mp4",
        "A talk.srt",
        "A talk.vtt",
        "A talk.txt",
        "A talk.json",
    ]
    assert inspect(film.path).subtitles == ("eng",)
    assert txt.path.read_text().split() == f"{STATES} {PEOPLE}".split()
    for draft in (srt, vtt):
        first, second = cues.parse(draft.path.read_text())
        assert (first.text, second.text) == (STATES, PEOPLE)
        assert 0.2 < first.start < 0.8 and 3.2 < second.start < 3.8
    words = [word for line in json.loads(found.path.read_text())["lines"] for word in line["words"]]
    assert [word["text"] for word in words] == f"{STATES} {PEOPLE}".split()
    assert film.metadata["summary"] == "6 words, English, by pocketsphinx"
    fractions = [fraction for fraction, _ in context.log.told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    # What was heard once is kept: nobody listens a second time.
    before = len(context.log.commands)
    OPERATION.run(context, TranscribeParams())
    assert not any("asr_worker" in command for command in context.log.commands[before:])


def test_a_transcript_that_is_there_can_be_drawn_into_the_picture(context, tmp_path):
    word = Word(Fraction(1), Fraction(2), "corrected", 0.5)
    given = Transcript("pocketsphinx", "en-us", "en", Fraction(6), (Line(Fraction(1), Fraction(2), (word,)),))
    given = given.edited(0, "by hand")
    with pytest.raises(InputError) as raised:
        OPERATION.run(context, TranscribeParams(reuse=True))
    assert raised.value.code == "no_transcript"
    path = tmp_path / "given.json"
    path.write_text(given.dumps())
    film, *_, txt, _ = OPERATION.run(
        Context(**{**vars(context), "transcript": path}), TranscribeParams(reuse=True, burn=True)
    )
    assert txt.path.read_text() == "by hand\n"
    assert film.metadata["burnt"] is True
    assert inspect(film.path).subtitles == ()
    assert not any("asr_worker" in command for command in context.log.commands)
