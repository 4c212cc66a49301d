"""Audio that runs at another speed is held against its source too, and what is not the source's is refused."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.audio import aac_encoder
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import Report
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines import silence_cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import render
from jobs.engine.render.render import RenderRequest
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.verify.av_sync import MAXIMUM_SPEED, STRETCHED_LIMIT_SECONDS, windows
from jobs.engine.verify.verify import verify
from jobs.engine.video.source import Source
from tests.clips import Sound, heard, make

SPEEDS = [Fraction(1, 4), Fraction(1, 2), Fraction(5, 4), Fraction(2), Fraction(4)]
RATE = 16_000


def bursts(seconds: float, seed: int) -> list[tuple[float, float]]:
    """As irregular as syllables."""
    edges = np.cumsum(np.random.default_rng(seed).uniform(0.08, 0.4, 10 * round(seconds)))
    inside = edges[edges < seconds][: len(edges[edges < seconds]) // 2 * 2]
    return list(zip(inside[::2].tolist(), inside[1::2].tolist(), strict=True))


def sound(seconds: float, seed: int = 1) -> Sound:
    return Sound(bursts(seconds, seed), seconds=seconds, rate=RATE, layout="mono", floor_db=-50, seed=seed)


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A right result in which the middle third of the recording runs at another speed."""

    source: Path
    info: MediaInfo
    timeline: Timeline
    output: Path

    @property
    def middle(self) -> tuple[Fraction, Fraction]:
        begins, segment = list(self.timeline.placed)[1]
        return begins, begins + segment.output_duration

    def check(self, output: Path | None = None) -> Report:
        return verify(Source(self.source, self.info), output or self.output, self.timeline)

    def altered(self, alter) -> Path:
        """The result with its audio decoded, what is in the middle altered, and encoded again."""
        samples, rate = heard(self.output)
        samples = samples[: round(self.timeline.duration * rate)].copy()
        begin, end = (round(time * rate) for time in self.middle)
        samples[begin:end] = alter(samples[begin:end], rate)
        path = self.output.with_name("altered.mp4")
        with aac_encoder.encoder(path, rate, 1) as encoder:
            encoder.write(samples.astype("<f4")[:, None])
        return path


def rendered(folder: Path, seconds: float, speed: Fraction) -> Rendered:
    source = make(folder / "a.m4a", None, sound(seconds))
    info, third = inspect(source), Fraction(seconds) / 3
    segments = (Segment(Fraction(0), third), Segment(third, 2 * third, speed), Segment(2 * third, Fraction(seconds)))
    timeline, output = Timeline(segments, (Fraction(seconds),)), folder / "result.mp4"
    render.render(RenderRequest(Source(source, info), timeline), output, Workspace(folder))
    return Rendered(source, info, timeline, output)


@pytest.fixture(scope="module", params=SPEEDS, ids=str)
def right(request, tmp_path_factory) -> Rendered:
    return rendered(tmp_path_factory.mktemp("right"), 24, request.param)


def codes(report: Report) -> set[str]:
    return {fault.code for fault in report.faults}


def test_a_right_result_passes_and_what_runs_at_another_speed_is_counted(right):
    report = right.check()
    assert report.faults == ()
    begin, end = right.middle
    inside = [one for one in report.heard if begin <= one.at < end]
    assert len(inside) >= 2
    assert report.drift_ms < 800 * STRETCHED_LIMIT_SECONDS
    assert max(abs(one.late_ms) for one in report.heard if one not in inside) < 0.1


def test_it_being_100_ms_late_is_a_fault(right):
    altered = right.altered(lambda samples, rate: np.roll(samples, rate // 10))
    report = right.check(altered)
    assert codes(report) == {"sound_moved"}
    assert report.drift_ms == pytest.approx(100, abs=15)
    assert "ms late" in report.faults[0].message
    assert right.middle[0] - 1 < report.faults[0].at < right.middle[1]


def test_it_being_40_ms_early_is_a_fault(right):
    report = right.check(right.altered(lambda samples, rate: np.roll(samples, -rate // 25)))
    assert codes(report) == {"sound_moved"}
    assert "ms early" in report.faults[0].message


def test_other_audio_in_its_place_is_a_fault(right):
    def other(samples, rate):
        found = sound(len(samples) / rate + 1, seed=9).samples[0]
        return found[: len(samples)]

    assert codes(right.check(right.altered(other))) & {"sound_differs", "sound_moved"}


def test_the_same_audio_backwards_is_a_fault(right):
    assert codes(right.check(right.altered(lambda samples, rate: samples[::-1])))


@pytest.mark.parametrize("gain", [0, 0.01])
def test_silence_in_its_place_is_a_fault(right, gain):
    assert codes(right.check(right.altered(lambda samples, rate: samples * gain))) == {"sound_differs"}


@pytest.mark.parametrize("speed", [Fraction(1, 2), Fraction(3, 2)])
def test_a_drift_over_a_long_recording_is_noticed(speed, tmp_path):
    source = make(tmp_path / "a.m4a", None, sound(90))
    info, timeline = inspect(source), Timeline((Segment(Fraction(0), Fraction(90), speed),), (Fraction(90),))
    output = tmp_path / "result.mp4"
    render.render(RenderRequest(Source(source, info), timeline), output, Workspace(tmp_path))
    whole = Rendered(source, info, timeline, output)
    assert verify(Source(source, info), output, timeline).ok
    samples, rate = heard(output)
    places = np.arange(round(timeline.duration * rate))
    drifting = np.interp(places * (1 - 1000e-6), np.arange(len(samples)), samples)
    with aac_encoder.encoder(tmp_path / "b.mp4", rate, 1) as encoder:
        encoder.write(drifting.astype("<f4")[:, None])
    report = whole.check(tmp_path / "b.mp4")
    assert codes(report) == {"sound_moved"}
    # A thousandth of all of it, at its end.
    assert report.drift_ms == pytest.approx(float(timeline.duration), rel=0.2)


def test_steady_noise_accuses_nobody(tmp_path):
    source = make(tmp_path / "a.m4a", None, Sound([(0, 20)], seconds=20, rate=RATE, layout="mono"))
    info, timeline = inspect(source), Timeline((Segment(Fraction(0), Fraction(20), Fraction(16)),), (Fraction(20),))
    render.render(RenderRequest(Source(source, info), timeline), tmp_path / "r.mp4", Workspace(tmp_path))
    assert verify(Source(source, info), tmp_path / "r.mp4", timeline).ok


def test_fast_pauses_of_a_cut_are_listened_to(tmp_path):
    loud = [(0.5, 2), (8, 9.5), (15, 16)]
    source = make(tmp_path / "a.m4a", None, sound(17))
    params = CutParams(keep=loud, pauses="speed", speed=3)
    result = silence_cut.cut(Source(source, inspect(source)), params, tmp_path / "cut.m4a", Workspace(tmp_path))
    assert result.report.ok
    for begins, segment in result.plan.timeline.placed:
        if segment.output_duration > 1:
            ends = begins + segment.output_duration
            assert [one for one in result.report.heard if begins <= one.at < ends], segment


def test_what_is_too_fast_to_be_heard_is_not_listened_to():
    segments = (Segment(Fraction(0), Fraction(5)), Segment(Fraction(5), Fraction(500), Fraction(MAXIMUM_SPEED + 1)))
    assert {window.speed for window in windows(Timeline(segments, (Fraction(500),)))} == {1}
