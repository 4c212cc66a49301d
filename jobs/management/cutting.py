"""What `manage.py cut INPUT OUTPUT` does: the silence cut on two files, without database, Redis, server or Django."""

import dataclasses
import json
import signal
import sys
import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from jobs.engine.analysis.activity import Range
from jobs.engine.audio import loudness
from jobs.engine.audio.audio_options import WAYS as AUDIO_WAYS
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.container import muxers
from jobs.engine.edit.cut_params import DETECTORS, PAUSES, SPEEDS, CutParams, seconds
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import counted
from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.engine.pipelines.silence_cut import cut, plan_json, plan_only
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe import discontinuities
from jobs.engine.render.checked_render import timed
from jobs.engine.render.passthrough import Captions, moved_captions
from jobs.engine.runtime.failures import as_job_error
from jobs.engine.runtime.subprocess_runner import require_file
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError, JobError
from jobs.management.bar import Bar
from jobs.management.cutfiles import (
    Exported,
    export,
    is_captions,
    require_export,
    require_place,
)

UNUSABLE = 2
FAILED = 1
HELP = "Cut the silence out of a recording: INPUT stays as it is."


def main(arguments: list[str]) -> None:
    """As a person runs it: without Django, whose commands take a tenth of a short cut's time to load."""
    parser = ArgumentParser(prog="manage.py cut", description=HELP)
    add_arguments(parser)
    # Python 3.11 does not find an argument that may be left out behind an option: INPUT --json OUTPUT.
    carry_out(vars(parser.parse_intermixed_args(arguments)), print, partial(print, file=sys.stderr))


def add_arguments(parser: ArgumentParser) -> None:
    defaults = CutParams()
    parser.add_argument("input", type=Path, help="the recording: video or sound")
    parser.add_argument(
        "output",
        type=Path,
        nargs="?",
        help=f"the result, in the container of its ending: {', '.join(muxers.SUFFIXES)}, from .m4a on without a "
        "picture; replaced when it exists; with --render none it is not written, and may be left out",
    )
    parser.add_argument(
        "--threshold-db",
        type=threshold,
        default=defaults.threshold_db,
        metavar="X|auto",
        help="silence is where the loudest sample of 20 ms stays under this many dBFS, like -28 (default: auto, "
        "from the recording's own noise and speech)",
    )
    parser.add_argument(
        "--detector",
        choices=DETECTORS,
        default=defaults.detector,
        help=f"what counts as sound: any, or only speech (default: {defaults.detector})",
    )
    parser.add_argument(
        "--pauses",
        choices=PAUSES,
        default=defaults.pauses,
        help="what becomes of silence: remove it, shorten it to --pause-ms, run it --speed times as fast, or mute "
        "it, which cuts nothing "
        f"(default: {defaults.pauses})",
    )
    for name, help in (
        ("margin-before", "kept before each sound"),
        ("margin-after", "kept after each sound"),
        ("min-silence", "shorter silences stay"),
        ("min-clip", "shorter sounds, alone between silences, go"),
        ("min-saving", "cuts that would save less are not made"),
        ("pause", "how long a shortened pause is, margins included"),
    ):
        default = getattr(defaults, f"{name.replace('-', '_')}_ms")
        parser.add_argument(
            f"--{name}-ms", type=int, default=default, metavar="N", help=f"{help} (milliseconds, default {default})"
        )
    parser.add_argument(
        "--speed",
        type=float,
        default=defaults.speed,
        metavar="X",
        help=f"how many times as fast pauses run with --pauses speed, {SPEEDS[0]} to {SPEEDS[1]}; the pitch stays "
        f"(default: {defaults.speed})",
    )
    parser.add_argument(
        "--keep",
        type=ranges,
        default=(),
        metavar="A-B,C-D",
        help="keep these ranges, in seconds, instead of looking for silence",
    )
    parser.add_argument(
        "--audio-track",
        type=audio_track,
        default="all",
        metavar="all|N",
        help="the audio track to find silence in, 0 for the first (default: all of them)",
    )
    parser.add_argument(
        "--render",
        choices=["smart", "encode", "none"],
        default="smart",
        help="smart copies the pictures that lie whole between two cuts, where that is quicker; encode makes all "
        "of them anew; none makes no recording, only what --export names (default: smart)",
    )
    parser.add_argument(
        "--audio",
        choices=AUDIO_WAYS,
        default="auto",
        help="encode cuts the sound at the sample and encodes it once; copy joins its packets as they are, each "
        "range within half a packet (10 to 16 ms) of where it is planned; auto copies where there is no picture "
        "(default: auto)",
    )
    parser.add_argument(
        "--clean",
        type=strength,
        metavar="X|on",
        help="take noise and mains hum out of what is listened to, before pauses are looked for: 0 takes "
        f"hum alone, 1 as much noise as can be; on is {CleanOptions.strength:g} (default: leave them)",
    )
    parser.add_argument(
        "--loudness-lufs",
        type=lufs,
        metavar="N|on",
        help="make the result this loud by EBU R128, -40 to -6; on is -16 (default: as loud as it is)",
    )
    parser.add_argument(
        "--export",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write the cut for another program too: an .otio, .edl, .fcpxml or .xml (Final Cut Pro 7, Premiere "
        "Pro) timeline, a .json map from old time to new, or .srt or .vtt captions, moved with the cut, of those "
        "inside the recording (the first track; others beside it, named by their language); may be given several "
        "times",
    )
    parser.add_argument("--json", action="store_true", help="print what was done as one line of JSON")


def carry_out(options: dict[str, Any], say: Callable[[str], object], complain: Callable[[str], object]) -> None:
    """Cut as the arguments say; `say` and `complain` take a line or several. Exits with a status for failures."""
    signal.signal(signal.SIGTERM, terminated)
    bar = Bar()
    try:
        made, exported = run(options, bar)
    except KeyboardInterrupt:
        bar.clear()
        sys.exit(128 + signal.SIGINT)
    except InputError as error:
        bar.clear()
        refuse(complain, error, UNUSABLE)
    except JobError as error:
        bar.clear()
        refuse(complain, error, FAILED)
    except Exception as error:  # noqa: BLE001 the boundary: a person gets a sentence, whatever happened
        bar.clear()
        failure = as_job_error(error)
        failure.detail = repr(error)
        refuse(complain, failure, UNUSABLE if isinstance(failure, InputError) else FAILED)
    bar.clear()
    if options["json"]:
        asked = options["export"]
        files = {"exports": list(map(str, exported.files)), "export_note": exported.note} if asked else {}
        say(json.dumps({**made.facts, **files}))
    else:
        say("\n".join([*made.lines, *exported.lines]))
    if exported.missing:
        refuse(complain, InputError(exported.missing), UNUSABLE)


def refuse(complain: Callable[[str], object], error: JobError, status: int) -> NoReturn:
    complain(error.message)
    if error.detail and status == FAILED:
        complain(error.detail)
    sys.exit(status)


@dataclasses.dataclass(frozen=True)
class Made:
    """A cut, rendered or not: what exports are made from, and what was done as values and as lines for a person."""

    plan: CutPlan
    captions: Captions
    facts: dict[str, Any]
    lines: tuple[str, ...]


def run(options: dict[str, Any], bar: Bar) -> tuple[Made, Exported]:
    """Cut, or only plan to, and export what was asked for."""
    source, others = options["input"], options["export"]
    require_file(source)
    require_output(options)
    for path in others:
        require_export(source, path)
    params = params_of(options)
    make = planned if options["render"] == "none" else rendered
    scratch = options["output"].parent if options["output"] else Path(tempfile.gettempdir())
    with discontinuities.continuous(source, scratch) as (steady, info):
        made = make(steady, options, info, params, bar)
    return made, export(source, info, made.plan, made.captions, others)


def require_output(options: dict[str, Any]) -> None:
    """Raise InputError when nothing would be written, or not where it could be."""
    if options["render"] == "none":
        if not options["export"]:
            raise InputError("With --render none only exports are written. Name at least one file with --export.")
        return
    if options["output"] is None:
        raise InputError("Name the output, the file for the result. Only with --render none it may be left out.")
    require_place(options["input"], options["output"])
    muxers.for_name(options["output"])


def params_of(options: dict[str, Any]) -> CutParams:
    return CutParams(
        threshold_db=options["threshold_db"],
        margin_before_ms=options["margin_before_ms"],
        margin_after_ms=options["margin_after_ms"],
        min_silence_ms=options["min_silence_ms"],
        min_clip_ms=options["min_clip_ms"],
        min_saving_ms=options["min_saving_ms"],
        keep=options["keep"],
        detector=options["detector"],
        pauses=options["pauses"],
        pause_ms=options["pause_ms"],
        speed=options["speed"],
    )


def rendered(source: Path, options: dict[str, Any], info: MediaInfo, params: CutParams, bar: Bar) -> Made:
    output = options["output"]
    # Scratch beside the result: where that has room, what leads to it has.
    work = Workspace(output.parent, progress=bar.show)
    audio = AudioOptions(options["audio"], options["loudness_lufs"])
    how = RenderOptions(options["render"], options["audio_track"], audio=audio)
    result = cut(Source(source, info), params, output, work, how, options["clean"])
    said = ". ".join(filter(None, (told(result.plan), result.reason)))
    return Made(
        result.plan, result.captions, result.to_json(), (f"{output}: {said}", result.report.summary, *result.notes)
    )


def planned(source: Path, options: dict[str, Any], info: MediaInfo, params: CutParams, bar: Bar) -> Made:
    """The cut without a recording of it; the values of --json have the same keys as with one."""
    bar.show(0, "Measuring the sound")
    spent = {"analysis": 0.0, "render": 0.0, "verify": 0.0}
    with timed(spent, "analysis"):
        plan = plan_only(Source(source, info), params, track=options["audio_track"], clean=options["clean"])
    captions = moved_captions(Source(source, info), plan.timeline) if any(map(is_captions, options["export"])) else ()
    took = {name: round(value, 3) for name, value in spent.items()}
    facts = {**plan_json(plan), "frames": 0, "frames_copied": 0, "render": "none", "seconds": took}
    return Made(plan, captions, facts, (f"{options['input']}: {told(plan)}. No recording was made.",))


def threshold(text: str) -> float | str:
    return text if text == "auto" else float(text)


def strength(text: str) -> CleanOptions:
    """How much noise goes."""
    value = CleanOptions.strength if text == "on" else float(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError("the strength has to lie between 0 and 1")
    return CleanOptions(value)


def lufs(text: str) -> float:
    """A loudness that a result may have."""
    value = loudness.USUAL_LUFS if text == "on" else float(text)
    if not loudness.MINIMUM_LUFS <= value <= loudness.MAXIMUM_LUFS:
        raise ArgumentTypeError(
            f"the loudness has to lie between {loudness.MINIMUM_LUFS} and {loudness.MAXIMUM_LUFS} LUFS"
        )
    return value


def audio_track(text: str) -> int | str:
    return text if text == "all" else int(text)


def ranges(text: str) -> tuple[Range, ...]:
    """Ranges from "1-2.5,4-6", in seconds."""
    try:
        pairs = [part.split("-") for part in text.split(",")]
        return tuple((seconds(start.strip()), seconds(end.strip())) for start, end in pairs)
    except (ValueError, InputError) as error:
        raise ArgumentTypeError('ranges are written like "1-2.5,4-6", in seconds') from error


def told(plan: CutPlan) -> str:
    """What a cut does, in a few words."""
    if plan.muted:
        return f"muted {counted(len(plan.muted), 'pause')}"
    if plan.speed:
        return (
            f"{counted(len(plan.fast), 'pause')} {float(plan.speed):g} times as fast, "
            f"{float(plan.output_duration):.1f} instead of {float(plan.duration):.1f} seconds"
        )
    return (
        f"kept {counted(len(plan.keep), 'part')}, {float(plan.output_duration):.1f} of "
        f"{float(plan.duration):.1f} seconds"
    )


def terminated(number: int, frame: FrameType | None) -> NoReturn:
    """End like after Ctrl-C, so that nothing is left behind."""
    sys.exit(128 + number)
