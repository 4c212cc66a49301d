"""Recordings whose times do not rise: whose clock starts again on the way, as in transport streams joined end to end or
of receivers that connect anew, or whose container tells times of frames twice (`pes_timestamps`).

Every reader would have to know of that, ffmpeg too, and seeking finds its way by rising times. So such a recording is
copied once, packet by packet, with times that rise. Its facts are those of the copy from the start (`probe`), and what
is opened with them is the copy, which is kept in the cache of these bytes and made anew when it is gone
(`readable_file`)."""

import contextlib
import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from jobs.engine.container import demuxing, pes_timestamps, transport_stream
from jobs.engine.model.mediainfo import MediaInfo, demuxer
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.file_lock import exclusive_lock
from jobs.errors import ToolError

FORMATS = {"mpegts", pes_timestamps.FORMAT}
MINIMUM_COPY_BYTES_PER_SECOND = 10_000_000
"""Bytes a second that even a slow processor takes apart twice and puts together again."""
# Decode times of a track rise. Falling by this much is no jitter, and going ahead by that much no pause.
MAXIMUM_BACKWARD_SECONDS, MAXIMUM_FORWARD_SECONDS = Fraction(1, 2), Fraction(3600)


@dataclasses.dataclass
class _TrackRuns:
    """Of each run of the clock the first decode time of one track, and when its last packet is over, in seconds."""

    spans: list[tuple[Fraction, Fraction]] = dataclasses.field(default_factory=list)

    def take(self, packet: Packet) -> int:
        """The number of the clock's run that a packet belongs to."""
        time = packet.dts if packet.dts is not None else packet.pts
        if time is not None:
            begin = time * packet.time_base
            end = begin + (packet.duration or 0) * packet.time_base
            if not self.spans or not -MAXIMUM_BACKWARD_SECONDS < begin - self.spans[-1][1] < MAXIMUM_FORWARD_SECONDS:
                self.spans.append((begin, end))
            else:
                self.spans[-1] = (self.spans[-1][0], max(end, self.spans[-1][1]))
        return max(0, len(self.spans) - 1)


@dataclasses.dataclass(frozen=True)
class Correction:
    """What makes the times of a recording rise.

    `shifts` is what to add to the times of each run of the clock, in seconds: the same for all tracks, which stay in
    step. `restamped` tells whether times of frames have to be counted on.
    """

    shifts: tuple[Fraction, ...] = (Fraction(0),)
    restamped: bool = False

    @property
    def is_needed(self) -> bool:
        return self.restamped or len(self.shifts) > 1


@contextlib.contextmanager
def continuous(source: Path, scratch: Path) -> Iterator[tuple[Path, MediaInfo]]:
    """The recording itself, or a copy in `scratch` whose times rise, for as long as the block runs; and its facts.

    Run it on strangers' files only in a bounded child process, as `inspect`. Raises what that does, and ToolError,
    ResourceError.
    """
    info = inspect(source)
    correction = needed(source, info)
    if not correction.is_needed:
        yield source, info
        return
    with tempfile.NamedTemporaryFile(dir=scratch, prefix=".clock-", suffix=".ts") as file:
        copy = Path(file.name)
        _copied(source, info, correction, copy)
        copy_info = inspect(copy)
        yield (
            copy,
            dataclasses.replace(
                copy_info,
                format=info.format,
                size_bytes=info.size_bytes,
                unread=info.unread,
                clocks=len(correction.shifts),
                restamped=correction.restamped,
            ),
        )


def limits(size: int) -> tuple[int, int]:
    """How much processor time, in seconds, and how large a file the copy of a recording of `size` bytes may need."""
    return size // MINIMUM_COPY_BYTES_PER_SECOND, (64 << 20) + 4 * size


def cached_copy(cache: Path) -> Path:
    """Where the copy lies in the cache of a recording's bytes, if it does."""
    return cache / "continuous.ts"


def readable_file(source: Path, info: MediaInfo, cache: Path) -> Path:
    """What the facts `continuous` gave are about: the recording itself, or the copy, made when it is not in the cache.

    Raises InputError, ToolError, ResourceError.
    """
    copy = cached_copy(cache)
    if not info.is_of_copy:
        return source
    with exclusive_lock(cache / ".clock.lock"):
        if not copy.exists():
            raw = inspect(source)
            part = cache / ".continuous.part"
            _copied(source, raw, needed(source, raw), part)
            part.replace(copy)
    return copy


def needed(source: Path, info: MediaInfo) -> Correction:
    if demuxer(info) not in FORMATS:
        return Correction()
    tracks: defaultdict[int, _TrackRuns] = defaultdict(_TrackRuns)
    steadier = pes_timestamps.TimestampCorrector()
    with demuxing.recording(source, demuxer(info)) as container:
        for packet in _packets(container, _track_indexes(container, info), steadier):
            tracks[packet.stream_index].take(packet)
    shifts = [Fraction(0)]
    for run in range(1, max((len(track.spans) for track in tracks.values()), default=0)):
        there = [track.spans for track in tracks.values() if len(track.spans) > run]
        # No track may overlap with itself.
        shifts.append(max(spans[run - 1][1] + shifts[-1] - spans[run][0] for spans in there))
    return Correction(tuple(shifts), steadier.has_moved)


def _track_indexes(container: InputContainer, info: MediaInfo) -> list[Stream]:
    """The tracks that are worked on."""
    indices = [*([info.video.index] if info.video else []), *(track.index for track in info.audio)]
    return [container.streams[index] for index in indices]


def _packets(
    container: InputContainer, streams: Iterable[Stream], steadier: pes_timestamps.TimestampCorrector
) -> Iterator[Packet]:
    packets = demuxing.packets(container, *streams)
    filled = (packet for packet in packets if packet.size)
    # Elsewhere times of decoding may be libavformat's own guesses.
    return steadier.corrected(filled) if container.format.name == pes_timestamps.FORMAT else filled


def _copied(source: Path, info: MediaInfo, correction: Correction, copy: Path) -> None:
    """Tracks that are not worked on come along where they can, so that what results leave out is told."""
    try:
        _written(source, info, correction, copy, transport_stream.holds)
    except ToolError:
        # A track that nobody looks at may be damaged, and is no reason to lose a recording.
        _written(source, info, correction, copy, lambda track: False)


def _written(
    source: Path, info: MediaInfo, correction: Correction, copy: Path, takes: Callable[[Stream], bool]
) -> None:
    tracks: defaultdict[int, _TrackRuns] = defaultdict(_TrackRuns)
    with (
        libav_errors.errors("packets"),
        demuxing.recording(source, demuxer(info)) as container,
        av.open(f"file:{copy}", "w", format=transport_stream.FORMAT, options=transport_stream.OPTIONS) as output,
    ):
        kept, run = {track.index for track in _track_indexes(container, info)}, 0
        streams = [track for track in container.streams if track.index in kept or takes(track)]
        writer = transport_stream.Writer(output, streams)
        for packet in _packets(container, streams, pes_timestamps.TimestampCorrector()):
            # The others may be silent for long, so that their times do not tell where the clock starts again.
            if packet.stream_index in kept:
                run = tracks[packet.stream_index].take(packet)
            writer.take(packet, correction.shifts[run])
        writer.finish()
