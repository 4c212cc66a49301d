"""A timeline rendered at a loudness: as loud as asked, its peaks held, and still the recording's own audio."""

from fractions import Fraction

import pytest

from jobs.engine.audio import loudness
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines.timeline_render import RenderOptions, TimelineResult, render_timeline
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests.clips import Sound, make

LOUD = [(0.2, 1.9), (2.2, 2.9), (3.3, 4.6), (5.1, 5.9)]
SEGMENTS = (Segment(Fraction(0), Fraction(2)), Segment(Fraction(3), Fraction(6)))


def rendered(source, output, lufs: float | None) -> TimelineResult:
    info = inspect(source)
    timeline = Timeline(SEGMENTS, (info.duration,))
    options = RenderOptions(audio=AudioOptions(loudness_lufs=lufs))
    return render_timeline(Source(source, info), timeline, output, Workspace(source.parent), options)


def loudness_of(path, track: int = 0) -> loudness.Loudness:
    info = inspect(path)
    return loudness.measure(AudioSource(path, info, info.audio[track]), progress=lambda done: None)


@pytest.mark.parametrize("lufs", [-30.0, -16.0])
@pytest.mark.parametrize("suffix", [".m4a", ".flac"])
def test_the_result_is_as_loud_as_asked(lufs, suffix, tmp_path):
    source = make(tmp_path / "a.m4a", None, Sound(LOUD, seconds=6, loud_db=-30))
    result = rendered(source, tmp_path / f"b{suffix}", lufs)
    (levelling,) = result.audio.levellings
    assert loudness_of(tmp_path / f"b{suffix}").integrated_lufs == pytest.approx(lufs, abs=0.5)
    assert levelling.after.integrated_lufs == pytest.approx(lufs, abs=0.2)
    assert inspect(tmp_path / f"b{suffix}").duration == pytest.approx(5, abs=0.03)
    assert result.report.ok
    assert result.report.heard


def test_peaks_stay_below_their_ceiling(tmp_path):
    source = make(tmp_path / "a.m4a", None, Sound(LOUD, seconds=6, loud_db=-30))
    result = rendered(source, tmp_path / "b.flac", -6)
    assert result.audio.levellings[0].limited
    assert loudness_of(tmp_path / "b.flac").true_peak_db <= loudness.TRUE_PEAK_DB + 0.3


def test_a_silent_track_beside_another_stays_as_it_is(tmp_path):
    source = make(tmp_path / "a.mkv", None, Sound(LOUD, seconds=6), Sound([], seconds=6))
    result = rendered(source, tmp_path / "b.mp4", -20)
    assert result.audio.levellings[0] is not None
    assert result.audio.levellings[1] is None
    assert loudness_of(tmp_path / "b.mp4").integrated_lufs == pytest.approx(-20, abs=0.5)


def test_a_recording_of_silence_is_refused_and_leaves_nothing(tmp_path):
    source = make(tmp_path / "a.m4a", None, Sound([], seconds=6))
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError, match="too quiet"):
        rendered(source, tmp_path / "b.m4a", -16)
    assert set(tmp_path.iterdir()) == before
