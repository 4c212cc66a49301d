"""Rendering a cut plan: pictures and sound beside each other, then one file of both.

The plan's boundaries are the one clock: pictures are placed by its ticks, sound by the nearest sample to each exact
boundary, so neither can drift from the other over any number of joins.
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from jobs.engine import encoding, ffmpeg, intra, mux, picture, process, soundpackets
from jobs.engine.cutplan import CutPlan
from jobs.engine.extras import NO_EXTRAS, Extras
from jobs.engine.media import MediaInfo
from jobs.engine.muxers import MP4, Container
from jobs.engine.parallel import Beside, beside
from jobs.engine.pcm import output_rate
from jobs.engine.process import CommandLog
from jobs.engine.report import Lost, counted
from jobs.engine.smartcut import splice_pictures
from jobs.engine.sound import cut_sound
from jobs.engine.soundpackets import Sums
from jobs.engine.strategy import Strategy
from jobs.engine.timeline import FrameIndex, Schedule, schedule
from jobs.errors import InputError

# Of the whole, what is left for putting the file together.
MUX_SHARE = 0.05

Progress = Callable[[float, str], None]


@dataclasses.dataclass(frozen=True, eq=False)
class Rendered:
    """What did not decode, and checksums of the packets of each track of sound as they were encoded."""

    lost: Lost
    sounds: tuple[Sums, ...]


def render(
    source: Path,
    info: MediaInfo,
    plan: CutPlan,
    index: FrameIndex | None,
    output: Path,
    *,
    scratch: Path,
    progress: Progress,
    log: CommandLog,
    strategy: Strategy | None = None,
    extras: Extras = NO_EXTRAS,
    container: Container = MP4,
) -> Rendered:
    """Write `output` of the picture and sound, or of sound alone when there is no index, and of the `extras`.

    It is an MP4 or QuickTime file, from which one of the `container` can be made without encoding.

    Whether the result is right is for `verify` to say. All of the picture is encoded, unless the `strategy` says which
    pictures are copied. The plan has to be snapped. `output` appears when it is whole, never before; `scratch` is left
    as it was. Raises InputError, ToolError (Unsound when copying fails and encoding may not), ResourceError, and what
    `progress` raises.
    """
    wanted = _schedule(plan, index)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".cut-") as folder, whole(output) as part:
        pictures, sounds, lost = _encode(source, info, plan, index, wanted, Path(folder), progress, strategy, container)
        with encoding.errors("sound"):
            sums = tuple(soundpackets.sums(path) for path in sounds)
        stage = "Putting the file together"
        clock_hz = index.clock_hz if index else output_rate(info.audio[0])
        parts = mux.written([*pictures, *sounds], wanted, extras, clock_hz, Path(folder))
        # QuickTime takes nearly every codec.
        muxer = "mov" if strategy and strategy.intra and container is not MP4 else container.proof
        with process.started(mux.mux_argv(info, extras, parts, part, clock_hz, muxer), log=log) as child:
            for position in ffmpeg.positions(child):
                done = min(1.0, max(0.0, float(position / plan.output_duration)))
                progress(1 - MUX_SHARE * (1 - done), stage)
            child.wait()
    progress(1.0, stage)
    return Rendered(lost, sums)


def _schedule(plan: CutPlan, index: FrameIndex | None) -> Schedule | None:
    if index is None:
        return None
    wanted = schedule(index, plan.parts)
    if not len(wanted.pts):
        raise InputError(
            "No picture lies in what would be kept of this recording. Keep more of it.", code="nothing_to_show"
        )
    return wanted


@contextlib.contextmanager
def whole(output: Path) -> Iterator[Path]:
    """A name beside `output` to write to, which takes its place when the block ends well and is gone otherwise."""
    part = output.with_name(f".{output.name[:200]}.{os.getpid()}.part")
    try:
        yield part
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _encode(
    source: Path,
    info: MediaInfo,
    plan: CutPlan,
    index: FrameIndex | None,
    wanted: Schedule | None,
    folder: Path,
    progress: Progress,
    strategy: Strategy | None,
    container: Container,
) -> tuple[list[Path], list[Path], Lost]:
    """Sound in a thread, pictures in this one. Returns the files of one track each, of the picture and of sounds."""
    splice = strategy.splice if strategy else None
    stage = _stage(len(plan.keep), strategy)
    sounds = [folder / f"sound-{place}.mp4" for place in range(len(info.audio))]

    def cut_tracks(task: Beside[None]) -> None:
        for track, path in zip(info.audio, sounds, strict=True):
            cut_sound(
                source,
                info,
                track,
                plan.parts,
                path,
                duration=plan.duration,
                task=task,
                muted=plan.muted,
                coding=container.coding,
            )

    with beside(cut_tracks) as task:

        def advance(fraction: float) -> None:
            task.check()
            progress((1 - MUX_SHARE) * fraction, stage)

        pictures, lost = [], Lost()
        if index is not None and wanted is not None:
            pictures = [folder / "picture.mp4"]
            if strategy and strategy.intra:
                pictures = [folder / f"picture{intra.suffix_for(info)}"]
                intra.copy_pictures(source, info, index, strategy.intra, pictures[0], progress=advance)
            elif splice:
                splice_pictures(source, info, index, splice, pictures[0], progress=advance)
            else:
                lost = picture.encode_pictures(
                    source, info, index, wanted, pictures[0], progress=advance, codec=container.codec
                )
        while not task.wait(0.1):
            advance(1.0 if pictures else task.fraction)
        task.result()
    return pictures, sounds, lost


def _stage(count: int, strategy: Strategy | None) -> str:
    if strategy and strategy.render == "smart":
        if strategy.untouched == "100 %":
            return "Copying the whole picture"
        return f"Encoding around {counted(count, 'cut')}, {strategy.untouched} untouched"
    parts = counted(count, "kept part")
    return f"Copying failed, encoding {parts}" if strategy and strategy.is_second else f"Encoding {parts}"
