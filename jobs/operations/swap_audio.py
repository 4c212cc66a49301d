"""The sound of another recording of the same event under a recording's picture."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from django import forms

from jobs.engine.analysis import alignment
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.container import muxers
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import swap_audio
from jobs.engine.pipelines.swap_audio import Mode, SwapOptions, Swapped
from jobs.engine.render import replace_audio
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import wrapped
from jobs.operations.fields import RecordingField
from jobs.operations.forms import ContainerField, OperationForm, ShareField


class SwapAudioForm(OperationForm):
    audio = RecordingField(
        label="Better recording",
        required=True,
        help_text="Of the same event, from a recorder or another camera. Upload it first.",
    )
    mode = forms.ChoiceField(
        label="What to do",
        choices=[
            ("replace", "Replace the sound"),
            ("mix", "Mix it with the sound"),
            ("add", "Add it as another track"),
        ],
        initial="replace",
        required=False,
    )
    balance = ShareField(
        label="Share of the other recording",
        initial=0.5,
        min_value=0,
        help_text="All is only the other recording, nothing only the original sound.",
        attrs={"data-when": "mode=mix"},
    )
    container = ContainerField()

    def clean_balance(self) -> float:
        # The field is hidden where it has no meaning: what may still stand in it concerns nobody.
        return float(self.cleaned_data["balance"]) if self.cleaned_data.get("mode") == "mix" else 0.5


@dataclasses.dataclass(frozen=True)
class SwapAudioParams:
    """`audio` is the id of another recording of the owner; `balance` is its share in a mix, 0 to 1."""

    VERSION: ClassVar[int] = 1

    audio: str
    mode: Mode = "replace"
    balance: float = 0.5
    container: muxers.ContainerChoice = "mp4"


class SwapAudio(Operation[SwapAudioParams]):
    slug = "swap-audio"
    title = "Swap the audio"
    version_name = "With other sound"
    done = "Audio swapped"
    summary = "Replaces the sound with a better recording of the same event, in sync."
    description = (
        "Puts the sound of another recording of the same event under the picture, in sync by its waveform, with "
        "the drift of its clock corrected; copies the picture."
    )
    accepts = "audio"
    group = "Sound"
    icon = "swap"
    gist = "from a better recording"
    also_called = "sync replace microphone recorder external mix"
    shortest_seconds = alignment.MINIMUM_SECONDS
    queue = "encode"
    order = 50
    chain_order = 10
    hands_over_lossless = True
    example = {"audio": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"}
    example_seconds = 30
    form_class = SwapAudioForm
    params_class = SwapAudioParams

    def check(self, info: MediaInfo, params: SwapAudioParams) -> None:
        require_enough(info, "This recording")
        tracks = swap_audio.tracks(AudioSource(Path(), info, info.audio[0]), Path(), params.mode)
        muxers.check_choice(params.container, info, *replace_audio.codecs(info, tracks))

    def check_inputs(self, info: MediaInfo, params: SwapAudioParams, infos: Mapping[str, MediaInfo]) -> None:
        require_enough(infos["audio"], "The other recording")

    def encodes_audio(self, info: MediaInfo, params: SwapAudioParams) -> bool:
        # Those tracks are copied that are not replaced.
        return len(info.audio) == 1 and params.mode != "add"

    def copies(self, info: MediaInfo, params: SwapAudioParams) -> str:
        return "copies the picture" if info.video else ""

    def pace_key(self, params: SwapAudioParams) -> str:
        return params.mode

    def run(self, context: Context, params: SwapAudioParams) -> list[Draft]:
        own, other = (
            AudioSource(source, info, info.audio[0])
            for source, info in (
                (context.source, context.info),
                (context.inputs["audio"], context.input_infos["audio"]),
            )
        )
        tracks = swap_audio.tracks(own, Path(), params.mode)
        container = replace_audio.container_for(
            params.container, context.source, context.info, tracks, handover=context.handover
        )
        options = SwapOptions(params.mode, params.balance, context.handover)

        def make(output: Path, work: Workspace) -> Swapped:
            return swap_audio.swap(own, other, options, output, work)

        return [wrapped(context, container, "new sound", make)]


def require_enough(info: MediaInfo, name: str) -> None:
    """Raise InputError when a recording has no sound, or is too short to be found by it."""
    if not info.audio:
        raise InputError(f"{name} has no sound to line it up by. Choose one with sound.", code="no_audio")
    if info.duration < alignment.MINIMUM_SECONDS:
        raise InputError(
            f"{name} is shorter than {alignment.MINIMUM_SECONDS} s, which is too short to line it up. "
            "Choose a longer one.",
            code="too_short",
        )
