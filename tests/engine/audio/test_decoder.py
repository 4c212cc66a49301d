"""Sound read as samples, against single samples put at known places."""

import tracemalloc
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError, ToolError
from tests import media
from tests.clips import Sound, lag, make
from tests.engine.analysis.test_peak_levels import clicks, write

RATE = 48_000


def whole(source: Path, block: int = 1000) -> np.ndarray:
    info = inspect(source)
    with decoder.decoded(AudioSource(source, info, info.audio[0])) as sound:
        blocks = []
        while len(part := sound.read(block)):
            blocks.append(part)
        assert sound.position == sum(map(len, blocks))
    return np.concatenate(blocks)


def test_every_sample_is_at_its_place_after_a_late_start_and_a_hole(tmp_path):
    places = [100, RATE + 7, 2 * RATE + 11]
    source = write(tmp_path / "a.mkv", clicks(RATE * 3, *places), RATE, start=2, holes=range(12, 18))
    for block in (1000, 10 * RATE):
        assert np.flatnonzero(whole(source, block)[:, 0] > 0.2).tolist() == places


def test_what_is_skipped_is_as_long_as_what_is_read(tmp_path):
    places = [100, RATE + 7, 2 * RATE + 11]
    source = write(tmp_path / "a.mkv", clicks(RATE * 3, *places), RATE, holes=range(12, 18))
    info = inspect(source)
    with decoder.decoded(AudioSource(source, info, info.audio[0])) as sound:
        sound.skip(RATE)
        assert np.flatnonzero(sound.read(RATE // 2)[:, 0] > 0.2).tolist() == [7]
        sound.skip(RATE // 2 + 10)
        assert np.flatnonzero(sound.read(5)[:, 0] > 0.2).tolist() == [1]
        sound.skip(100 * RATE)
        assert sound.position == 3 * RATE
        assert not len(sound.read(10))


def test_a_long_hole_is_not_held_in_memory(tmp_path):
    source = tmp_path / "a.mkv"
    write(source, clicks(RATE * 600, 590 * RATE), RATE, holes=range(2, 5800))
    info = inspect(source)
    with decoder.decoded(AudioSource(source, info, info.audio[0])) as sound:
        sound.read(1)
        tracemalloc.start()
        sound.skip(100 * RATE)
        sound.read(RATE)
        sound.skip(489 * RATE - 1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sound.read(1)[0, 0] > 0.2
    # The hole alone is 110 MB.
    assert most < 5e6


def test_sound_with_damage_in_it_is_not_shifted(tmp_path):
    """Pulses each half second; the AAC packets of one second are overwritten."""
    source = media.audio(tmp_path / "a.m4a", "-af", "volume='lt(mod(t,0.5),0.1)':eval=frame", "-b:a", "64k", seconds=6)
    sane = whole(source)
    data = bytearray(source.read_bytes())
    begin = data.index(b"mdat")
    for place in range(begin + len(data) // 3, begin + len(data) // 2):
        data[place] = 0xFF
    source.write_bytes(data)
    hurt = whole(source)
    assert abs(len(hurt) - len(sane)) <= 1024
    differs = np.abs(hurt[: len(sane) - 1024] - sane[: len(hurt)][: len(sane) - 1024])[:, 0] > 1e-3
    places = np.flatnonzero(differs)
    assert len(places)
    assert np.array_equal(hurt[: places[0]], sane[: places[0]])
    assert places[-1] < 0.75 * len(sane)


@pytest.mark.parametrize("channels", [1, 5])
def test_a_rate_that_aac_has_not_and_channels_without_names_become_others(channels, tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(37_800)
        samples = np.zeros((37_800 * 2, channels), "<i2")
        samples[37_800:, 0] = 20_000
        file.writeframes(samples.tobytes())
    sound = whole(tmp_path / "a.wav")
    assert sound.shape == (2 * RATE, {1: 1, 5: 2}[channels])
    # In the middle of the step that the samples make, not smeared by more than the resampler's filter.
    assert np.flatnonzero(sound[:, 0] > sound[-RATE // 2, 0] / 2)[0] == pytest.approx(RATE, abs=2)


def test_layouts_that_cannot_be_mixed_down_are_refused_in_words(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(40)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(40 * 2 * 4800))
    info = MediaInfo("wav", Fraction(1), 1, audio=(AudioTrack(0, "pcm_s16le", RATE, 40),))
    with pytest.raises(ToolError), decoder.decoded(AudioSource(tmp_path / "a.wav", info, info.audio[0])) as sound:
        sound.read(10)


def test_a_file_is_opened_as_what_it_is_and_as_nothing_else(tmp_path):
    """As MP4 a list of other files is nothing, whatever it is called."""
    media.audio(tmp_path / "secret.wav")
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile secret.wav\n")
    info = MediaInfo("mov,mp4,m4a", Fraction(1), 1, audio=(AudioTrack(0, "aac", RATE, 2),))
    with pytest.raises(InputError), decoder.decoded(AudioSource(tmp_path / "a.mp4", info, info.audio[0])) as sound:
        sound.read(1)


def mono(source: Path, rate: int) -> np.ndarray:
    info = inspect(source)
    with decoder.decoded(AudioSource(source, info, info.audio[0]), rate=rate, channels=1) as sound:
        return sound.read(10 * rate)[:, 0]


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("suffix", [".mp3", ".mkv"])
def test_every_rate_has_the_sound_at_the_same_place(tmp_path, suffix, rate):
    wav = make(tmp_path / "sound.wav", None, Sound(loud=[(0, 9)], seconds=3, rate=44100, codec="pcm_s16le"))
    source = tmp_path / f"sound{suffix}"
    codec = ("-c:a", "libmp3lame") if suffix == ".mp3" else ("-c:a", "aac")
    media.run_ffmpeg("-itsoffset", "0.7", "-i", media.url(wav), *codec, "-b:a", "192k", media.url(source))

    original = mono(wav, rate)
    wanted = round(1.5 * rate)

    # A sample is as near as the nearest can be.
    assert abs(lag(mono(source, rate), original, wanted, wanted, window=rate // 2, reach=rate)) <= 1
