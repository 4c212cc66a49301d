"""A render that nobody sees before it has been checked, and a second one, the safe way, when a quick one fails."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.engine.audio.loudness import Levelling
from jobs.engine.audio.packet_copy import AudioCopy
from jobs.engine.model.report import Fault, Report
from jobs.engine.render import remux, render
from jobs.engine.render.render import RenderRequest
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.smartcut.strategy import SECOND, Strategy
from jobs.engine.verify.verify import Claims, verify
from jobs.errors import InputError

# Of the time a render takes with its check.
VERIFY_SHARE = 0.1
# Of the rest, where what was proven has to be moved into another container.
MOVE_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Proven:
    """A published result: how it was rendered, what checking it has found, time on the clock for either, what
    brought each audio track to its loudness, and which packets of it are the source's own."""

    strategy: Strategy
    report: Report
    seconds: dict[str, float]
    levellings: tuple[Levelling | None, ...] = ()
    audio_copies: tuple[AudioCopy | None, ...] = ()


def publish(request: RenderRequest, strategy: Strategy, output: Path, work: Workspace) -> Proven:
    """Render, check, and only then give the result its name. `output` appears when it is whole and right.

    A result of copied and encoded pictures that cannot be made, or does not pass, is made again with all of them
    encoded; the strategy says so then. Raises InputError (`damaged` when too little of the source decodes), ToolError,
    ResourceError, and what `work.progress` raises.
    """
    seconds = {"render": 0.0, "verify": 0.0}
    with render.whole(output) as part:
        try:
            report, levellings = attempt(request, strategy, part, work, seconds)
            moved(request, part, work, seconds)
        except Unsound as error:
            was_kept = work.kept is not None and work.kept.found > 0
            if strategy.render == "encode" and not any(request.audio_copies) and not was_kept:
                raise
            work.log.line(f"{error.message} {error.detail}")
            if work.kept:  # whatever is wrong may be in what an attempt before has made
                work.kept.forget()
            request = dataclasses.replace(request, audio_copies=())
            if strategy.render != "encode":
                strategy = SECOND
            report, levellings = attempt(request, strategy, part, work, seconds)
            moved(request, part, work, seconds)
    return Proven(strategy, report, seconds, levellings, request.audio_copies)


def attempt(
    request: RenderRequest, strategy: Strategy, part: Path, work: Workspace, seconds: dict[str, float]
) -> tuple[Report, tuple[Levelling | None, ...]]:
    """Render one way and check the result, which adds to `seconds`.

    Raises Unsound when it does not pass, InputError for a damaged source.
    """
    with timed(seconds, "render"):
        made = render.render(request, part, work.share(0, 1 - VERIFY_SHARE), strategy)
    with timed(seconds, "verify"):
        source = request.source
        report = verify(
            dataclasses.replace(source, info=request.container.as_stored(source.info)),
            part,
            request.timeline,
            Claims(strategy.splice, strategy.intra, made.lost, made.sounds, request.audio_copies),
            progress=lambda done: work.progress(1 - VERIFY_SHARE * (1 - done), "Checking the result"),
        )
    require(report)
    return report, made.levellings


def moved(request: RenderRequest, part: Path, work: Workspace, seconds: dict[str, float]) -> None:
    """Make what was proven a file of the container that was asked for, if it is none yet. Raises Unsound."""
    if request.container.needs_remux:
        with timed(seconds, "render"):
            move(request, part, work)


def move(request: RenderRequest, part: Path, work: Workspace) -> None:
    container, timeline = request.container, request.timeline

    def progress(done: float) -> None:
        work.progress(1 - MOVE_SHARE * (1 - done), f"Writing it as {container.name}")

    if container.audio_file is None:
        remux.move(part, container, timeline.duration, request.source, progress=progress, log=work.log)
    else:
        (copy,) = request.audio_copies or (None,)
        heard = copy.timeline(timeline) if copy else timeline
        remux.take_out(
            part, request.source, heard, container, progress=progress, log=work.log, is_copy=copy is not None
        )


def require(report: Report) -> None:
    """Raise InputError when the report blames the source, Unsound when it has any other fault."""
    damage = [fault for fault in report.faults if fault.code == "damaged_source"]
    if damage:
        raise InputError(damage[0].message, detail=_detail(report.faults), code="damaged")
    if not report.ok:
        raise Unsound(
            "The result did not come out as planned, so it was thrown away. Tell the operator, who can see why.",
            detail=_detail(report.faults),
        )


def _detail(faults: tuple[Fault, ...]) -> str:
    return "\n".join(f"{fault.code}: {fault.message}" for fault in faults)


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the time on the clock that the block takes to `seconds[name]`."""
    started = time.monotonic()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - started
