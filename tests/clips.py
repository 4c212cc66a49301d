"""Recordings made for tests that tell where each picture and sound of a result came from.

Every picture carries its number as sixteen black or white squares; the sound is noise that never repeats, the same for
the same seed, so that a piece of a result can be found in it to the sample.
"""

import dataclasses
import functools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from tests import clip_cache

SQUARES = 16
CODING = {
    # Noise in a fifth of the time: there is nothing in it that these tools could save.
    "aac": {"aac_coder": "fast", "aac_ms": "0", "aac_is": "0", "aac_tns": "0", "aac_pns": "0"},
    "opus": {"strict": "experimental"},
    "vorbis": {"strict": "experimental"},
}
BITS = 1 << np.arange(SQUARES)
Spans = Sequence[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Sound:
    """One track: noise of `loud_db` (peak, dBFS) in the `loud` spans and of `floor_db` elsewhere, from `start` on.

    Spans are seconds of the recording, whenever the track starts.
    """

    loud: Spans = ()
    seconds: float = 4
    start: Fraction = Fraction(0)
    rate: int = 48_000
    layout: str = "stereo"
    codec: str = "aac"
    loud_db: float = -10
    floor_db: float = -70
    seed: int = 1
    language: str = ""
    title: str = ""
    bit_rate: int = 192_000

    @property
    def samples(self) -> NDArray[np.float32]:
        """Shape (channels, samples), from `start` on; the same noise in every channel, fainter in the later ones."""
        count = round(self.seconds * self.rate)
        time = np.arange(count) / self.rate + float(self.start)
        noise = np.random.default_rng(self.seed).uniform(-1, 1, count)
        sound = noise * 10 ** (self.floor_db / 20)
        for begin, end in self.loud:
            inside = slice(*np.searchsorted(time, (begin, end)))
            sound[inside] = noise[inside] * 10 ** (self.loud_db / 20)
        channels = np.empty((av.AudioLayout(self.layout).nb_channels, count), np.float32)
        for channel, samples in enumerate(channels):
            np.divide(sound, 1 + channel / 4, out=samples, casting="same_kind")
        return channels


@dataclasses.dataclass(frozen=True)
class Picture:
    """Numbered pictures, `times` seconds after the recording's start (or evenly at `rate` for `seconds`)."""

    rate: Fraction = Fraction(25)
    seconds: float = 4
    times: Sequence[Fraction] = ()
    start: Fraction = Fraction(0)
    size: tuple[int, int] = (160, 96)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    time_base: Fraction = Fraction(1, 90_000)
    rotation: int = 0
    """Clockwise degrees to show it upright."""
    sample_aspect: Fraction = Fraction(1)
    options: dict[str, str] = dataclasses.field(
        default_factory=lambda: {"preset": "ultrafast", "crf": "20", "g": "25", "bf": "2"}
    )

    @property
    def shown(self) -> list[Fraction]:
        """When each picture comes on show, seconds after time stamp zero, on the stream's clock."""
        times = self.times or [number / self.rate for number in range(round(self.seconds * self.rate))]
        return [round((time + self.start) / self.time_base) * self.time_base for time in times]


def make(
    path: Path,
    picture: Picture | None,
    *sounds: Sound,
    format: str | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write the recording. Its start is wherever the first of its tracks starts."""
    tracks = (picture, *sounds)
    write = functools.partial(_write, path, picture, sounds, format, options or {}, metadata or {})
    if {type(track) for track in tracks} <= {Picture, Sound, type(None)}:
        clip_cache.kept(path, ("clip", path.suffix, tracks, format, options, metadata), write)
    else:  # a test's own kind of track, which its description does not tell
        write()
    return path


def _write(
    path: Path,
    picture: Picture | None,
    sounds: Sequence[Sound],
    format: str | None,
    options: dict[str, str],
    metadata: dict[str, str],
) -> None:
    with av.open(str(path), "w", format=format, options=options) as container:
        container.metadata.update(metadata)
        video = _add_picture(container, picture) if picture else None
        audio = [_add_sound(container, sound) for sound in sounds]
        packets = []
        if picture and video:
            packets += _encoded_pictures(picture, video)
        for sound, stream in zip(sounds, audio, strict=True):
            packets += _encoded_sound(sound, stream)
        container.start_encoding()
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)


def _add_picture(container, picture: Picture):
    stream = container.add_stream(picture.codec, rate=picture.rate, options=picture.options)
    context = stream.codec_context
    context.width, context.height = picture.size
    context.pix_fmt = picture.pixel_format
    context.sample_aspect_ratio = picture.sample_aspect
    context.time_base = stream.time_base = picture.time_base
    if picture.rotation:
        stream.set_display_rotation(-picture.rotation)
    return stream


def _encoded_pictures(picture: Picture, stream) -> list:
    packets, reformatter = [], VideoReformatter()
    for number, time in enumerate(picture.shown):
        frame = av.VideoFrame.from_ndarray(painted(number, picture.size), format="gray")
        if picture.pixel_format != "gray":
            frame = reformatter.reformat(frame, format=picture.pixel_format)
        frame.pts, frame.time_base = int(time / picture.time_base), picture.time_base
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def painted(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture of sixteen squares, four by four, black or white like the bits of `number`, least first."""
    width, height = size
    bits = np.array([(number >> bit) & 1 for bit in range(SQUARES)]).reshape(4, 4)
    rows = np.arange(height) * 4 // height
    columns = np.arange(width) * 4 // width
    return np.where(bits[rows][:, columns], 215, 35).astype(np.uint8)


def number_of(frame: av.VideoFrame) -> int:
    """The number a picture carries."""
    if frame.format.name in ("yuv420p", "yuvj420p", "gray"):
        # Converting takes ten times as long as looking.
        plane = frame.planes[0]
        gray = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    else:
        gray = frame.to_ndarray(format="gray")
    height, width = gray.shape
    centres = gray[(np.arange(4) * 2 + 1) * height // 8][:, (np.arange(4) * 2 + 1) * width // 8]
    return int((centres.reshape(-1) > 127) @ BITS)


def _add_sound(container, sound: Sound):
    stream = container.add_stream(sound.codec, rate=sound.rate, layout=sound.layout)
    if sound.bit_rate:
        stream.bit_rate = sound.bit_rate
    stream.codec_context.options = CODING.get(sound.codec, {})
    if sound.language:
        stream.metadata["language"] = sound.language
    if sound.title:
        stream.metadata["title"] = sound.title
    return stream


def _encoded_sound(sound: Sound, stream) -> list:
    packets = []
    first = round(sound.start * sound.rate)
    resampler = av.AudioResampler(format=stream.codec_context.format, layout=sound.layout, rate=sound.rate)
    stream.codec_context.open()
    step = stream.codec_context.frame_size or sound.rate
    samples = sound.samples
    for place in range(0, samples.shape[1], step):
        # PyAV cannot count the planes of eight channels.
        packed = np.ascontiguousarray(samples[:, place : place + step].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=sound.layout)
        frame.sample_rate = sound.rate
        frame.pts, frame.time_base = first + place, Fraction(1, sound.rate)
        for converted in resampler.resample(frame):
            packets += stream.encode(converted)
    return packets + stream.encode(None)


@dataclasses.dataclass(frozen=True)
class Seen:
    """One decoded picture: the number it carries, and when it comes on show in exact seconds."""

    number: int
    time: Fraction


def seen(path: Path) -> list[Seen]:
    """Every picture of a recording in the order of showing."""
    with av.open(str(path)) as container:
        return [
            Seen(number_of(frame), frame.pts * frame.time_base)
            for frame in container.decode(container.streams.video[0])
        ]


def heard(path: Path, track: int = 0, channel: int = 0) -> tuple[NDArray[np.float32], int]:
    """One channel of a track from time stamp zero on, as a player gives it, and its sample rate.

    Time stamps that jitter by less than 10 ms (Matroska rounds them to whole ones) do not move the sound.
    """
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        rate = stream.rate
        blocks, position = [], 0
        resampler = av.AudioResampler(format="flt")
        for frame in container.decode(stream):
            begin = round(frame.pts * frame.time_base * rate)
            if not blocks or begin - position > rate // 100:
                blocks.append(np.zeros(max(0, begin - position), np.float32))
                position += len(blocks[-1])
            for converted in resampler.resample(frame):
                samples = converted.to_ndarray().reshape(-1, converted.layout.nb_channels)[:, channel]
                blocks.append(samples[max(0, -begin) if len(blocks) == 1 else 0 :])
                position += len(blocks[-1])
    return np.concatenate(blocks), rate


def lag(result: NDArray, original: NDArray, at: int, expected: int, *, window: int = 4096, reach: int = 4096) -> int:
    """Samples by which a piece of the result at `at` sounds later than where it is expected to come from.

    0 when the result at `at` is the original at `expected`; positive: the result is late. Raises AssertionError when
    the piece is not found within `reach` samples either side.
    """
    piece = result[at : at + window]
    first = max(0, expected - reach)
    around = original[first : expected + window + reach]
    size = 1 << (len(around) + len(piece)).bit_length()
    product = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(piece, size)), size)[: 2 * reach + 1]
    place = int(np.argmax(product))
    found = around[place : place + window]
    likeness = float(np.dot(found, piece[: len(found)]) / (np.linalg.norm(found) * np.linalg.norm(piece) + 1e-12))
    assert likeness > 0.5, f"the sound at {at} is not in the original near {expected} (likeness {likeness:.2f})"
    return expected - (first + place)
