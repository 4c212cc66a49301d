"""The recording, or a part of it, faster or slower."""

import dataclasses
from fractions import Fraction
from typing import Any, ClassVar, Literal

from django import forms

from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.container import muxers
from jobs.engine.edit.cut_params import seconds
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import change_speed
from jobs.engine.pipelines.change_speed import MAXIMUM_SPEED, MINIMUM_SPEED, SpeedChange
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import chosen_container
from jobs.operations.forms import (
    ContainerField,
    EndField,
    NumberField,
    OperationForm,
    RenderField,
    StartField,
    safe_name,
)
from jobs.operations.silence_cut import spoken


class ChangeSpeedForm(OperationForm):
    speed = NumberField(
        label="Speed",
        initial=1.5,
        required=False,
        min_value=float(MINIMUM_SPEED),
        max_value=float(MAXIMUM_SPEED),
        help_text="2 plays it in half of the time, 0.5 in twice the time. Voices keep their pitch.",
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    start = StartField()
    end = EndField()
    render = RenderField(  # type: ignore[assignment] # fields are taken out of the class: nothing is hidden
        "Keep the original picture where the speed stays"
    )
    container = ContainerField()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        end = cleaned.get("end")
        if end is not None and end <= (cleaned.get("start") or 0):
            self.add_error("end", "The end has to come after the start.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class ChangeSpeedParams:
    """`start` and `end` in seconds after the recording's start; None for its own start and end."""

    VERSION: ClassVar[int] = 1

    speed: float = 1.5
    start: float | None = None
    end: float | None = None
    render: Literal["smart", "encode"] = "smart"
    container: muxers.ContainerChoice = "mp4"

    @property
    def change(self) -> SpeedChange:
        """As a person wrote it: 1.1 is eleven tenths. Raises InputError."""
        end = None if self.end is None else seconds(str(self.end))
        return SpeedChange(seconds(str(self.speed)).limit_denominator(1000), seconds(str(self.start or 0)), end)


class ChangeSpeed(Operation[ChangeSpeedParams]):
    slug = "change-speed"
    title = "Change the speed"
    version_name = "At another speed"
    done = "Speed changed"
    summary = "Plays the recording, or a part of it, faster or slower at the same pitch."
    description = (
        "The recording, or a part of it, faster or slower at the same pitch; copies the picture where the speed stays."
    )
    accepts = "any"
    group = "Cut"
    icon = "speed"
    gist = "faster or slower, same pitch"
    also_called = "tempo slow motion fast forward time lapse rate"
    queue = "cut"
    order = 25
    staged = True
    chain_order = 50
    hands_over_lossless = True
    picture_fields = ("render",)
    form_class = ChangeSpeedForm
    params_class = ChangeSpeedParams

    def reads_transcript(self, params: ChangeSpeedParams) -> bool:
        return True

    def check(self, info: MediaInfo, params: ChangeSpeedParams) -> None:
        if params.change.start >= info.duration:
            raise InputError(
                f"The recording ends after {float(info.duration):.6g} s. Choose times before that.", code="beyond_end"
            )

    def timeout_seconds(self, info: MediaInfo, params: ChangeSpeedParams) -> int:
        # Slow motion has more to encode than the recording had.
        return 600 + int(20 * info.duration / min(Fraction(1), params.change.speed))

    def encodes_audio(self, info: MediaInfo, params: ChangeSpeedParams) -> bool:
        return True

    def pace_key(self, params: ChangeSpeedParams) -> str:
        return params.render

    def copies(self, info: MediaInfo, params: ChangeSpeedParams) -> str:
        is_part = bool(params.start) or params.end is not None
        return "copies the picture where the speed stays" if info.video and is_part and params.render == "smart" else ""

    def run(self, context: Context, params: ChangeSpeedParams) -> list[Draft]:
        container = chosen_container(context, params.container)
        output = context.scratch / f"speed{container.suffix}"
        options = RenderOptions(
            params.render, transcript=spoken(context), audio=AudioOptions(handover=context.handover)
        )
        result = change_speed.change_speed(context.recording, params.change, output, context.workspace, options)
        name = safe_name(f"{context.title} ({params.speed:g}x)", container.suffix)
        return [Draft(output, context.info.kind, name, container.media_type, result.to_json())]
