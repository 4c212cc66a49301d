"""A range of a recording as a person writes it, on the instants at which a timeline can be cut."""

from fractions import Fraction
from pathlib import Path

from jobs.engine.audio.decoder import output_rate
from jobs.engine.container import muxers
from jobs.engine.runtime.threads import run_concurrently
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import frame_index
from jobs.engine.video.source import Source
from jobs.errors import InputError


def indexed(source: Source, output: Path, work: Workspace) -> Source:
    """The source with the index of its frames, if `output` is to have any. Raises InputError."""
    if source.info.video is None or muxers.for_name(output).audio_only:
        return source
    (index,) = run_concurrently(
        [lambda task: frame_index.index_frames(source.path, source.info, cache_dir=work.cache, token=task.token)],
        lambda done: work.progress(0, "Reading the picture"),
    )
    return Source(source.path, source.info, index)


def on_clock(source: Source, start: Fraction, end: Fraction | None) -> tuple[Fraction, Fraction, Fraction]:
    """`start` and `end` (None: that of the recording), in seconds, moved outwards to frames; and the recording's end.

    Without an index they are moved to the nearest samples. Raises InputError (`beyond_end`) when nothing is between.
    """
    info, index = source.info, source.index
    if index:
        last = index.on_clock(max(info.duration, Fraction(index.end_tick, index.clock_hz)))
        begins = index.frame_at_or_before(start)
        ends = last if end is None else min(last, index.frame_at_or_after(end))
    else:
        rate = output_rate(info.audio[0])
        last = Fraction(int(info.duration * rate), rate)
        begins = Fraction(round(start * rate), rate)
        ends = last if end is None else min(last, Fraction(round(end * rate), rate))
    if begins >= ends:
        raise InputError(
            f"The recording ends after {float(info.duration):.6g} s. Choose times before that.", code="beyond_end"
        )
    return begins, ends, last
