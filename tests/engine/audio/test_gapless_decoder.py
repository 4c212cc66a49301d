"""Sound decoded in large blocks is the sound decoded frame by frame; what has holes is refused."""

import socket
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.gapless_decoder import NotGapless, decoded_gapless
from jobs.engine.audio.sample_clock import positioned
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.threads import CancellationToken
from tests.clips import Picture, Sound, make
from tests.engine.analysis.test_peak_levels import clicks, write

RATE = 48_000
KINDS = {
    "aac": ("a.mp4", Sound([(0, 9)], seconds=9)),
    "mono": ("a.mp4", Sound([(0, 9)], seconds=9, layout="mono", rate=22_050)),
    "surround": ("a.mp4", Sound([(0, 9)], seconds=9, layout="5.1", bit_rate=500_000)),
    "mp3": ("a.mp3", Sound([(0, 9)], seconds=9, codec="libmp3lame")),
    "opus": ("a.webm", Sound([(0, 9)], seconds=9, codec="libopus")),
    "flac": ("a.flac", Sound([(0, 9)], seconds=9, rate=44_100, codec="flac", bit_rate=0)),
    "a clock of milliseconds": ("a.mkv", Sound([(0, 9)], seconds=9, rate=44_100)),
    "a rate AAC has not": ("a.mkv", Sound([(0, 9)], seconds=9, rate=37_800, codec="pcm_s16le", bit_rate=0)),
    "a late start": ("a.mkv", Sound([(0, 9)], seconds=9, start=Fraction(7, 3), codec="pcm_s16le", bit_rate=0)),
    "whole blocks": ("a.wav", Sound([(0, 9)], seconds=8, codec="pcm_s16le", bit_rate=0)),
    "less than a block": ("a.wav", Sound([(0, 9)], seconds=0.3, codec="pcm_s16le", bit_rate=0)),
    "a name full of what filters take for their own": ("a:b,c'd[e];f=\\g.mp4", Sound([(0, 9)], seconds=2)),
}


def blocks_of(source: Path, block: int = RATE) -> list[tuple[int, np.ndarray]]:
    audio = audio_of(source)
    rate, channels = decoder.output_rate(audio.track), decoder.output_channels(audio.track)
    return list(decoded_gapless(audio, rate, channels, block=block, token=CancellationToken()))


def audio_of(source: Path) -> AudioSource:
    info = inspect(source)
    return AudioSource(source, info, info.audio[0])


def told(source: Path, format: str) -> AudioSource:
    """The first stream of a file that is said to be of a format."""
    track = AudioTrack(0, "aac", RATE, 2)
    return AudioSource(source, MediaInfo(format, Fraction(1), 1, audio=(track,)), track)


def frame_by_frame(source: Path) -> list[tuple[int, np.ndarray]]:
    audio = audio_of(source)
    track = audio.track
    with decoder.opened(audio) as (container, stream):
        frames = (frame for packet in container.demux(stream) for frame in packet.decode())
        rate, channels = decoder.output_rate(track), decoder.output_channels(track)
        return list(positioned(frames, rate, channels, block=RATE))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_is_decoded_frame_by_frame(kind, tmp_path):
    name, sound = KINDS[kind]
    source = make(tmp_path / name, Picture(seconds=1) if name.endswith(".mp4") else None, sound)
    found, expected = blocks_of(source), frame_by_frame(source)

    assert found[0][0] == expected[0][0]
    assert all(len(samples) == RATE for _, samples in found[:-2])
    places = [place for place, _ in found]
    assert places == [found[0][0] + RATE * number for number in range(len(found))]
    left, right = (np.concatenate([samples for _, samples in blocks]) for blocks in (found, expected))
    assert left.shape == right.shape
    # Noise that decoders make up themselves differs from one time to the next.
    assert np.sqrt(np.mean((left - right) ** 2)) < 0.001


@pytest.mark.parametrize("seconds", [40, 40.05])
@pytest.mark.parametrize("hole", [0.5, 20, 39.8])
def test_a_hole_is_noticed_wherever_it_is(hole, seconds, tmp_path):
    places = [100, 38 * RATE]
    holes = [round(hole * 10)]
    source = write(tmp_path / "a.mkv", clicks(round(seconds * RATE), *places), RATE, holes=holes)
    with pytest.raises(NotGapless):
        list(decoded_gapless(audio_of(source), RATE, 1, block=RATE, token=CancellationToken()))


def test_what_comes_before_a_hole_is_right(tmp_path):
    source = write(tmp_path / "a.mkv", clicks(20 * RATE, 100, 3 * RATE + 7), RATE, holes=[155])
    given = []
    with pytest.raises(NotGapless):
        for place, samples in decoded_gapless(audio_of(source), RATE, 1, block=RATE, token=CancellationToken()):
            given += (np.flatnonzero(samples[:, 0] > 0.2) + place).tolist()
    assert given == [100, 3 * RATE + 7]


def test_damage_is_noticed(tmp_path):
    source = make(tmp_path / "a.mp4", None, Sound([(0, 9)], seconds=9))
    audio = audio_of(source)
    with decoder.opened(audio) as (container, stream):
        hit = [packet for packet in container.demux(stream) if packet.size][200]
        position, size = hit.pos, hit.size
    data = bytearray(source.read_bytes())
    data[position : position + size] = b"\xff" * size
    source.write_bytes(data)
    with pytest.raises(NotGapless):
        list(decoded_gapless(audio, RATE, 2, block=RATE, token=CancellationToken()))


@pytest.mark.parametrize("content", [b"", b"nothing at all" * 100, b"ffconcat version 1.0\nfile secret.wav\n"])
def test_what_is_no_such_file_is_refused(content, tmp_path):
    make(tmp_path / "secret.wav", None, Sound([(0, 1)], seconds=1, codec="pcm_s16le", bit_rate=0))
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(NotGapless):
        list(decoded_gapless(told(tmp_path / "a.mp4", "mov"), RATE, 2, block=RATE, token=CancellationToken()))


def test_nothing_but_the_file_is_opened(tmp_path):
    """Even a format that is a list of addresses may go to none of them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", f"http://127.0.0.1:{port}/a.ts", "#EXT-X-ENDLIST"]
        (tmp_path / "a.m3u8").write_text("\n".join(lines))
        with pytest.raises(NotGapless):
            list(decoded_gapless(told(tmp_path / "a.m3u8", "hls"), RATE, 2, block=RATE, token=CancellationToken()))
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
