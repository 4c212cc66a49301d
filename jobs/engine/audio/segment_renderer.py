"""Rendering segments of one audio track at exact instants, in one stream from decoder to encoder."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from jobs.engine.audio import decoder, track_encoder
from jobs.engine.audio.aac_encoder import ChannelsDiffer
from jobs.engine.audio.mute import muted_blocks
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


def render_audio(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    timeline: Timeline,
    output: Path,
    *,
    task: "WorkerThread[None]",
    coding: AudioCoding = "aac",
) -> None:
    """Write what the timeline has of one track of its only source. Raises ToolError, ResourceError.

    `task` is the thread this runs in: it is told how far the work is, and can end it.
    """

    def attempt(*, dual_mono: bool) -> None:
        rate = track_encoder.rate_of(track, coding)
        with decoder.decoded(source, info, track, rate=rate, token=task.token) as pcm:
            wanted = sample_ranges(timeline.segments, timeline.source_durations[0], pcm.rate)
            total = sum(piece.output_count for piece in wanted)
            with track_encoder.encoder(output, track, rate, pcm.channels, coding, dual_mono=dual_mono) as encoder:
                blocks = muted_blocks(joined_samples(SampleCursor(pcm), wanted), timeline.muted, pcm.rate)
                with prefetched(blocks, MAXIMUM_WAITING_BLOCKS) as made:
                    for block in made:
                        task.token.check()
                        encoder.write(block)
                        task.fraction = encoder.written / total

    try:
        attempt(dual_mono=coding == "aac" and is_dual_mono(source, info, track, timeline, task.token))
    except ChannelsDiffer:
        # They part somewhere between. At worst, at the very end, coding one channel was in vain: half of the work.
        attempt(dual_mono=False)


def is_dual_mono(
    source: Path, info: MediaInfo, track: AudioTrack, timeline: Timeline, token: CancellationToken
) -> bool:
    """Whether a track has two channels that are the same, as far as a few windows tell.

    One microphone's audio is often stored twice. Raises InputError.
    """
    rate = decoder.output_rate(track)
    if decoder.output_channels(track) != 2:
        return False
    with WindowReader.opened(
        source, decoder.demuxer(info), track.index, rate=rate, channels=2, start=info.start, token=token
    ) as listener:
        windows = (listener.window(time, int(PROBE_SECONDS * rate)) for time in _spread(timeline))
        return all(np.array_equal(window[:, 0], window[:, 1]) for window in windows)


def _spread(timeline: Timeline) -> Iterator[Fraction]:
    """Instants of the recording, in seconds, that lie evenly in the result."""
    step = timeline.duration / PROBES
    for number in range(PROBES):
        yield timeline.source_time(step * number + step / 2)
