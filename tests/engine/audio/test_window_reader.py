"""Short windows of sound, against what is known to be there."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.window_reader import WindowReader
from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests import media
from tests.clips import Sound, heard, lag, make

RATE = 8000
SECONDS = 8
PACKED = 10


def packed(data: bytes) -> bytes:
    """A 3GP file of AMR alone with PACKED frames in a sample instead of one; ffmpeg writes none itself."""
    for box in (stts, stsz, stsc):
        assert data.count(box(1)) == 1
        data = data.replace(box(1), box(PACKED))
    return data


def stts(frames: int) -> bytes:
    """How many samples there are and how long each is."""
    return struct.pack(">4s4I", b"stts", 0, 1, SECONDS * 50 // frames, 160 * frames)


def stsz(frames: int) -> bytes:
    """How large each sample is, and how many there are."""
    return struct.pack(">4s3I", b"stsz", 0, 32 * frames, SECONDS * 50 // frames)


def stsc(frames: int) -> bytes:
    """How many samples lie in the one chunk."""
    return struct.pack(">4s5I", b"stsc", 0, 1, 1, SECONDS * 50 // frames, 1)


@pytest.fixture(scope="module")
def phone(tmp_path_factory):
    """What many phones wrote: AMR with ten frames in a sample, of which the first alone has a time."""
    folder = tmp_path_factory.mktemp("phone")
    sound = Sound([(0, 9)], seconds=SECONDS, rate=RATE, layout="mono", codec="pcm_s16le", bit_rate=0)
    wav = make(folder / "sound.wav", None, sound)
    plain = folder / "plain.3gp"
    source = folder / "phone.3gp"
    # Noise as such is nothing that a coder of speech keeps the shape of.
    shaped = ("-af", "lowpass=f=600", "-c:a", "libopencore_amrnb", "-b:a", "12.2k")
    media.run_ffmpeg("-i", media.url(wav), *shaped, media.url(plain))
    media.remuxed(plain, source, "-frames:a", SECONDS * 50)
    source.write_bytes(packed(source.read_bytes()))
    with av.open(str(source)) as container:
        frames = next(container.demux(audio=0)).decode()
        assert [frame.pts is None for frame in frames] == [False] + [True] * (PACKED - 1)
    return source


def test_frames_without_a_time_of_their_own_follow_the_one_before(phone):
    info = inspect(phone)
    audio = AudioSource(phone, info, info.audio[0])
    with decoder.decoded(audio) as sound:
        whole = sound.read(SECONDS * RATE)
    with WindowReader.opened(audio, rate=RATE, channels=1) as listener:
        for begin in (Fraction(0), Fraction(31, 10), Fraction(3), Fraction(6)):
            window, first = listener.window(begin, RATE), round(begin * RATE)
            # A coder of speech is the same again some frames after it was begun.
            assert np.allclose(window, whole[first : first + RATE], atol=0.02)


def test_a_cut_of_it_is_right(phone, tmp_path):
    result = cut(
        Source(phone, inspect(phone)), CutParams(keep=((1, 3), (5, 7.5))), tmp_path / "cut.mp4", Workspace(tmp_path)
    )
    assert result.report.heard
    # The same frames, each with its time.
    (made, rate), (original, _) = heard(tmp_path / "cut.mp4"), heard(phone.with_name("plain.3gp"))
    assert rate == RATE
    assert len(made) == pytest.approx(4.5 * RATE, abs=1024)
    for at, origin in ((0.2, 1.2), (1.5, 2.5), (2.2, 5.2), (4.0, 7.0)):
        assert abs(lag(made, original, round(at * RATE), round(origin * RATE), window=2000, reach=2000)) <= 8
