"""From sound to words with times, by the recogniser that comes with the install, on speech made at known times."""

import itertools
import os
from fractions import Fraction

import numpy as np
import pytest

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions import recogniser_pool, recognition
from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import InputError, JobError, ToolError
from tests import spoken, whispering
from tests.dictation import COUNT, PEOPLE, STATES, dictated
from tests.media import run_ffmpeg, url

pytestmark = pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")
# A recogniser hears words in frames of 10 ms and lends them some of the silence around.
NEAR = Fraction(1, 4)


class Stop(Exception):
    pass


def hear(path, **told):
    info = inspect(path)
    audio, work = AudioSource(path, info, info.audio[0]), Workspace(path.parent, **told)
    return recognition.recognise(audio, RecogniserOptions(), work)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Two phrases with six seconds of silence between, and when each can be heard."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    return path, dictated(path, [(1, STATES), (9, PEOPLE)], 11)


def test_words_come_with_their_times(speech):
    path, places = speech
    heard = hear(path)
    assert " ".join(word.text for word in heard.words) == f"{STATES} {PEOPLE}"
    assert (heard.language, heard.model) == ("en", "en-us")
    for text, words in ((STATES, heard.words[:3]), (PEOPLE, heard.words[3:])):
        start, end = places[text]
        assert abs(words[0].start - start) < NEAR
        assert abs(words[-1].end - end) < NEAR
    assert all(word.start < word.end for word in heard.words)
    assert all(a.end <= b.start for a, b in itertools.pairwise(heard.words))
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in heard.words)


def test_silence_is_not_listened_to(speech):
    path, places = speech
    spoken_for = sum(end - start for start, end in places.values())
    assert spoken_for < hear(path).speech < spoken_for + 2


def test_times_count_from_the_start_of_the_recording(speech, tmp_path):
    path, places = speech
    late = tmp_path / "late.mp4"
    picture = ("-f", "lavfi", "-i", "color=size=64x36:rate=10:duration=14")
    run_ffmpeg(*picture, "-itsoffset", 2, "-i", url(path), "-c:a", "aac", "-preset", "ultrafast", url(late))
    heard = hear(late)
    assert abs(heard.words[0].start - (places[STATES][0] + 2)) < NEAR


def test_progress_goes_by_the_time_listened_to(speech):
    told = []
    hear(speech[0], progress=lambda fraction, stage: told.append((fraction, stage)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert {stage for _, stage in told} >= {"Finding where somebody speaks", "Writing down what is said"}


def test_a_recording_without_speech_is_refused(tmp_path):
    path = tmp_path / "music.wav"
    spoken.write(path, spoken.music(spoken.RATE * 4, 3) * np.float32(0.1))
    with pytest.raises(InputError) as refused:
        hear(path)
    assert refused.value.code == "no_speech"


def test_stopping_leaves_no_recogniser_behind(speech, monkeypatch):
    started = []

    def note(fraction, stage):
        if stage == "Writing down what is said":
            raise Stop

    remember = recogniser_pool.RecogniserPool.__enter__

    def entered(pool):
        remember(pool)
        started.extend(child.process.pid for child in pool.children)
        return pool

    monkeypatch.setattr(recogniser_pool.RecogniserPool, "__enter__", entered)
    with pytest.raises(Stop):
        hear(speech[0], progress=note)
    assert started
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_was_heard_before_it_was_stopped_is_not_listened_to_again(speech, tmp_path, monkeypatch):
    path, folder = speech[0], tmp_path / "parts"
    whole = hear(path)
    monkeypatch.setattr(RecogniserOptions, "processes", 1)

    def stop(fraction, stage):
        if stage == "Writing down what is said" and fraction > 0.3:
            raise Stop

    with pytest.raises(Stop):
        hear(path, progress=stop, kept=KeptParts(FolderPlace(folder)))
    assert len(list(folder.glob("*/*"))) == 1
    asked = []
    right = recogniser_pool.RecogniserPool.ask
    monkeypatch.setattr(recogniser_pool.RecogniserPool, "ask", lambda *given: (asked.append(1), right(*given)))
    kept = KeptParts(FolderPlace(folder))
    assert hear(path, kept=kept).words == whole.words
    assert (kept.found, len(asked)) == (1, 1)


def test_a_recogniser_that_dies_is_an_error_of_ours(speech, monkeypatch):
    monkeypatch.setattr(
        recogniser_pool, "command", lambda options: ["sh", "-c", 'echo \'{"model": "", "device": ""}\'; exit 3']
    )
    log = CommandLog()
    with pytest.raises(ToolError) as failed:
        hear(speech[0], log=log)
    assert "exit status 3" in failed.value.detail
    assert log.commands


def test_a_whisper_model_is_loaded_and_listens(tmp_path):
    """All but what it says: no real model is small enough for a test."""
    model = whispering.model(tmp_path / "tiny")
    noise = np.random.default_rng(1).normal(0, 2000, 16_000).astype("<i2")
    with recogniser_pool.RecogniserPool(RecogniserOptions("whisper", str(model)), 1, None) as pool:
        assert (pool.model, pool.device) == ("tiny", "cpu")
        (child,) = pool.children
        answers = []
        for _ in range(2):
            pool.ask(child, noise)
            while not (told := list(pool.answers())):
                pass
            answers += [answer for _, answer in told]
    assert [answer["language"] for answer in answers] == ["en", "en"]
    for answer in answers:
        for start, end, text, confidence in answer["words"]:
            assert 0 <= start <= end <= 31
            assert isinstance(text, str)
            assert 0 <= confidence <= 1


def test_a_whisper_model_that_is_not_there_is_an_error(speech, tmp_path):
    """The real loading code of faster-whisper, as far as it goes without a model."""
    path = speech[0]
    info = inspect(path)
    with pytest.raises(JobError) as failed:
        audio, options = AudioSource(path, info, info.audio[0]), RecogniserOptions("whisper", str(tmp_path))
        recognition.recognise(audio, options, Workspace(tmp_path))
    assert "model.bin" in failed.value.detail


def test_speech_without_end_is_parted_for_the_recogniser(tmp_path, monkeypatch):
    monkeypatch.setattr(RecogniserOptions, "maximum_seconds", Fraction(2))
    path = tmp_path / "long.wav"
    (place,) = dictated(path, [(0.5, COUNT)], 6).values()
    assert place[1] - place[0] > 3
    heard = hear(path)
    texts = [word.text for word in heard.words]
    # What lies across a border may be heard wrongly.
    assert {"two", "three"} <= set(texts)
    assert heard.words[-1].end > place[1] - 1
