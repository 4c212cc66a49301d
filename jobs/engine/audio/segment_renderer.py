"""Rendering segments of one audio track at exact instants, in one stream from decoder to encoder."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engine.audio import decoder, flac_writer, loudness, track_encoder
from jobs.engine.audio.aac_encoder import ChannelsDiffer
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.filter_graph import filtered
from jobs.engine.audio.loudness import Levelling
from jobs.engine.audio.mute import muted_blocks
from jobs.engine.audio.sample_clock import Samples
from jobs.engine.audio.sample_ranges import SampleCursor, joined_samples, sample_ranges
from jobs.engine.audio.window_reader import WindowReader
from jobs.engine.container.muxers import AudioCoding
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.timeline import Timeline
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, prefetched

# Blocks that may wait to be encoded.
MAXIMUM_WAITING_BLOCKS = 4
# Whether both channels are the same is looked at in so many windows, spread evenly, each so long.
PROBES = 12
PROBE_SECONDS = Fraction(1, 10)
# Of the time that bringing audio to a loudness takes: writing it without loss, and measuring it.
WHOLE_SHARE, MEASURING_SHARE = 0.4, 0.3


def render_audio(
    audio: AudioSource,
    timeline: Timeline,
    output: Path,
    *,
    task: WorkerThread[Any],
    coding: AudioCoding = "aac",
) -> None:
    """Write what the timeline has of a track of its only source. Raises ToolError, ResourceError.

    `task` is the thread this runs in: it is told how far the work is, and can end it.
    """

    def encode(*, dual_mono: bool) -> None:
        rate = track_encoder.rate_of(audio.track, coding)
        with (
            rendered(audio, timeline, rate, task) as made,
            track_encoder.encoder(output, audio.track, rate, made.channels, coding, dual_mono=dual_mono) as encoder,
        ):
            for block in made.blocks:
                encoder.write(block)
                task.fraction = encoder.written / made.count

    try:
        encode(dual_mono=coding == "aac" and is_dual_mono(audio, timeline, task.token))
    except ChannelsDiffer:
        # They part somewhere between. At worst, at the very end, coding one channel was in vain: half of the work.
        encode(dual_mono=False)


def render_levelled_audio(
    audio: AudioSource,
    timeline: Timeline,
    output: Path,
    loudness_lufs: float,
    *,
    task: WorkerThread[Any],
    coding: AudioCoding = "aac",
) -> Levelling:
    """As `render_audio`, with the loudness of the result at a target: between, it is written once without loss.

    Raises InputError (`no_loudness`) too.
    """
    rate, whole = track_encoder.rate_of(audio.track, coding), output.with_suffix(".whole.flac")

    def told(begun: float, share: float) -> Callable[[float], None]:
        def advance(done: float) -> None:
            task.token.check()
            task.fraction = begun + share * done

        return advance

    try:
        with rendered(audio, timeline, rate, task) as made:
            flac_writer.write(whole, _counted(made, told(0, WHOLE_SHARE)), rate, made.channels)
        track = AudioTrack(0, "flac", rate, made.channels)
        facts = MediaInfo("flac", Fraction(made.count, rate), whole.stat().st_size, audio=(track,))
        written = AudioSource(whole, facts, track)
        advance = told(WHOLE_SHARE, MEASURING_SHARE)
        levelling = loudness.levelled(written, loudness_lufs, rate=rate, progress=advance)
        advance = told(WHOLE_SHARE + MEASURING_SHARE, 1 - WHOLE_SHARE - MEASURING_SHARE)
        with decoder.decoded(written, rate=rate, token=task.token) as pcm:
            level = filtered(SampleCursor(pcm).blocks(0, made.count), levelling.filters(rate), rate, made.channels)
            with track_encoder.encoder(output, audio.track, rate, made.channels, coding) as encoder:
                for block in level:
                    encoder.write(block)
                    advance(encoder.written / made.count)
    finally:
        whole.unlink(missing_ok=True)
    return levelling


@dataclasses.dataclass(frozen=True)
class RenderedAudio:
    """`count` samples of so many channels, in blocks."""

    blocks: Iterator[Samples]
    count: int
    channels: int


@contextlib.contextmanager
def rendered(audio: AudioSource, timeline: Timeline, rate: int, task: WorkerThread[Any]) -> Iterator[RenderedAudio]:
    """The samples of the result, made in a thread beside the one that takes them. Raises ToolError, ResourceError."""
    with decoder.decoded(audio, rate=rate, token=task.token) as pcm:
        duration = timeline.source_durations[0]
        wanted = sample_ranges(timeline.segments, duration, pcm.rate, continued=timeline.continued)
        blocks = muted_blocks(joined_samples(SampleCursor(pcm), wanted), timeline.muted, pcm.rate)
        with prefetched(blocks, MAXIMUM_WAITING_BLOCKS) as made:
            checked = _checked(made, task.token)
            yield RenderedAudio(checked, sum(piece.output_count for piece in wanted), pcm.channels)


def _checked(blocks: Iterable[Samples], token: CancellationToken) -> Iterator[Samples]:
    for block in blocks:
        token.check()
        yield block


def _counted(audio: RenderedAudio, advance: Callable[[float], None]) -> Iterator[Samples]:
    """The blocks, telling how much of them has gone by."""
    position = 0
    for block in audio.blocks:
        yield block
        position += len(block)
        advance(position / audio.count)


def is_dual_mono(audio: AudioSource, timeline: Timeline, token: CancellationToken) -> bool:
    """Whether a track has two channels that are the same, as far as a few windows tell.

    One microphone's audio is often stored twice. Raises InputError.
    """
    rate = decoder.output_rate(audio.track)
    if decoder.output_channels(audio.track) != 2:
        return False
    with WindowReader.opened(audio, rate=rate, channels=2, token=token) as listener:
        windows = (listener.window(time, int(PROBE_SECONDS * rate)) for time in _spread(timeline))
        return all(np.array_equal(window[:, 0], window[:, 1]) for window in windows)


def _spread(timeline: Timeline) -> Iterator[Fraction]:
    """Instants of the recording, in seconds, that lie evenly in the result."""
    step = timeline.duration / PROBES
    for number in range(PROBES):
        yield timeline.source_time(step * number + step / 2)
