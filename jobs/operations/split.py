"""A recording in parts: as files of their own, or in one zip file."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar, Literal

from django import forms

from jobs.engine.container import muxers
from jobs.engine.container.muxers import Container
from jobs.engine.edit.cut_params import seconds
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import split, split_options
from jobs.engine.pipelines.split import MadePart, SplitResult
from jobs.engine.pipelines.split_options import Pauses, SplitOptions
from jobs.engine.pipelines.split_points import MAXIMUM_PARTS
from jobs.engine.runtime import zip_archive
from jobs.operations.base import Context, Draft, Operation, Tracks
from jobs.operations.chosen_container import chosen_container
from jobs.operations.cut_fields import ThresholdField
from jobs.operations.forms import ContainerField, NumberField, OperationForm, TimesField, TrackField, safe_name

MEGABYTE = 1_000_000
PACK_SHARE = 0.1
"""Of the time it takes, when the parts go into a zip file."""
LONGEST_TITLE = 80
"""Characters of a chapter's title in the name of a file."""
WAYS = {
    "times": ("times",),
    "minutes": ("minutes",),
    "megabytes": ("megabytes",),
    "silences": ("detector", "threshold_db", "min_silence_ms", "min_part_seconds", "audio_track"),
}
"""What each way to split takes; what stands in the fields of the others concerns nobody."""


class SplitForm(OperationForm):
    by = forms.ChoiceField(
        label="Where",
        choices=[
            ("minutes", "Every few minutes"),
            ("times", "At given times"),
            ("chapters", "At each chapter"),
            ("silences", "At long pauses"),
            ("megabytes", "By size"),
        ],
        initial="minutes",
        required=False,
    )
    minutes = NumberField(
        label="Minutes",
        initial=10,
        required=False,
        min_value=0.05,
        max_value=10_000,
        help_text="How long each part is; the last one may be shorter.",
        widget=forms.NumberInput(attrs={"step": "any", "data-when": "by=minutes"}),
    )
    times = TimesField(
        label="Times",
        maximum=MAXIMUM_PARTS - 1,
        limit=f"at most {MAXIMUM_PARTS} parts can be made at once",
        required=False,
        help_text="When each part after the first begins: 10:00, 25:30.",
        widget=forms.TextInput(attrs={"data-when": "by=times", "placeholder": "10:00, 25:30"}),
    )
    megabytes = NumberField(
        label="No part larger than (MB)",
        initial=100,
        required=False,
        min_value=0.1,
        max_value=1_000_000,
        help_text="Parts begin at keyframes, and nothing is re-encoded.",
        widget=forms.NumberInput(attrs={"step": "any", "data-when": "by=megabytes"}),
    )
    detector = forms.ChoiceField(
        label="What counts as sound",
        choices=[("loudness", "Any sound"), ("voice", "Only speech")],
        initial="loudness",
        required=False,
        help_text="With only speech, music and typing count as pauses.",
        widget=forms.Select(attrs={"data-when": "by=silences"}),
    )
    threshold_db = ThresholdField(
        label="Silence is below",
        initial="auto",
        required=False,
        help_text="auto follows the recording's noise. Or a level in dBFS, such as -30.",
        widget=forms.TextInput(attrs={"data-when": "by=silences detector=loudness"}),
    )
    min_silence_ms = forms.IntegerField(
        label="Pauses last at least (ms)",
        initial=2000,
        required=False,
        min_value=100,
        max_value=600_000,
        widget=forms.NumberInput(attrs={"data-when": "by=silences"}),
    )
    min_part_seconds = NumberField(
        label="Parts last at least (s)",
        initial=60,
        required=False,
        min_value=0.1,
        max_value=36_000,
        help_text="Of pauses that are nearer to each other the longest count.",
        widget=forms.NumberInput(attrs={"step": "any", "data-when": "by=silences"}),
    )
    audio_track = TrackField(
        label="Listen to track",
        initial="all",
        required=False,
        help_text="all, or the number of one audio track, counted from 0.",
        widget=forms.TextInput(attrs={"data-when": "by=silences"}),
    )
    at = forms.ChoiceField(
        label="Begin parts",
        choices=[
            ("frame", "On the exact frame, re-encode only up to the next keyframe"),
            ("keyframe", "At the nearest keyframe, never re-encode the picture"),
        ],
        initial="frame",
        required=False,
        widget=forms.Select(attrs={"data-when": "by=minutes|times|chapters|silences"}),
    )
    pack = forms.ChoiceField(
        label="Result",
        choices=[("files", "A file for each part"), ("zip", "All in one zip file")],
        initial="files",
        required=False,
    )
    container = ContainerField()

    def default(self, name: str) -> Any:
        # Whoever sends times, minutes or megabytes and says nothing else wants it split by them.
        if name == "by":
            return next((way for way in ("times", "megabytes") if self.given(way) not in (None, "", [], ())), "minutes")
        return super().default(name)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        way = cleaned.get("by")
        if way is None:
            return cleaned
        for names in (names for other, names in WAYS.items() if other != way):
            for name in names:
                self.errors.pop(name, None)
                cleaned[name] = getattr(SplitParams, name)
        if way == "megabytes":
            cleaned["at"] = "keyframe"
        if way == "times" and not any(cleaned.get("times", ())) and "times" not in self.errors:
            self.add_error("times", "Write at least one time after the start, such as 10:00.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class SplitParams:
    """`times` are seconds after the start, ascending; of the others only those count that `by` takes (`WAYS`)."""

    VERSION: ClassVar[int] = 1

    by: split_options.By = "minutes"
    minutes: float = 10
    times: tuple[float, ...] = ()
    megabytes: float = 100
    detector: Literal["loudness", "voice"] = "loudness"
    threshold_db: float | Literal["auto"] = "auto"
    min_silence_ms: int = 2000
    min_part_seconds: float = 60
    audio_track: int | Literal["all"] = "all"
    at: split_options.At = "frame"
    pack: Literal["files", "zip"] = "files"
    container: muxers.ContainerChoice = "mp4"

    @property
    def options(self) -> SplitOptions:
        """As a person wrote it: 1.1 is eleven tenths."""
        return SplitOptions(
            by=self.by,
            times=tuple(seconds(str(time)) for time in self.times if time),
            seconds=60 * seconds(str(self.minutes)),
            maximum_bytes=int(Fraction(str(self.megabytes)) * MEGABYTE),
            pauses=Pauses(
                self.detector,
                self.threshold_db,
                self.min_silence_ms,
                seconds(str(self.min_part_seconds)),
                self.audio_track,
            ),
            at=self.at,
        )


class Split(Operation[SplitParams]):
    slug = "split"
    makes_versions = False
    title = "Split"
    done = "Split"
    summary = "Makes parts that together hold all of the recording: by time, chapter, pause or size."
    description = (
        "Parts at given times, chapters or long pauses, of so many minutes, or no larger than a size; each frame and "
        "sample is in one of them, exact to the frame or at keyframes, copied where that can be done."
    )
    accepts = "any"
    group = "Cut"
    icon = "split"
    gist = "by time, chapter, pause, size"
    folded = (
        "audio_track",
        "at",
        "container",
    )
    also_called = "parts pieces chapters minutes zip divide"
    queue = "cut"
    order = 22
    staged = True
    example = {"by": "times", "times": "1, 2.5"}
    example_seconds = 4
    picture_fields = ("at",)
    form_class = SplitForm
    params_class = SplitParams

    def makes(self, tracks: Tracks, params: SplitParams) -> None:
        return None

    def ends_chain(self, params: SplitParams) -> bool:
        return True

    def queue_for(self, params: SplitParams) -> str:
        """A picture that is only copied takes seconds; at keyframes one that cannot be is refused."""
        return "fast" if params.at == "keyframe" and params.by != "silences" else "cut"

    def check(self, info: MediaInfo, params: SplitParams) -> None:
        split_options.check(info, params.options)

    def pace_key(self, params: SplitParams) -> str:
        return f"{params.by}-{params.at}"

    def copies(self, info: MediaInfo, params: SplitParams) -> str:
        if params.at == "keyframe" or not info.video:
            return "copies everything"
        return "copies the picture but where parts begin"

    def run(self, context: Context, params: SplitParams) -> list[Draft]:
        container = chosen_container(context, params.container)
        work = context.workspace
        if params.pack == "zip":
            work = work.share(0, 1 - PACK_SHARE)
        result = split.split(context.recording, params.options, context.scratch, container, work)
        return [zipped(context, result)] if params.pack == "zip" else files(context, container, result)


def files(context: Context, container: Container, result: SplitResult) -> list[Draft]:
    """A draft for each part; the first one says also what there is to say of all."""
    drafts = []
    for number, (name, one) in enumerate(zip(names(context, result), result.parts, strict=True), 1):
        facts: Mapping[str, Any] = {"part": number, "parts": len(result.parts), **one.to_json()}
        if number == 1:
            facts = {**facts, **result.told.to_json()}
        drafts.append(Draft(one.path, context.info.kind, name, container.media_type, facts))
    return drafts


def zipped(context: Context, result: SplitResult) -> Draft:
    """One draft of all parts."""
    named = names(context, result)
    told = [brief(name, one) for name, one in zip(named, result.parts, strict=True)]
    output = context.scratch / "parts.zip"
    paths = [(name, one.path) for name, one in zip(named, result.parts, strict=True)]
    packing = context.workspace.share(1 - PACK_SHARE, 1)
    for done in zip_archive.stored(paths, output):
        packing.progress(float(done), "Packing the files")
    facts = {**result.told.to_json(), "parts": told}
    return Draft(output, "data", safe_name(context.title, ".zip", "(parts)"), MEDIA_TYPES[".zip"], facts)


def brief(name: str, one: MadePart) -> dict[str, Any]:
    """What the list of a zip file's parts tells of one."""
    facts = one.to_json()
    report = facts.pop("report")
    return {"name": name, "size": one.size_bytes, **facts, "checked": report["summary"]}


def names(context: Context, result: SplitResult) -> list[str]:
    """“Title 01 of 07.mp4”, or “Title 01 Introduction.mp4” where a chapter begins with the part."""
    count = len(result.parts)
    width = max(2, len(str(count)))

    def mark(number: int, title: str) -> str:
        return f"{number:0{width}d} {title[:LONGEST_TITLE] or f'of {count:0{width}d}'}"

    return [
        safe_name(context.title, one.path.suffix, mark(number, one.part.title))
        for number, one in enumerate(result.parts, 1)
    ]
