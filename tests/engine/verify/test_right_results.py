"""The check lets right results pass."""

from fractions import Fraction

import numpy as np
import pytest

from jobs.engine.video import frame_schedule
from tests.clips import Picture, Sound
from tests.engine.verify.cuts import LOUD, UNEVEN, Cut, cut_of

NTSC = Fraction(30_000, 1001)


def test_a_right_result_passes_and_the_report_says_what_was_checked(right):
    report = right.check()

    assert report.ok
    assert report.summary == f"checked: {len(report_frames(right))} frames, 3 joins, drift 0 ms"
    assert report.frames_decoded >= 6 * 3
    assert report.windows_skipped == 0
    assert {one.track for one in report.heard} == {0}
    assert max(abs(one.late_ms) for one in report.heard) < 0.05
    ats = [one.at for one in report.heard]
    assert ats[0] < 0.2
    assert ats[-1] + 0.8 > right.plan.output_duration


def report_frames(cut: Cut) -> list[int]:
    assert cut.index is not None
    return frame_schedule.schedule(cut.index, cut.plan.timeline.segments).source_pts.tolist()


SIX = {"seconds": 6}
RECORDINGS = {
    "29.97 a second": ("a.mp4", Picture(NTSC, **SIX), [Sound(LOUD, **SIX)]),
    "60 a second": ("a.mp4", Picture(Fraction(60), **SIX), [Sound(LOUD, **SIX)]),
    "variable rate": ("a.mp4", Picture(times=UNEVEN), [Sound(LOUD, **SIX)]),
    "a clock of milliseconds": ("a.mkv", Picture(NTSC, **SIX), [Sound(LOUD, **SIX)]),
    "start at five seconds": (
        "a.mkv",
        Picture(start=Fraction(5), **SIX),
        [Sound([(begin + 5, end + 5) for begin, end in LOUD], start=Fraction(5), **SIX)],
    ),
    "transport stream": (
        "a.ts",
        Picture(start=Fraction(7), **SIX),
        [Sound([(begin + 7, end + 7) for begin, end in LOUD], start=Fraction(7), codec="mp2", **SIX)],
    ),
    "sound late": ("a.mp4", Picture(**SIX), [Sound(LOUD, start=Fraction(7, 10), seconds=5.3)]),
    "sound over early": ("a.mp4", Picture(**SIX), [Sound(LOUD[:2], seconds=2.2)]),
    "picture late": ("a.mp4", Picture(start=Fraction(7, 10), seconds=5.3), [Sound(LOUD, **SIX)]),
    "mono": ("a.mp4", Picture(**SIX), [Sound(LOUD, layout="mono", **SIX)]),
    "surround": ("a.mp4", Picture(**SIX), [Sound(LOUD, layout="5.1", bit_rate=500_000, **SIX)]),
    "a rate AAC has not": ("a.mkv", Picture(**SIX), [Sound(LOUD, rate=37_800, codec="pcm_s16le", bit_rate=0, **SIX)]),
    "low rate": ("a.mov", Picture(**SIX), [Sound(LOUD, rate=8_000, codec="pcm_s16le", bit_rate=0, **SIX)]),
    "mp3 in avi": (
        "a.avi",
        Picture(codec="mpeg4", time_base=Fraction(1, 25), options={"g": "12", "bf": "0"}, **SIX),
        [Sound(LOUD, codec="libmp3lame", **SIX)],
    ),
    "two tracks": ("a.mp4", Picture(**SIX), [Sound(LOUD, seed=1, **SIX), Sound(LOUD, seed=2, layout="mono", **SIX)]),
    "mp3 alone": ("a.mp3", None, [Sound(LOUD, codec="libmp3lame", **SIX)]),
    "opus alone": ("a.ogg", None, [Sound(LOUD, codec="libopus", bit_rate=128_000, **SIX)]),
    "flac alone": ("a.flac", None, [Sound(LOUD, rate=44_100, codec="flac", bit_rate=0, **SIX)]),
    "pcm alone": ("a.wav", None, [Sound(LOUD, rate=22_050, codec="pcm_s16le", bit_rate=0, **SIX)]),
    "raw aac alone": ("a.aac", None, [Sound(LOUD, **SIX)]),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_right_results_of_all_kinds_pass(name, tmp_path):
    filename, pictures, sounds = RECORDINGS[name]
    cut = cut_of(tmp_path, filename, pictures, *sounds)

    report = cut.check()

    assert report.faults == ()
    assert report.joins == 3
    assert {one.track for one in report.heard} == set(range(len(sounds)))
    # Containers that count in milliseconds place the source's own sound no better.
    assert report.drift_ms is not None
    assert report.drift_ms < 1


def test_a_result_without_sound_passes_and_its_report_names_no_drift(tmp_path):
    report = cut_of(tmp_path, "a.mp4", Picture(seconds=6)).check()
    assert report.ok
    assert report.drift_ms is None
    assert "drift" not in report.summary


@pytest.mark.parametrize("floor_db", [-90, -np.inf])
def test_windows_without_enough_sound_are_left_out_and_counted(tmp_path, floor_db):
    cut = cut_of(tmp_path, "a.mp4", Picture(seconds=6), Sound([(0.5, 1.0)], seconds=6, floor_db=floor_db))
    report = cut.check()
    assert report.ok
    assert report.windows_skipped >= 3
    assert report.heard
    assert report.drift_ms == 0


def test_the_trace_of_sound_that_ended_shortly_before_a_range_accuses_nobody(tmp_path):
    """The encoder leaves some of it behind the join; the source has it too, where the sound ends."""
    pictures, sound = Picture(seconds=12, size=(64, 64)), Sound([(0, 7)], seconds=7)
    cut = cut_of(tmp_path, "a.mp4", pictures, sound, keep=((0, 0.9), (1.33, 5.6), (6.05, 6.5), (7.21, 12)))
    report = cut.check()
    assert report.faults == ()
    assert report.drift_ms < 1
    assert len(report.heard) >= 5


# Low ones lie outside of the band, and where a window ends there are all frequencies: both ends are alike.
@pytest.mark.parametrize("frequency", [50, 60, 100, 500])
def test_a_tone_that_fits_everywhere_proves_nothing_and_accuses_nobody(tmp_path, monkeypatch, frequency):
    def tone(self):
        time = np.arange(round(self.seconds * self.rate)) / self.rate
        return (0.5 * np.sin(2 * np.pi * frequency * time))[None].repeat(2, 0).astype(np.float32)

    monkeypatch.setattr(Sound, "samples", property(tone))
    report = cut_of(tmp_path, "a.mp4", Picture(seconds=6), Sound(seconds=6)).check()
    assert report.ok
    assert report.heard == ()
    assert report.windows_skipped > 3


def test_sound_in_loud_hum_is_found(tmp_path, monkeypatch):
    quiet = Sound.samples.fget

    def humming(self):
        time = np.arange(round(self.seconds * self.rate)) / self.rate
        return quiet(self) / 2 + (0.5 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)

    monkeypatch.setattr(Sound, "samples", property(humming))
    report = cut_of(tmp_path, "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6)).check()
    assert report.ok
    assert report.windows_skipped == 0
    assert report.drift_ms < 0.5
