"""AAC files, above all those of two channels that are the same and coded once."""

from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.engine.audio import aac_encoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.dual_mono import channel_pair
from jobs.engine.audio.segment_renderer import render_audio
from jobs.engine.audio.track_file import AudioFileOptions
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines.extract_audio import extract
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.threads import WorkerThread
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import ToolError
from tests.clips import heard

RATE = 48_000


def talk(seconds: int = 4, seed: int = 1) -> np.ndarray:
    """Buzzing bursts over a soft hiss, clicks and silence: long and short blocks, and empty ones."""
    random = np.random.default_rng(seed)
    time = np.arange(seconds * RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * (120 + 10 * seed) * number * time) / number for number in range(1, 30))
    samples = 0.1 * buzz * (np.sin(12 * time) > 0) + random.normal(0, 0.001, len(time))
    samples[random.integers(0, len(samples), 12)] = 0.9
    samples[RATE : RATE + RATE // 2] = 0
    return samples.astype(np.float32)


def write_float_wav(path, samples):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def written(path, samples, *, rate=RATE, dual_mono=False, block=10_000):
    with aac_encoder.encoder(path, rate, samples.shape[1], dual_mono=dual_mono) as encoder:
        for place in range(0, len(samples), block):
            encoder.write(samples[place : place + block])
    return path


def packets(path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("decoder", ["aac", "aac_fixed"])
@pytest.mark.parametrize("rate", [96_000, 48_000, 44_100, 24_000, 16_000, 8_000])
def test_twins_are_the_mono_sound_in_both_channels_bit_for_bit(rate, decoder, tmp_path, monkeypatch):
    """In two decoders that share no arithmetic, one of floats and one of integers."""
    mono, singles = talk(), []
    pair = aac_encoder.channel_pair

    def noted(frame: bytes) -> bytes:
        singles.append(frame)
        return pair(frame)

    monkeypatch.setattr(aac_encoder, "channel_pair", noted)
    path = written(tmp_path / "two.mp4", np.stack([mono, mono], 1), rate=rate, dual_mono=True)
    single = decoded(singles, rate, "mono", decoder)
    both = decoded(packets(path), rate, "stereo", decoder)
    assert np.abs(single.astype(float)).max() > 0
    assert both.shape == (2, single.shape[1])
    assert np.array_equal(both[0], both[1])
    assert np.array_equal(both[0], single[0])


def decoded(frames: list[bytes], rate: int, layout: str, decoder: str) -> np.ndarray:
    writer = av.CodecContext.create("aac", "w")
    writer.sample_rate, writer.layout, writer.format = rate, layout, "fltp"
    writer.open()
    reader = av.CodecContext.create(decoder, "r")
    reader.extradata = writer.extradata
    return np.concatenate([found.to_ndarray() for data in frames for found in reader.decode(av.Packet(data))], 1)


def test_twins_have_less_noise_than_two_channels_coded_one_by_one(tmp_path):
    mono = talk()
    same = np.stack([mono, mono], 1)
    noise = []
    for dual_mono in (False, True):
        found, _ = heard(written(tmp_path / f"{dual_mono}.mp4", same, dual_mono=dual_mono))
        noise.append(float(np.mean((found[: len(mono)] - mono[: len(found)]) ** 2)))
    assert noise[1] < 2 * noise[0]
    assert (tmp_path / "True.mp4").stat().st_size < (tmp_path / "False.mp4").stat().st_size


@pytest.mark.parametrize("dual_mono", [False, True])
def test_a_file_holds_each_sample_at_its_place(dual_mono, tmp_path):
    mono = talk()
    found, rate = heard(written(tmp_path / "a.mp4", np.stack([mono, mono], 1), dual_mono=dual_mono))
    assert rate == RATE
    assert 0 <= len(found) - len(mono) < 1024
    correlation = np.correlate(found[: 2 * RATE], mono[2000 : 2 * RATE - 2000], "valid")
    assert int(correlation.argmax()) == 2000
    info = inspect(tmp_path / "a.mp4")
    assert info.audio[0].channels == 2


def test_channels_that_differ_in_one_sample_are_no_twins(tmp_path):
    both = np.stack([talk(), talk()], 1)
    both[3 * RATE, 1] += 1e-4
    with pytest.raises(aac_encoder.ChannelsDiffer):
        written(tmp_path / "a.mp4", both, dual_mono=True)


@pytest.mark.parametrize(
    ("differs_from", "tried"),
    [(None, [True]), (0, [False]), (5, [False]), (7.9, [True, False])],
    ids=["never", "always", "later", "where nobody listens"],
)
def test_stereo_stays_stereo_wherever_it_begins(differs_from, tried, tmp_path, monkeypatch):
    """A track whose channels part is coded as two, in one go where a few places show it."""
    encoder, dual_mono = aac_encoder.encoder, []

    def noted(*arguments, **options):
        dual_mono.append(options["dual_mono"])
        return encoder(*arguments, **options)

    monkeypatch.setattr(aac_encoder, "encoder", noted)
    left = talk(8)
    right = left.copy()
    if differs_from is not None:
        right[round(differs_from * RATE) :] *= -0.5
    source = tmp_path / "a.wav"
    write_float_wav(source, np.stack([left, right], 1))
    info = inspect(source)
    task: WorkerThread[None] = WorkerThread(lambda task: None)
    timeline = Timeline((Segment(Fraction(0), Fraction(8)),), (Fraction(8),))
    render_audio(AudioSource(source, info, info.audio[0]), timeline, tmp_path / "a.mp4", task=task)
    assert task.fraction == 1
    assert dual_mono == tried
    with av.open(str(tmp_path / "a.mp4")) as container:
        both = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)
    tail = both[:, round(7.9 * RATE) : 8 * RATE]
    level = np.sqrt(np.mean(tail**2, axis=1))
    assert level[1] / level[0] == pytest.approx(1 if differs_from is None else 0.5, abs=0.02)
    assert np.corrcoef(tail)[0, 1] == pytest.approx(1 if differs_from is None else -1, abs=0.02)


def by_encoder(source, output):
    with av.open(str(source)) as container:
        samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)])
    written(output, samples)


def by_ffmpeg(source, output):
    info = inspect(source)
    audio = AudioSource(source, info, info.audio[0])
    extract(audio, AudioFileOptions("m4a"), output, Workspace(output.parent))


@pytest.mark.parametrize("made_by", [by_encoder, by_ffmpeg])
def test_what_differs_between_channels_is_kept(made_by, tmp_path):
    """One channel 0.4 ms late, as a pair of microphones hears it: intensity stereo keeps 25 dB of the difference."""
    time = np.arange(4 * RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 130 * number * time + number) / number for number in range(1, 60))
    left = (0.05 * buzz * (1 + np.sin(12 * time))).astype(np.float32)
    both = np.stack([left, np.roll(left, 19)], 1)
    write_float_wav(tmp_path / "a.wav", both)
    made_by(tmp_path / "a.wav", tmp_path / "a.m4a")
    with av.open(str(tmp_path / "a.m4a")) as container:
        kept = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1).T[: len(both)]
    noise = [power(wanted - got) / power(wanted) for wanted, got in zip(views(both), views(kept), strict=True)]
    assert max(noise) < 10**-2.8


def views(samples):
    """Left, right, and what differs between them."""
    return samples[:, 0], samples[:, 1], samples[:, 0] - samples[:, 1]


def power(samples) -> float:
    return float(np.mean(samples**2))


def test_frames_of_anything_but_one_channel_are_refused(tmp_path):
    stereo = packets(written(tmp_path / "a.mp4", np.stack([talk(), talk(seed=2)], 1)))
    for frame in (b"", b"\0" * 8, stereo[5]):
        with pytest.raises(ValueError):
            channel_pair(frame)


def test_a_coder_that_is_not_there_is_said_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(aac_encoder, "AAC_CODER", {"aac_coder": "there is none"})
    with pytest.raises(ToolError, match="sound of this recording"):
        written(tmp_path / "a.mp4", np.stack([talk(), talk(seed=2)], 1))
