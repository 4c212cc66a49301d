"""`manage.py cut INPUT OUTPUT`: the silence cut on two files, without database, Redis or server."""

import json
import signal
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from jobs.engine.cut import CutResult, cut
from jobs.engine.cutparams import DETECTORS, PAUSES, SPEEDS, CutParams, seconds
from jobs.engine.detect import Range
from jobs.engine.inspection import inspect
from jobs.engine.process import require_file
from jobs.errors import InputError, JobError
from jobs.management.cutfiles import SUFFIXES, Exported, export, require_ending, require_export, require_place

UNUSABLE = 2
FAILED = 1
BAR_WIDTH = 30


class Command(BaseCommand):
    help = "Cut the silence out of a recording: INPUT stays as it is, OUTPUT is an MP4 file."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        defaults = CutParams()
        parser.add_argument("input", type=Path, help="the recording: video or sound")
        parser.add_argument(
            "output", type=Path, help=f"the result, named {', '.join(SUFFIXES)}; replaced when it exists"
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
            help="what counts as sound: all that is loud enough, or only somebody who speaks (default: "
            f"{defaults.detector})",
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
            choices=["smart", "encode"],
            default="smart",
            help="smart copies the pictures that lie whole between two cuts, where that is quicker; encode makes all "
            "of them anew (default: smart)",
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

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, terminated)
        bar = Bar()
        try:
            result, exported = run(options, bar)
        except KeyboardInterrupt:
            bar.clear()
            sys.exit(128 + signal.SIGINT)
        except InputError as error:
            bar.clear()
            self.refuse(error, UNUSABLE)
        except JobError as error:
            bar.clear()
            self.refuse(error, FAILED)
        bar.clear()
        if options["json"]:
            asked = options["export"]
            files = {"exports": list(map(str, exported.files)), "export_note": exported.note} if asked else {}
            self.stdout.write(json.dumps({**result.to_json(), **files}))
        else:
            for line in (summary(result, options["output"]), result.report.summary, *exported.lines):
                self.stdout.write(line)
        if exported.missing:
            self.refuse(InputError(exported.missing), UNUSABLE)

    def refuse(self, error: JobError, status: int) -> NoReturn:
        self.stderr.write(error.message)
        if error.detail and status == FAILED:
            self.stderr.write(error.detail)
        sys.exit(status)


def run(options: dict[str, Any], bar: "Bar") -> tuple[CutResult, Exported]:
    """Cut, and export what was asked for."""
    source, output, others = options["input"], options["output"], options["export"]
    require_file(source)
    require_place(source, output)
    require_ending(output)
    for path in others:
        require_export(source, path)
    params = CutParams(
        threshold_db=options["threshold_db"],
        margin_before_ms=options["margin_before_ms"],
        margin_after_ms=options["margin_after_ms"],
        min_silence_ms=options["min_silence_ms"],
        min_clip_ms=options["min_clip_ms"],
        keep=options["keep"],
        detector=options["detector"],
        pauses=options["pauses"],
        pause_ms=options["pause_ms"],
        speed=options["speed"],
    )
    track, info = options["audio_track"], inspect(source)
    # Beside the result: where that has room, what leads to it has.
    result = cut(
        source,
        output,
        info,
        params,
        scratch=output.parent,
        track=track,
        way=options["render"],
        progress=bar.show,
    )
    return result, export(source, info, result.plan, result.captions, others)


def threshold(text: str) -> float | str:
    return text if text == "auto" else float(text)


def audio_track(text: str) -> int | str:
    return text if text == "all" else int(text)


def ranges(text: str) -> tuple[Range, ...]:
    """Ranges from "1-2.5,4-6", in seconds."""
    try:
        pairs = [part.split("-") for part in text.split(",")]
        return tuple((seconds(start.strip()), seconds(end.strip())) for start, end in pairs)
    except (ValueError, InputError) as error:
        raise ArgumentTypeError('ranges are written like "1-2.5,4-6", in seconds') from error


def summary(result: CutResult, output: Path) -> str:
    plan = result.plan
    if count := len(plan.muted):
        return f"{output}: muted {count} {'pause' if count == 1 else 'pauses'}"
    count = len(plan.keep)
    kept = (
        f"{output}: kept {count} {'part' if count == 1 else 'parts'}, {float(plan.output_duration):.1f} of "
        f"{float(plan.duration):.1f} seconds"
    )
    if plan.speed:
        kept = (
            f"{output}: {len(plan.fast)} {'pause' if len(plan.fast) == 1 else 'pauses'} {float(plan.speed):g} times as "
            f"fast, {float(plan.output_duration):.1f} instead of {float(plan.duration):.1f} seconds"
        )
    return f"{kept}. {result.reason}" if result.reason else kept


def terminated(number: int, frame: FrameType | None) -> NoReturn:
    """End like after Ctrl-C, so that nothing is left behind."""
    sys.exit(128 + number)


class Bar:
    """Progress on standard error, when that is a terminal."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, fraction: float, stage: str) -> None:
        if not sys.stderr.isatty():
            return
        done = round(BAR_WIDTH * fraction)
        line = f"[{'#' * done}{'.' * (BAR_WIDTH - done)}] {100 * fraction:3.0f} %  {stage}"
        if line != self._shown:
            sys.stderr.write(f"\r{line:<{len(self._shown)}}")
            sys.stderr.flush()
            self._shown = line

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write(f"\r{' ' * len(self._shown)}\r")
            sys.stderr.flush()
            self._shown = ""
