"""Made noisy speech, whose clean form is known: what cleaning gains, and that clean speech is left alone."""

from pathlib import Path

import numpy as np
import pytest

from jobs.engine.audio import decoder, dehum, denoise, loudness
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.filter_graph import filtered
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import Cleaned, CleanOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from tests import spoken
from tests.media import FAST_X264, picture, run_ffmpeg, url
from tests.spoken import RATE

pytestmark = pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")
SECONDS = 20


@pytest.fixture(scope="module")
def talk() -> spoken.Talk:
    return spoken.talk(7, SECONDS)


def segmental_snr(wanted: np.ndarray, found: np.ndarray) -> float:
    """Signal over error in dB, the mean over 20 ms steps with speech, each within -10 and 35 (Hansen, Pellom 1998)."""
    step = RATE // 50
    count = min(len(wanted), len(found)) // step
    signal, error = (
        np.sum(part[: count * step].reshape(count, step).astype(float) ** 2, axis=1)
        for part in (wanted, found[: len(wanted)] - wanted[: len(found)])
    )
    speech = signal > signal.max() * 1e-4
    return float(np.clip(10 * np.log10(signal[speech] / (error[speech] + 1e-12)), -10, 35).mean())


def denoised(samples: np.ndarray, strength: float = 0.5) -> np.ndarray:
    blocks = np.array_split(samples[:, None], 7)
    starts = denoise.measure(blocks, RATE).noise()
    assert len(starts)
    noise = denoise.sample(blocks, starts, RATE)
    return np.concatenate(list(denoise.denoised(blocks, noise, strength, RATE)))[:, 0]


@pytest.mark.parametrize(
    ("noise", "snr_db", "least_db"),
    [("room", 0, 4), ("room", 10, 3), ("room", 20, 2), ("hiss", 0, 3.5), ("hiss", 10, 3), ("hiss", 20, 2)],
)
def test_steady_noise_goes_whatever_its_colour_and_level(talk, noise, snr_db, least_db):
    noisy = talk.over(spoken.NOISES[noise](len(talk.samples), 3), snr_db)

    found = denoised(noisy)

    assert len(found) == len(noisy)
    assert segmental_snr(talk.samples, found) - segmental_snr(talk.samples, noisy) > least_db


def test_more_strength_takes_more_noise(talk):
    noisy = talk.over(spoken.room(len(talk.samples), 3), 15)
    start = denoise.measure([noisy[:, None]], RATE).noise()[0] * (RATE // 50)
    pause = slice(start, start + RATE // 5)

    left = [20 * np.log10(spoken.rms(denoised(noisy, strength)[pause])) for strength in (0.1, 0.3, 0.6)]

    assert 20 * np.log10(spoken.rms(noisy[pause])) - left[0] == pytest.approx(4, abs=1.5)
    assert left[0] - 5 > left[1] > left[2] + 2


def test_clean_speech_has_no_noise_to_take_out(talk):
    assert not len(denoise.measure([talk.samples[:, None]], RATE).noise())


def test_sound_may_come_in_blocks_of_any_size(talk):
    noisy = talk.over(spoken.room(len(talk.samples), 3), 10)[: 3 * RATE, None]
    whole, scraps = (denoise.measure(blocks, RATE) for blocks in ([noisy], np.array_split(noisy, 1000)))

    assert np.array_equal(whole.level, scraps.level)
    assert not len(denoise.measure([noisy[:100]], RATE).noise())


def test_speech_without_pauses_is_no_noise(talk):
    whole = np.concatenate([talk.samples[round(a * RATE) : round(b * RATE)] for a, b in talk.words])

    assert not len(denoise.measure([whole[:, None]], RATE).noise())


@pytest.mark.parametrize("mains", [50, 60])
def test_hum_is_found_with_its_harmonics_and_taken_out(talk, mains):
    time = np.arange(len(talk.samples)) / RATE
    tones = sum(np.sin(2 * np.pi * mains * 1.0005 * k * time) / k for k in (1, 2, 3, 4, 5))
    humming = talk.samples + 0.02 * np.float32(1) * tones.astype(np.float32)
    slow = list(filtered([humming[:, None]], [f"aresample={dehum.RATE}"], RATE, 1))

    found = dehum.find(slow)

    assert found
    assert found.mains_hz == mains
    assert found.lines_hz[:5] == pytest.approx([mains * 1.0005 * k for k in (1, 2, 3, 4, 5)], abs=0.26)
    rest = np.concatenate(list(filtered([humming[:, None]], found.filters(), RATE, 1)))[:, 0]
    assert segmental_snr(talk.samples, rest) > segmental_snr(talk.samples, humming) + 6


def test_hum_of_a_long_recording_is_found_in_a_part_of_its_windows(monkeypatch):
    monkeypatch.setattr(dehum, "MAXIMUM_WINDOWS", 5)
    time = np.arange(dehum.RATE * 60) / dehum.RATE
    tones = sum(np.sin(2 * np.pi * 60 * k * time) for k in (1, 2, 3)).astype(np.float32)

    found = dehum.find([tones[:, None] + np.random.default_rng(1).normal(0, 0.1, (len(tones), 1))])

    assert found
    assert found.lines_hz[:3] == (60, 120, 180)


@pytest.mark.parametrize("name", ["room", "hiss", "music", "keyboard"])
def test_other_sounds_are_no_hum(talk, name):
    samples = talk.over(spoken.NOISES[name](len(talk.samples), 3), 10)
    assert dehum.find(list(filtered([samples[:, None]], [f"aresample={dehum.RATE}"], RATE, 1))) is None


# The whole -----------------------------------------------------------------------------------------------------------


def film(path: Path, samples: np.ndarray) -> tuple[Path, MediaInfo]:
    wav = spoken.write(path.with_suffix(".pcm.wav"), samples)
    run_ffmpeg(*picture(SECONDS, 25, "64x48"), "-i", url(wav), *FAST_X264, "-c:a", "aac", "-b:a", "160k", url(path))
    return path, inspect(path)


def cleaned(source: Path, info: MediaInfo, folder: Path, options: CleanOptions) -> tuple[Path, Cleaned]:
    output, told = folder / "out.mp4", []
    work = Workspace(folder, progress=lambda fraction, stage: told.append(fraction))
    done = clean_audio.clean(AudioSource(source, info, info.audio[0]), options, output, work)
    assert told == sorted(told)
    assert told[-1] == 1
    assert {path.name for path in folder.iterdir()} <= {"out.mp4", source.name, source.stem + ".pcm.wav"}
    return output, done


def samples_of(path: Path) -> np.ndarray:
    info = inspect(path)
    with decoder.decoded(AudioSource(path, info, info.audio[0]), rate=RATE, channels=1) as stream:
        return stream.read(RATE * (SECONDS + 5))[:, 0]


def test_a_noisy_film_comes_out_cleaner_and_as_loud_as_wished(talk, tmp_path):
    noisy = talk.over(spoken.room(len(talk.samples), 3), 10)
    source, info = film(tmp_path / "noisy.mp4", noisy)

    output, done = cleaned(source, info, tmp_path, CleanOptions(loudness_lufs=-16, highpass_hz=80))

    assert done.frames_copied == SECONDS * 25
    assert done.after.loudness.integrated_lufs == pytest.approx(-16, abs=0.5)
    assert done.after.loudness.true_peak_db <= loudness.TRUE_PEAK_DB + 0.5
    assert done.after.above_noise > done.before.above_noise + 8
    assert inspect(output).duration == pytest.approx(info.duration, abs=0.03)
    # Not the loudness of what was told, but of the file.
    made = inspect(output)
    found = loudness.measure(AudioSource(output, made, made.audio[0]), progress=lambda fraction: None)
    assert found.integrated_lufs == pytest.approx(-16, abs=0.5)
    assert "dB lower beside the sound" in done.summary


def test_noise_is_gone_and_speech_is_where_it_was(talk, tmp_path):
    noisy = talk.over(spoken.room(len(talk.samples), 3), 10)
    source, info = film(tmp_path / "noisy.mp4", noisy)

    output, _ = cleaned(source, info, tmp_path, CleanOptions())

    assert segmental_snr(talk.samples, samples_of(output)) > segmental_snr(talk.samples, noisy) + 2.5


def test_clean_speech_is_left_alone(talk, tmp_path):
    source, info = film(tmp_path / "clean.mp4", talk.samples)

    output, done = cleaned(source, info, tmp_path, CleanOptions(strength=1))

    own, found = samples_of(source), samples_of(output)
    count = min(len(own), len(found))
    error = own[:count] - found[:count]
    # What is left is that of coding it once more.
    assert 10 * np.log10(np.sum(own[:count] ** 2) / np.sum(error**2)) > 30
    assert done.hum is None
    assert done.summary == "No steady noise was found"


def test_silence_stays_silent(tmp_path):
    source, info = film(tmp_path / "silent.mp4", np.zeros(SECONDS * RATE, np.float32))

    output, done = cleaned(source, info, tmp_path, CleanOptions())

    assert not samples_of(output).any()
    assert done.before.loudness is None
