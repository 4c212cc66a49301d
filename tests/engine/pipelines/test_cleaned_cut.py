"""A cut that cleans what it listens to: as cleaning and then cutting would, with audio encoded once."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.engine.pipelines.silence_cut import CutResult, cut, plan_only
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import spoken
from tests.media import FAST_X264, picture, run_ffmpeg, url
from tests.spoken import RATE

pytestmark = pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")
SECONDS = 20
PARAMS = CutParams(min_silence_ms=300)
CLEAN = CleanOptions()


@pytest.fixture(scope="module")
def noisy(tmp_path_factory) -> Path:
    """Speech over a room and hum, so loud that its pauses are no silence; a second track has hum alone."""
    folder = tmp_path_factory.mktemp("noisy")
    talk = spoken.talk(7, SECONDS)
    time = np.arange(len(talk.samples)) / RATE
    hum = 0.01 * sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 4, 5)).astype(np.float32)
    wav = spoken.write(folder / "noisy.wav", talk.over(spoken.room(len(talk.samples), 3), 10) + hum)
    other = spoken.write(folder / "other.wav", hum)
    tracks = ("-i", url(wav), "-i", url(other), "-map", "0:v", "-map", "1:a", "-map", "2:a")
    run_ffmpeg(*picture(SECONDS, 25, "64x48"), *tracks, *FAST_X264, "-c:a", "pcm_s24le", url(folder / "noisy.mkv"))
    return folder / "noisy.mkv"


def cut_to(output: Path, source: Path, clean: CleanOptions | None = None, *, handover: bool = True) -> CutResult:
    options = RenderOptions(track=0, audio=AudioOptions(handover=handover))
    return cut(Source(source, inspect(source)), PARAMS, output, Workspace(output.parent), options, clean)


def samples(path: Path, number: int = 0) -> np.ndarray:
    info = inspect(path)
    with decoder.decoded(AudioSource(path, info, info.audio[number])) as pcm:
        return pcm.read(RATE * SECONDS * 2)


def test_it_gives_the_samples_that_cleaning_and_then_cutting_gives(noisy, tmp_path):
    info, between = inspect(noisy), tmp_path / "between.mkv"
    options = dataclasses.replace(CLEAN, handover=True)
    clean_audio.clean(AudioSource(noisy, info, info.audio[0]), options, between, Workspace(tmp_path))
    apart = cut_to(tmp_path / "apart.mp4", between)
    at_once = cut_to(tmp_path / "once.mp4", noisy, CLEAN)

    assert at_once.plan.keep == apart.plan.keep
    assert len(at_once.plan.keep) > 2
    assert at_once.report.ok and at_once.report.heard
    assert at_once.frames_copied == apart.frames_copied
    for track in (0, 1):
        assert np.array_equal(samples(tmp_path / "once.mp4", track), samples(tmp_path / "apart.mp4", track))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["apart.mp4", "between.mkv", "once.mp4"]


def test_pauses_are_found_in_what_cleaning_leaves(noisy):
    source = Source(noisy, inspect(noisy))
    params = dataclasses.replace(PARAMS, threshold_db=-35)
    with pytest.raises(InputError, match="No silence"):
        plan_only(source, params, track=0)
    assert len(plan_only(source, params, track=0, clean=CLEAN).keep) > 2


def test_the_result_says_what_was_taken_out_and_plays_everywhere(noisy, tmp_path):
    made = cut_to(tmp_path / "b.mp4", noisy, CLEAN, handover=False)
    assert {track.codec for track in inspect(tmp_path / "b.mp4").audio} == {"aac"}
    (track,) = made.to_json()["cleaned"]
    assert track["noise_after_db"] < track["noise_before_db"] - 8
    assert track["hum_hz"][0] == pytest.approx(50, abs=0.3)
    assert [name for name, _ in made.told.facts or ()] == ["Noise in pauses", "Hum taken out"]


def test_copied_audio_is_not_cleaned(noisy, tmp_path):
    options = RenderOptions(audio=AudioOptions("copy"))
    with pytest.raises(InputError, match="stays as it is"):
        cut(Source(noisy, inspect(noisy)), PARAMS, tmp_path / "b.mp4", Workspace(tmp_path), options, CLEAN)
