import numpy as np
import pytest

from jobs.engine import pcm
from jobs.engine.inspection import inspect
from tests.clips import Sound, lag, make
from tests.media import run_ffmpeg, url


def read(path, rate: int) -> np.ndarray:
    info = inspect(path)
    with pcm.decoded(path, info, info.audio[0], rate=rate, channels=1) as sound:
        return sound.read(10 * rate)[:, 0]


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("suffix", [".mp3", ".mkv"])
def test_every_rate_has_the_sound_at_the_same_place(tmp_path, suffix, rate):
    wav = make(tmp_path / "sound.wav", None, Sound(loud=[(0, 9)], seconds=3, rate=44100, codec="pcm_s16le"))
    source = tmp_path / f"sound{suffix}"
    codec = ("-c:a", "libmp3lame") if suffix == ".mp3" else ("-c:a", "aac")
    run_ffmpeg("-itsoffset", "0.7", "-i", url(wav), *codec, "-b:a", "192k", url(source))

    original = read(wav, rate)
    wanted = round(1.5 * rate)

    # A sample is as near as the nearest can be.
    assert abs(lag(read(source, rate), original, wanted, wanted, window=rate // 2, reach=rate)) <= 1
