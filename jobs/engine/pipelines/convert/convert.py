"""Converting a recording as a whole: from one path to another, in the format, shape and size that is asked for.

Tracks that already are what is asked for are copied; the others are decoded and encoded once (twice to meet a size).
"""

import dataclasses
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import counted
from jobs.engine.model.told import Told
from jobs.engine.pipelines.convert import conversion, kept_passes, pieces
from jobs.engine.pipelines.convert.conversion import ConversionPlan, ConvertOptions
from jobs.engine.pipelines.convert.ffmpeg_args import Job, argv, follow, kept
from jobs.engine.pipelines.convert.kept_passes import KeptPasses
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import sidetracks
from jobs.engine.render.render import whole
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.verify import verify
from jobs.engine.video import color as looks
from jobs.engine.video import frame_index
from jobs.engine.video.source import Source
from jobs.errors import InputError, ToolError

PICTURE_SHARE = 0.9
"""Of the time, for a picture in pieces."""
FIRST_PASS_SHARE, TRY_SHARE, ALL_TRIES_SHARE = 0.35, 0.9, 0.97
"""Of the time it takes: the first pass; of what is then left, each try to meet a size; and when the last one ends."""
TRIES = 4
AIM_UNDER = 0.97
"""Of a limit that a file has missed, what the next try aims at."""


@dataclasses.dataclass(frozen=True)
class Converted:
    """What was made. `lost` pictures of the source did not decode; `tone_mapped` says whether colours were moved."""

    plan: ConversionPlan
    options: ConvertOptions
    info: MediaInfo
    frames: int
    lost: int = 0
    tone_mapped: bool = False
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What was done, in a sentence without its full stop."""
        if self.plan.copies_all:
            return "Picture and sound copied" if self.notes else "Copied as it was"
        if self.plan.framing is None:
            return "Picture copied, sound encoded"
        width, height = self.plan.framing.size
        facts = [self.options.kind.encoder.name, f"{width} × {height}"]
        if self.tone_mapped:
            facts.append("HDR brought to usual colours")
        if self.plan.audio_kbps and not any(self.plan.audio_kbps):
            facts.append("sound copied")
        if self.lost:
            facts.append(f"{counted(self.lost, 'frame')} of the recording damaged")
        return ", ".join(facts)

    def to_json(self) -> dict[str, Any]:
        video = self.info.require_video()
        return {
            **Told(summary=self.summary, notes=self.notes).to_json(),
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "frame_rate": str(video.frame_rate),
            "frames": self.frames,
            "frames_lost": self.lost,
            "duration": round(float(self.info.duration), 6),
            "picture_copied": self.plan.framing is None,
            "sound_copied": [kbps is None for kbps in self.plan.audio_kbps],
            "tone_mapped": self.tone_mapped,
            "passes": self.plan.passes,
        }


def convert(source: Source, options: ConvertOptions, output: Path, work: Workspace) -> Converted:
    """Write `source` to `output`, whose ending should be the target's; it appears when it is whole and checked.

    Sound, text tracks, chapters and names come along; text that is pictures (DVD, Blu-ray) does not. The picture is
    upright, and pictures keep their times unless a rate is asked for. Raises InputError, ToolError, ResourceError, and
    what `work.progress` raises, which leaves nothing behind.
    """
    conversion.check(source.info, options)
    work.progress(0, "Reading the picture")
    colours = looks.read(source.path, source.info)
    plan = conversion.plan(source.info, colours, options)
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".convert-") as folder, whole(output) as part:
        job = Job(source, colours, options, Path(folder))
        plan = _Conversion(job, part, work).run(plan)
        work.progress(ALL_TRIES_SHARE, "Checking the result")
        made = inspect(part)
        frames, lost = _counted(job, plan, part, made, work.cache)
        notes = sidetracks.left_out(source, part)
    work.progress(1, "Checking the result")
    toned = plan.framing is not None and colours.wide and not options.keeps_hdr
    return Converted(plan, options, made, frames, lost, toned, tuple(notes))


@dataclasses.dataclass
class _Conversion:
    """What all passes and tries share."""

    job: Job
    output: Path
    work: Workspace

    def run(self, plan: ConversionPlan) -> ConversionPlan:
        """Do what is planned. What cannot be copied after all is encoded; returns what was done in the end."""
        try:
            return self.done(plan)
        except ToolError as error:
            if not self.job.bare and kept(self.job):
                # A track that nobody looks at may be damaged, and is no reason to encode the others.
                self.work.log.line(f"{error.message} {error.detail}")
                self.job = dataclasses.replace(self.job, bare=True)
                return self.run(plan)
            if not plan.copies_any:
                raise
            self.work.log.line(f"{error.message} {error.detail}")
        return self.done(conversion.plan(self.job.info, self.job.colours, self.job.options, copy=False))

    def done(self, plan: ConversionPlan) -> ConversionPlan:
        limit = self.job.options.limit_bytes
        if plan.rate.kbps is None:
            self.once(plan)
            if not limit or self.output.stat().st_size <= limit:
                return plan
            plan = conversion.plan_within(self.job.info, self.job.options, limit)
        assert limit is not None
        return self.within(plan, limit)

    def once(self, plan: ConversionPlan) -> None:
        """Copy and encode as planned; the picture in pieces where that pays (`pieces`)."""
        begin, job = 0.0, self.job
        if found := pieces.wanted_frames(job, plan, self.work):
            index, every = found
            picture, part = job.folder / "picture.mp4", self.work.share(0, PICTURE_SHARE)

            def make() -> None:
                whole = pieces.PicturePieces(job, plan, index, every, self.work)
                pieces.encode(whole, picture, lambda done: part.progress(done, self.stage))

            if pieces.or_none(make, self.work):
                begin, start = PICTURE_SHARE, Fraction(int(every.start_ticks[0]), index.clock_hz)
                job = dataclasses.replace(job, picture=picture, picture_start=start)
        self.follow(argv(job, plan, self.output), begin, ALL_TRIES_SHARE, "Copying" if plan.copies_all else self.stage)

    def within(self, plan: ConversionPlan, limit: int) -> ConversionPlan:
        """Encode to less than `limit` bytes: a file that comes out larger is made again with fewer."""
        begin, kbps = 0.0, plan.rate.kbps or 0
        two = self.job.options.kind.encoder.two_pass
        rate = dataclasses.replace(plan.rate, log=self.job.folder / kept_passes.LOG)
        passes = KeptPasses(self.work.kept, self.job, plan)
        if two:
            begin = FIRST_PASS_SHARE
            first = argv(self.job, dataclasses.replace(plan, rate=dataclasses.replace(rate, passes=1)), None)
            passes.measured(lambda: self.follow(first, 0, FIRST_PASS_SHARE, "Measuring the picture"))
        for number in range(TRIES):
            end = begin + (ALL_TRIES_SHARE - begin) * TRY_SHARE
            if aim := passes.aim_after(number):
                kbps, begin = aim, end
                continue
            rate = dataclasses.replace(rate, kbps=kbps, passes=2 if two else None)
            plan = dataclasses.replace(plan, rate=rate)
            self.follow(argv(self.job, plan, self.output), begin, end, self.stage)
            size, begin = self.output.stat().st_size, end
            if size <= limit:
                return plan
            # All that is too much has to go from the picture.
            kbps = int(kbps * AIM_UNDER - (size - limit) * 8 / self.job.info.duration / 1000)
            if kbps < 1:
                break
            if number < TRIES - 1:
                passes.missed(number, kbps)
        raise InputError(
            "The recording could not be made as small as wished. Allow more megabytes, or choose a lower resolution.",
            detail=f"{size} bytes instead of {limit}",
            code="too_small",
        )

    @property
    def stage(self) -> str:
        return f"Encoding as {self.job.options.kind.encoder.name}"

    def follow(self, command: list[str], begin: float, end: float, stage: str) -> None:
        """Run a command that takes the work from one fraction to another."""
        part = self.work.share(begin, end)
        follow(command, self.job.info, lambda done: part.progress(done, stage), self.work.log)


def _counted(job: Job, plan: ConversionPlan, output: Path, made: MediaInfo, cache: Path | None) -> tuple[int, int]:
    """Pictures of the result, and how many of the source are missing there. Raises when it is not as planned."""
    info = job.info
    most = max(verify.LOST_SECONDS, info.duration * verify.LOST_SHARE)
    short = abs(made.duration - info.duration) > most or len(made.audio) != len(info.audio)
    if short or made.video is None or (plan.framing and (made.video.width, made.video.height) != plan.framing.size):
        raise ToolError(
            "The result did not come out as planned, so it was thrown away. Tell the operator, who can see why.",
            detail=f"{made} from {info}",
        )
    frames = len(frame_index.index_frames(output, made).pts)
    if job.options.shape.frame_rate:
        return frames, 0
    there = len(frame_index.index_frames(job.source.path, info, cache_dir=cache).pts)
    lost = max(0, there - frames)
    if info.duration * lost / max(1, there) > most:
        raise InputError(
            f"The recording is damaged: {lost} of its {there} pictures cannot be decoded. If it plays well "
            "elsewhere, export it anew there and upload that.",
            code="damaged",
        )
    return frames, lost
