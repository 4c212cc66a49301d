"""One stretch of a recording, exact at both ends."""

import dataclasses
from typing import Any, ClassVar, Literal

from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.container import muxers
from jobs.engine.edit.cut_params import seconds
from jobs.engine.edit.cut_plan import END_TOLERANCE
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.pipelines.trim import TrimOptions, trim
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import chosen_container
from jobs.operations.forms import ContainerField, EndField, OperationForm, RenderField, StartField, safe_name


class TrimForm(OperationForm):
    start = StartField()
    end = EndField()
    render = RenderField(  # type: ignore[assignment] # fields are taken out of the class: nothing is hidden
        "Keep the original picture, re-encode only at both ends"
    )
    container = ContainerField()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        start, end = cleaned.get("start"), cleaned.get("end")
        if not start and end is None and not {"start", "end"} & set(self.errors):
            self.add_error("start", "Write from when, until when, or both.")
        if end is not None and end <= (start or 0):
            self.add_error("end", "The end has to come after the start.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class TrimParams:
    """`start` and `end` in seconds after the recording's start; None for its own start and end."""

    VERSION: ClassVar[int] = 1

    start: float | None = None
    end: float | None = None
    render: Literal["smart", "encode"] = "smart"
    container: muxers.ContainerChoice = "mp4"

    @property
    def kept(self) -> TrimOptions:
        """As a person wrote it: 1.1 is eleven tenths."""
        return TrimOptions(seconds(str(self.start or 0)), None if self.end is None else seconds(str(self.end)))


class Trim(Operation[TrimParams]):
    slug = "trim"
    title = "Trim"
    version_name = "Trimmed"
    done = "Trimmed"
    summary = "Keeps one part of the recording, exact to the frame."
    description = (
        "One stretch, exact at both ends; copies all of its picture but what lies between an end and the next keyframe."
    )
    accepts = "any"
    group = "Cut"
    icon = "film"
    gist = "keep from one point to another"
    also_called = "cut crop shorten clip part excerpt start end beginning"
    queue = "fast"
    order = 20
    staged = True
    chain_order = 30
    hands_over_lossless = True
    example = {"start": 2}
    example_seconds = 4
    picture_fields = ("render",)
    form_class = TrimForm
    params_class = TrimParams

    def check(self, info: MediaInfo, params: TrimParams) -> None:
        kept = params.kept
        if kept.start >= info.duration or (kept.end or 0) > info.duration + END_TOLERANCE:
            raise InputError(
                f"The recording ends after {float(info.duration):.6g} s. Choose times before that.", code="beyond_end"
            )

    def encodes_audio(self, info: MediaInfo, params: TrimParams) -> bool:
        return True

    def pace_key(self, params: TrimParams) -> str:
        return params.render

    def copies(self, info: MediaInfo, params: TrimParams) -> str:
        return "copies the picture but at both ends" if info.video and params.render == "smart" else ""

    def worked_seconds(self, info: MediaInfo, params: TrimParams) -> float:
        end = info.duration if params.kept.end is None else params.kept.end
        return max(0.0, float(end - params.kept.start))

    def run(self, context: Context, params: TrimParams) -> list[Draft]:
        container = chosen_container(context, params.container)
        output = context.scratch / f"trimmed{container.suffix}"
        options = RenderOptions(params.render, audio=AudioOptions(handover=context.handover))
        result = trim(context.recording, params.kept, output, context.workspace, options)
        name = safe_name(f"{context.title} (trimmed)", container.suffix)
        return [Draft(output, context.info.kind, name, container.media_type, result.to_json())]
