"""Sound of many channels and layouts: read beyond none of them, and right in each."""

from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.sample_clock import samples_of
from jobs.engine.audio.window_reader import WindowReader
from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests import media
from tests.clips import Sound, heard, lag, make

RATE = 48_000
KEEP = ((0.4, 1.2), (1.92, 2.4), (3.0, 3.6))
KINDS = {
    "AAC": ("a.mp4", "7.1", "aac", "-b:a", "768k"),
    "FLAC": ("a.mka", "7.1", "flac"),
    "PCM": ("a.wav", "7.1", "pcm_s16le"),
    "PCM of floats": ("a.mkv", "7.1", "pcm_f32le"),
    "Opus": ("a.mkv", "7.1", "libopus", "-b:a", "512k"),
    "Vorbis": ("a.ogg", "7.1", "libvorbis", "-q:a", "8"),
    "WavPack": ("a.mka", "7.1", "wavpack"),
    "TrueHD": ("a.mkv", "7.1", "truehd", "-strict", "-2"),
    "wide": ("a.mov", "7.1(wide)", "pcm_s24le"),
    "octagonal": ("a.mov", "octagonal", "pcm_s16le"),
    "above": ("a.mkv", "5.1.2", "flac"),
    "seven": ("a.mp4", "6.1", "aac"),
    "ten": ("a.mkv", "7.1.2", "pcm_s16le"),
    "sixteen": ("a.wav", "hexadecagonal", "pcm_s16le"),
    "twenty-four": ("a.mkv", "22.2", "pcm_s32le"),
}


def recording(kind, folder):
    name, layout, *codec = KINDS[kind]
    sound = make(folder / "sound.wav", None, Sound([(0, 9)], layout=layout, codec="pcm_s16le", bit_rate=0))
    picture, coded = ((), ()) if name.endswith((".wav", ".mka", ".ogg")) else (media.picture(4), media.FAST_X264)
    media.run_ffmpeg(*picture, "-i", media.url(sound), *coded, "-c:a", *codec, media.url(folder / name))
    return folder / name


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_has_the_sound_of_its_source_at_its_place(kind, tmp_path):
    source = recording(kind, tmp_path)
    info, output = inspect(source), tmp_path / "cut.mp4"
    cut(Source(source, info), CutParams(keep=KEEP), output, Workspace(tmp_path))

    result, rate = heard(output)
    original = Sound([(0, 9)]).samples[0]
    assert rate == RATE
    at = Fraction(0)
    for start, end in KEEP:
        place, origin = round((at + Fraction(1, 10)) * RATE), round((Fraction(str(start)) + Fraction(1, 10)) * RATE)
        assert abs(lag(result, original, place, origin)) <= 24
        at += Fraction(str(end)) - Fraction(str(start))


@pytest.mark.parametrize("kind", ["AAC", "FLAC", "PCM", "Opus", "Vorbis"])
def test_all_eight_channels_come_through_a_cut_each_as_loud_as_it_was(kind, tmp_path):
    source = recording(kind, tmp_path)
    cut(Source(source, inspect(source)), CutParams(keep=KEEP), tmp_path / "cut.mp4", Workspace(tmp_path))

    levels = [np.sqrt(np.mean(heard(tmp_path / "cut.mp4", channel=channel)[0] ** 2)) for channel in range(8)]
    # The fourth is for low frequencies alone: lossy encoders leave little else in it.
    wanted = [1 / (1 + channel / 4) for channel in range(8) if channel != 3]
    assert np.delete(levels, 3) / levels[0] == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("kind", ["AAC", "Opus", "Vorbis", "octagonal", "sixteen"])
def test_a_window_is_what_reading_from_the_start_comes_to(kind, tmp_path):
    source = recording(kind, tmp_path)
    info = inspect(source)
    audio = AudioSource(source, info, info.audio[0])
    with (
        decoder.decoded(audio) as sound,
        WindowReader.opened(audio, rate=sound.rate, channels=sound.channels) as ear,
    ):
        for begin in (0, sound.rate, 2 * sound.rate + 7):
            sound.skip(begin - sound.position)
            window, wanted = ear.window(Fraction(begin, sound.rate), sound.rate // 2), sound.read(sound.rate // 2)
            assert window.shape == wanted.shape
            # Matroska's times are whole milliseconds.
            assert abs(lag(window[:, 0], wanted[:, 0], 4096, 4096)) <= 48


def test_samples_in_planes_are_not_made_an_array():
    """PyAV would read on where the eight planes end."""
    frame = av.AudioFrame(format="fltp", layout="7.1", samples=1024)
    with pytest.raises(ValueError, match="fltp"):
        samples_of(frame)
