"""Recordings and results one after the other in one file."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from django import forms

from jobs.engine.container import muxers
from jobs.engine.container.muxers import Container
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import join
from jobs.engine.pipelines.join import JoinOptions, JoinResult
from jobs.engine.render.joined_parts import Part
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import made_in
from jobs.operations.fields import RecordingsField
from jobs.operations.forms import ContainerField, OperationForm, RenderField, safe_name


class JoinForm(OperationForm):
    recordings = RecordingsField(
        label="Then these, in this order",
        minimum=1,
        maximum=join.MAXIMUM_RECORDINGS - 1,
        help_text="This recording comes first. Those that fit it are copied; others get its size and frame rate.",
    )
    render = RenderField(  # type: ignore[assignment] # fields are taken out of the class: nothing is hidden
        "Keep the original picture where recordings fit each other"
    )
    audio = forms.ChoiceField(
        label="Sound",
        choices=[("auto", "Keep it where it goes on, as in the parts of a camera"), ("encode", "Re-encode it")],
        initial="auto",
        required=False,
    )
    container = ContainerField()


@dataclasses.dataclass(frozen=True)
class JoinParams:
    """`recordings` are ids of recordings of the owner, in the order in which they follow the one that is worked on."""

    VERSION: ClassVar[int] = 1

    recordings: tuple[str, ...]
    render: Literal["smart", "encode"] = "smart"
    audio: Literal["auto", "encode"] = "auto"
    container: muxers.ContainerChoice = "mp4"


class Join(Operation[JoinParams]):
    slug = "join"
    title = "Join"
    version_name = "Joined"
    done = "Joined"
    summary = "Puts recordings one after the other, such as the parts that a camera has made of one."
    description = (
        "Recordings one after the other: copied where they fit each other, else brought to the first one's shape; "
        "audio that goes on is joined to the sample, and each recording is a chapter."
    )
    accepts = "any"
    group = "Cut"
    icon = "join"
    gist = "others after this one"
    folded = (
        "render",
        "audio",
        "container",
    )
    also_called = "merge concatenate append combine together"
    queue = "cut"
    order = 26
    takes_itself = True
    works_through_inputs = True
    hands_over_lossless = True
    example = {"recordings": ["7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"]}
    picture_fields = ("render",)
    form_class = JoinForm
    params_class = JoinParams

    def check_inputs(self, info: MediaInfo, params: JoinParams, infos: Mapping[str, MediaInfo]) -> None:
        every = [info, *(infos[name] for name in self.inputs(params))]
        container = muxers.without_video(muxers.MP4, next((one for one in every if one.video), info))
        join.check(len(every), every, container)
        if params.container == "webm":
            muxers.check_choice("webm", next((one for one in every if one.video), info), None, ())

    def encodes_audio(self, info: MediaInfo, params: JoinParams) -> bool:
        return params.container != "source"

    def timeout_seconds(self, info: MediaInfo, params: JoinParams) -> int:
        return 1200 + 40 * int(info.duration)

    def copies(self, info: MediaInfo, params: JoinParams) -> str:
        return "copies what fits this one" if params.render == "smart" else ""

    def pace_key(self, params: JoinParams) -> str:
        return f"{params.render}-{params.audio}-{len(params.recordings)}"

    def run(self, context: Context, params: JoinParams) -> list[Draft]:
        parts = parts_of(context, list(self.inputs(params)))
        container = container_for(context, params, parts)
        output = context.scratch / f"joined{container.suffix}"
        options = JoinOptions(params.render, params.audio, context.handover)

        def make(path: Path, work: Workspace) -> JoinResult:
            return join.join(parts, path, work, options)

        made = made_in(context, container, output, make)
        kind = "video" if any(part.info.video for part in parts) and not container.audio_only else "audio"
        name = safe_name(f"{context.title} (joined)", container.suffix)
        return [Draft(output, kind, name, container.media_type, made.to_json())]


def parts_of(context: Context, names: list[str]) -> list[Part]:
    """The recordings in order, the one that is worked on first."""
    first = Part(context.recording, context.file_name or context.title)
    return [
        first,
        *(
            Part(
                Source(context.inputs[name], context.input_infos[name]),
                context.input_names.get(name) or context.inputs[name].name,
            )
            for name in names
        ),
    ]


def container_for(context: Context, params: JoinParams, parts: list[Part]) -> Container:
    """As chosen; "source" is the kind of the first recording with a picture, where any has one."""
    lead = next((part for part in parts if part.info.video), parts[0])
    name = "mp4" if context.handover else params.container
    return muxers.chosen_container(name, lead.source.path, lead.info)
