"""Packets of a recording written anew as a transport stream, which holds nearly all of what program streams and
transport streams hold. Audio of other codecs, such as the LPCM of DVDs, becomes PCM of Blu-ray.
"""

from fractions import Fraction
from typing import Any, cast

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from jobs.engine.container import demuxing

FORMAT = "mpegts"
OPTIONS = {"mpegts_m2ts_mode": "1"}
"""As on Blu-ray: other transport streams hold no PCM."""
FIRST_ID = 0x1100
"""Tracks are numbered from here on: by itself libavformat has numbers only for codecs that Blu-ray knows."""
HELD = {"mp2", "mp3", "aac", "aac_latm", "ac3", "eac3", "dts", "truehd", "opus", "s302m", "pcm_bluray"}
"""Audio codecs that can be copied."""
PCM = "pcm_bluray"
PCM_RATES = (48_000, 96_000, 192_000)
PCM_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.0", "7.1")


def holds(track: Stream) -> bool:
    """Whether a track can be written, be it only as data."""
    # PyAV's stubs leave out that a track without a decoder has no codec context.
    if track.codec_context is None:
        return track.type == "data"
    return not isinstance(track, VideoStream) or track.codec_context.width > 0


class Writer:
    """Writes the packets of some tracks in the order in which they are given."""

    def __init__(self, output: OutputContainer, tracks: list[Stream]) -> None:
        self._tracks = {track.index: _Track.fit(output, track) for track in tracks}

    def take(self, packet: "Packet[Any]", shift: Fraction) -> None:
        """Write a packet `shift` seconds later than it says."""
        ticks = round(shift / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
        self._tracks[packet.stream_index].take(packet)

    def finish(self) -> None:
        for track in self._tracks.values():
            track.finish()


def _can_be_copied(track: AudioStream) -> bool:
    context = track.codec_context
    # Of a track that comes up late libavformat may not know more than its codec.
    return context.codec.canonical_name in HELD and context.sample_rate > 0


class _Track:
    """One that is copied."""

    def __init__(self, output: OutputContainer, stream: Stream, source: Stream) -> None:
        self._output, self._stream = output, stream
        self._last: int | None = None
        stream.id = FIRST_ID + source.index
        stream.metadata.update(source.metadata)

    @staticmethod
    def fit(output: OutputContainer, source: Stream) -> "_Track":
        if isinstance(source, AudioStream) and not _can_be_copied(source):
            return _Decoded(output, source)
        return _Track(output, output.add_stream_from_template(source), source)

    def take(self, packet: "Packet[Any]") -> None:
        packet.stream = self._stream
        self._write(packet)

    def _write(self, packet: "Packet[Any]") -> None:
        times = [time for time in (packet.dts, packet.pts) if time is not None]
        if not times:
            return
        # libavformat refuses what is decoded after it is shown, or not after what was before, as in damaged recordings.
        packet.dts = min(times) if self._last is None else max(min(times), self._last + 1)
        packet.pts = max(times[-1], packet.dts)
        self._last = packet.dts
        self._output.mux(packet)

    def finish(self) -> None:
        pass


class _Decoded(_Track):
    """One that becomes PCM."""

    def __init__(self, output: OutputContainer, source: AudioStream) -> None:
        self._source = source.codec_context
        rate = next((rate for rate in PCM_RATES if rate >= self._source.sample_rate), PCM_RATES[-1])
        layout = PCM_LAYOUTS[min(self._source.channels or 2, len(PCM_LAYOUTS)) - 1]
        made = cast("AudioStream", output.add_stream(PCM, rate=rate, layout=layout))
        made.codec_context.format = "s16" if self._source.format and self._source.format.bytes <= 2 else "s32"
        self._encoder = made.codec_context
        self._given: tuple[Any, ...] | None = None
        self._end: Fraction | None = None
        super().__init__(output, made, source)

    def take(self, packet: "Packet[Any]") -> None:
        for frame in demuxing.frames(self._source, packet) or ():
            # Not every packet of a program stream says when it is heard.
            begin = frame.pts * frame.time_base if frame.pts is not None and frame.time_base else self._end
            if begin is None:
                continue
            frame.time_base, frame.pts = Fraction(1, frame.sample_rate), round(begin * frame.sample_rate)
            self._end = begin + Fraction(frame.samples, frame.sample_rate)
            self._resample(frame)

    def _resample(self, frame: AudioFrame) -> None:
        given = frame.format.name, frame.layout.name, frame.sample_rate
        if given != self._given:
            # As after damage, or where another recording begins.
            wanted = self._encoder
            self._given, self._resampler = given, AudioResampler(wanted.format, wanted.layout, wanted.sample_rate)
        for fitting in self._resampler.resample(frame):
            self._encode(fitting)

    def finish(self) -> None:
        self._encode(None)

    def _encode(self, frame: AudioFrame | None) -> None:
        for packet in self._encoder.encode(frame):
            packet.stream = self._stream
            self._write(packet)
