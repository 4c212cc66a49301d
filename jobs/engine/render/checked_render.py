"""A render that nobody sees before it has been checked, and a second one, the safe way, when a quick one fails."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.engine.container.muxers import MP4, Container
from jobs.engine.model.report import Fault, Report
from jobs.engine.model.timeline import Timeline
from jobs.engine.render import remux, render
from jobs.engine.render.passthrough import NO_EXTRAS, Extras
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.smartcut.strategy import SECOND, Strategy
from jobs.engine.verify.verify import verify
from jobs.engine.video.source import Source
from jobs.errors import InputError

# Of the time a render takes with its check.
VERIFY_SHARE = 0.1
# Of the rest, where what was proven has to be moved into another container.
MOVE_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Proven:
    """A published result: how it was rendered, what checking it has found, and time on the clock for either."""

    strategy: Strategy
    report: Report
    seconds: dict[str, float]


@dataclasses.dataclass
class Work:
    """What all tries at one cut share. `seconds` adds up over them."""

    source: Source
    timeline: Timeline
    place: Workspace
    extras: Extras = NO_EXTRAS
    container: Container = MP4
    seconds: dict[str, float] = dataclasses.field(default_factory=lambda: {"render": 0.0, "verify": 0.0})


def publish(work: Work, strategy: Strategy, output: Path) -> Proven:
    """Render, check, and only then give the result its name. `output` appears when it is whole and right.

    A result of copied and encoded pictures that cannot be made, or does not pass, is made again with all of them
    encoded; the strategy says so then. Raises InputError (`damaged` when too little of the source decodes), ToolError,
    ResourceError, and what `work.place.progress` raises.
    """
    with render.whole(output) as part:
        try:
            report = attempt(work, strategy, part)
        except Unsound as error:
            if strategy.render == "encode":
                raise
            work.place.log.line(f"{error.message} {error.detail}")
            strategy = SECOND
            report = attempt(work, strategy, part)
        if work.container.needs_remux:
            with timed(work.seconds, "render"):
                move(work, part)
    return Proven(strategy, report, work.seconds)


def attempt(work: Work, strategy: Strategy, part: Path) -> Report:
    """Render one way and check the result. Raises Unsound when it does not pass, InputError for a damaged source."""
    with timed(work.seconds, "render"):
        made = render.render(
            work.source,
            work.timeline,
            part,
            work.place.share(0, 1 - VERIFY_SHARE),
            strategy=strategy,
            extras=work.extras,
            container=work.container,
        )
    with timed(work.seconds, "verify"):
        report = verify(
            dataclasses.replace(work.source, info=work.container.as_stored(work.source.info)),
            part,
            work.timeline,
            splice=strategy.splice,
            copied=strategy.intra,
            lost=made.lost,
            sounds=made.sounds,
            progress=lambda done: work.place.progress(1 - VERIFY_SHARE * (1 - done), "Checking the result"),
        )
    require(report)
    return report


def move(work: Work, part: Path) -> None:
    """Make what was proven a file of the container that was asked for."""

    def progress(done: float) -> None:
        work.place.progress(1 - MOVE_SHARE * (1 - done), f"Writing it as {work.container.name}")

    if work.container.audio_file is None:
        remux.move(
            part,
            work.container,
            work.timeline.duration,
            work.source.path,
            work.source.info,
            progress=progress,
            log=work.place.log,
        )
        return
    (track,) = work.source.info.audio
    remux.take_out(
        part,
        work.source.path,
        work.source.info,
        track,
        work.timeline,
        work.container,
        progress=progress,
        log=work.place.log,
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
