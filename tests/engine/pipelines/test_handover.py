"""What a step hands over to the next: its audio to the very sample, so that a chain encodes once."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.sample_ranges import FADE_SECONDS
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.engine.pipelines.timeline_render import RenderOptions, render_timeline
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.frame_index import index_frames
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make

RATE = 48_000
UNTOUCHED = CleanOptions(strength=0, hum="off", handover=True)
BEGIN, END = Fraction(1), Fraction(3)


@pytest.fixture(params=["video", "audio"])
def recording(request, tmp_path) -> Path:
    """Audio of 24 bits beside a picture, or alone."""
    picture = Picture(seconds=4) if request.param == "video" else None
    return make(tmp_path / "a.mkv", picture, Sound([(0.3, 1.4), (1.9, 3.6)], seconds=4, codec="pcm_s24le"))


def samples(path: Path) -> np.ndarray:
    info = inspect(path)
    with decoder.decoded(AudioSource(path, info, info.audio[0])) as pcm:
        return pcm.read(RATE * 10)


def cleaned(source: Path, options: CleanOptions) -> Path:
    info = inspect(source)
    tracks = clean_audio.tracks(info, info.audio[0])
    container = clean_audio.replace_audio.container_for("mov", source, info, tracks, handover=options.handover)
    output = source.with_name(f"clean{container.suffix}")
    clean_audio.clean(AudioSource(source, info, info.audio[0]), options, output, Workspace(source.parent))
    return output


def trimmed(source: Path, output: Path, *, handover: bool = False) -> Path:
    info = inspect(source)
    timeline = Timeline((Segment(BEGIN, END),), (info.duration,))
    indexed = Source(source, info, index_frames(source, info) if info.video else None)
    options = RenderOptions(audio=AudioOptions(handover=handover))
    assert render_timeline(indexed, timeline, output, Workspace(source.parent), options).report.ok
    return output


def test_a_step_that_changes_nothing_hands_over_the_recordings_own_samples(recording):
    made = cleaned(recording, UNTOUCHED)
    assert made.suffix == (".mp4" if inspect(recording).video else ".m4a")
    assert [track.codec for track in inspect(made).audio] == ["flac"]
    assert np.array_equal(samples(made), samples(recording))


def test_steps_in_a_row_lose_nothing_until_the_last_one_encodes(recording, tmp_path):
    between = trimmed(cleaned(recording, UNTOUCHED), tmp_path / "trimmed.mp4", handover=True)
    assert [track.codec for track in inspect(between).audio] == ["flac"]
    whole = samples(recording)[int(BEGIN * RATE) : int(END * RATE)]
    # Both ends are faded.
    fade = int(FADE_SECONDS * RATE)
    assert len(samples(between)) == len(whole)
    assert np.array_equal(samples(between)[fade:-fade], whole[fade:-fade])

    last = tmp_path / "last.mp4"
    info = inspect(between)
    how = CleanOptions(strength=0, hum="off")
    clean_audio.clean(AudioSource(between, info, info.audio[0]), how, last, Workspace(tmp_path))
    assert [track.codec for track in inspect(last).audio] == ["aac"]
    # The last packet of AAC may hold more.
    assert 0 <= len(samples(last)) - len(whole) < 1024
