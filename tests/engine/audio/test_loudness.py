"""Loudness against what R128 says of sines, and brought to a target, on sound made here."""

from pathlib import Path

import pytest

from jobs.engine.audio import loudness
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.probe.inspection import inspect
from jobs.errors import Cancelled, InputError
from tests.media import run_ffmpeg, url


def made(path: Path, expression: str, seconds: int = 12, rate: int = 48_000) -> Path:
    run_ffmpeg("-f", "lavfi", "-i", f"aevalsrc={expression}:d={seconds}:s={rate}", "-c:a", "pcm_f32le", url(path))
    return path


def measured(path: Path) -> loudness.Loudness:
    info = inspect(path)
    return loudness.measure(AudioSource(path, info, info.audio[0]), progress=lambda done: None)


def levelled(path: Path, target: float, progress=lambda done: None) -> loudness.Levelling:
    info = inspect(path)
    return loudness.levelled(
        AudioSource(path, info, info.audio[0]), target, rate=info.audio[0].sample_rate, progress=progress
    )


def applied(source: Path, found: loudness.Levelling, path: Path) -> loudness.Loudness:
    run_ffmpeg("-i", url(source), "-af", ",".join(found.filters(48_000)), "-c:a", "pcm_f32le", url(path))
    return measured(path)


def test_a_sine_in_both_channels_measures_what_the_standard_says(tmp_path):
    # EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS has -23 LUFS.
    gain = 10 ** (-23 / 20)
    found = measured(made(tmp_path / "sine.wav", f"{gain}*sin(2*PI*1000*t)|{gain}*sin(2*PI*1000*t)"))
    assert found.integrated_lufs == pytest.approx(-23, abs=0.1)
    assert found.true_peak_db == pytest.approx(-23, abs=0.2)


def test_a_peak_between_samples_is_found(tmp_path):
    # A quarter of the sample rate, an eighth of a turn late: every sample lies 3 dB below the peak.
    found = measured(made(tmp_path / "between.wav", "0.5*min(1\\,t)*sin(2*PI*12000*t+PI/4)"))
    assert found.true_peak_db == pytest.approx(-6, abs=0.4)


@pytest.mark.parametrize("target", [-30, -16])
def test_where_there_is_room_one_gain_is_all(tmp_path, target):
    source = made(tmp_path / "soft.wav", "0.05*sin(2*PI*1000*t)|0.05*sin(2*PI*1000*t)")
    found = levelled(source, target)
    assert not found.limited
    assert len(found.filters(48_000)) == 1
    assert applied(source, found, tmp_path / "out.wav").integrated_lufs == pytest.approx(target, abs=0.2)


def test_peaks_that_would_be_too_high_are_rounded_off_and_made_up_for(tmp_path):
    # Soft, with a click of full scale five times a second.
    source = made(tmp_path / "clicks.wav", "if(lt(mod(t\\,0.2)\\,0.002)\\,0.9\\,0.03)*sin(2*PI*1000*t)")
    found = levelled(source, -16)
    assert found.limited
    result = applied(source, found, tmp_path / "out.wav")
    assert result.integrated_lufs == pytest.approx(-16, abs=0.3)
    assert result.true_peak_db <= loudness.TRUE_PEAK_DB + 0.3
    assert found.after.integrated_lufs == pytest.approx(result.integrated_lufs, abs=0.2)


@pytest.mark.parametrize(("expression", "seconds"), [("0", 5), ("0.00001*sin(2*PI*1000*t)", 5)])
def test_sound_without_loudness_is_refused(tmp_path, expression, seconds):
    with pytest.raises(InputError) as refused:
        measured(made(tmp_path / "still.wav", expression, seconds))
    assert refused.value.code == "no_loudness"


def test_progress_rises_to_the_end_and_can_stop_it(tmp_path):
    source, told = made(tmp_path / "soft.wav", "0.05*sin(2*PI*1000*t)"), []
    levelled(source, -16, told.append)
    assert told == sorted(told)
    assert 0 < told[-1] <= 1

    def stop(done):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        levelled(source, -16, stop)
