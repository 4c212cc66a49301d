"""The model that comes with the install, on speech whose every word is at a known time. It listens once for all."""

import itertools
import json
import sys

import numpy as np
import pytest

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions import bundled_model, recogniser_pool, recognition
from jobs.engine.captions.asr_worker import RATE, Whisper
from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from tests import spoken
from tests.dictation import bare, worded

pytestmark = pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")
SENTENCES = (
    "the people of this country want a better government",
    "we will be here on monday morning with a hundred people",
    "please open the window because the weather is good today",
)
NEAR = 0.05
MUSIC_SECONDS = 8


def model() -> str:
    folder = bundled_model.folder()
    if folder is None:
        pytest.skip("the Whisper model could not be downloaded")
    return str(folder)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Three sentences and then music: the words that were said with their times, what was heard, and the end of the
    speech in seconds."""
    path = tmp_path_factory.mktemp("said") / "said.wav"
    options = RecogniserOptions("whisper", model())
    samples, words = worded(SENTENCES, "en-us+f2")
    music = spoken.music(spoken.RATE * MUSIC_SECONDS, 3) * np.float32(0.1)
    spoken.write(path, np.concatenate((samples, music)))
    info = inspect(path)
    heard = recognition.recognise(AudioSource(path, info, info.audio[0]), options, Workspace(path.parent))
    return words, heard, len(samples) / spoken.RATE


def test_every_word_is_heard_with_its_capitals_and_full_stops(said):
    words, heard, _ = said
    assert [bare(word.text) for word in heard.words] == [text for text, _, _ in words]
    assert (heard.language, heard.model) == ("en", "whisper-base")
    assert heard.words[0].text == "The"
    assert any(word.text.endswith(".") for word in heard.words)


def test_words_begin_and_end_where_they_can_be_heard(said):
    words, heard, _ = said
    off = [
        (abs(float(word.start - start)), abs(float(word.end - end)))
        for word, (_, start, end) in zip(heard.words, words, strict=True)
    ]
    assert np.mean(np.array(off) <= NEAR) >= 0.95
    assert np.max(off) < 0.2


def test_words_do_not_overlap_and_none_stands_over_music(said):
    _, heard, end = said
    assert all(before.end <= after.start for before, after in itertools.pairwise(heard.words))
    assert heard.words[-1].end < end + 0.5


def test_another_language_is_found_and_written():
    whisper = Whisper(model(), "")
    said = spoken.spoken("ich möchte morgen mit dem zug nach berlin fahren", "de") * np.float32(0.08)
    at = np.arange(0, len(said) - 1, spoken.RATE / RATE)
    samples = np.interp(at, np.arange(len(said)), said) * 32767
    words, language = whisper.recognise(samples.astype("<i2"))
    assert language == "de"
    assert {"morgen", "zug", "berlin"} <= {bare(text) for _, _, text, _ in words}


SWALLOWING = """
import json, sys
def answer(message):
    print(json.dumps(message), flush=True)
answer({"model": "made", "device": "cpu"})
asked = 0
while line := sys.stdin.buffer.readline():
    sys.stdin.buffer.read(2 * json.loads(line)["samples"])
    asked += 1
    answer({"words": json.loads(sys.argv[1])[asked - 1], "language": "en"})
"""


def test_what_was_swallowed_is_listened_to_again(tmp_path, monkeypatch):
    """The recogniser is made; the voice, the bit that is cut out and where its words go are real."""
    samples, words = worded(SENTENCES[1:2], "en-us+f2")
    path = spoken.write(tmp_path / "said.wav", samples)
    info = inspect(path)
    # The one utterance begins with a fifth of a second before the voice.
    told = [[float(start) - 0.8, float(end) - 0.8, f" {text}", 0.9] for text, start, end in words]
    # What is heard again begins close behind the last word before the hole.
    begin = told[2][1] - 0.05
    again = [[start - begin, end - begin, text, sure] for start, end, text, sure in told[3:8]]
    answers = json.dumps([told[:3] + told[8:], again])
    monkeypatch.setattr(recogniser_pool, "command", lambda options: [sys.executable, "-c", SWALLOWING, answers])
    heard = recognition.recognise(
        AudioSource(path, info, info.audio[0]), RecogniserOptions("whisper", str(tmp_path)), Workspace(tmp_path)
    )
    assert [word.text for word in heard.words] == [text for text, _, _ in words]
