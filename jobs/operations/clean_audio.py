"""Less noise and hum in the sound of a recording, at the loudness asked for."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from django import forms

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.container import muxers
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import Cleaned, CleanOptions, Mains
from jobs.engine.render import replace_audio
from jobs.engine.runtime.workspace import Workspace
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import wrapped
from jobs.operations.forms import ContainerField, LoudnessField, NumberField, OperationForm, ShareField


class CleanAudioForm(OperationForm):
    strength = ShareField(
        label="Noise reduction",
        initial=0.5,
        min_value=0,
        help_text="Half lowers noise by up to 20 dB, all by up to 40, which can sound hollow.",
    )
    hum = forms.ChoiceField(
        label="Mains hum",
        choices=[
            ("auto", "Remove it where there is any"),
            ("50", "Remove 50 Hz"),
            ("60", "Remove 60 Hz"),
            ("off", "Leave it"),
        ],
        initial="auto",
        required=False,
    )
    highpass_hz = NumberField(
        label="Remove sound below (Hz)",
        required=False,
        min_value=10,
        max_value=500,
        help_text="80 removes rumble and handling noise, and leaves speech.",
    )
    loudness_lufs = LoudnessField()
    track = forms.IntegerField(
        label="Track",
        initial=0,
        required=False,
        min_value=0,
        max_value=999,
        help_text="The number of the audio track, counted from 0. The others are not touched.",
    )
    container = ContainerField()


@dataclasses.dataclass(frozen=True)
class CleanAudioParams:
    """`track` is the index among the audio tracks; see jobs.engine.pipelines.clean_audio.CleanOptions for the
    others."""

    VERSION: ClassVar[int] = 1

    strength: float = 0.5
    hum: Mains = "auto"
    highpass_hz: float | None = None
    loudness_lufs: float | None = None
    track: int = 0
    container: muxers.ContainerChoice = "mp4"

    @property
    def options(self) -> CleanOptions:
        return CleanOptions(self.strength, self.hum, self.highpass_hz, self.loudness_lufs)


class CleanAudio(Operation[CleanAudioParams]):
    slug = "clean-audio"
    title = "Clean the audio"
    version_name = "With clean sound"
    done = "Audio cleaned"
    summary = "Reduces noise and hum, and sets the loudness. The picture is not touched."
    description = "Less noise and hum in the sound, to a loudness; copies the picture, and plays before and after."
    accepts = "audio"
    group = "Sound"
    icon = "spark"
    gist = "noise, hum, loudness"
    folded = ("hum", "highpass_hz", "track", "container")
    also_called = "denoise normalise lufs hiss volume"
    queue = "encode"
    order = 60
    chain_order = 20
    hands_over_lossless = True
    form_class = CleanAudioForm
    params_class = CleanAudioParams

    def check(self, info: MediaInfo, params: CleanAudioParams) -> None:
        tracks = clean_audio.tracks(info, track_of(info, params))
        muxers.check_choice(params.container, info, *replace_audio.codecs(info, tracks))

    def encodes_audio(self, info: MediaInfo, params: CleanAudioParams) -> bool:
        # The other tracks are copied.
        return len(info.audio) == 1

    def pace_key(self, params: CleanAudioParams) -> str:
        return f"{params.hum}{'-loudness' * (params.loudness_lufs is not None)}"

    def copies(self, info: MediaInfo, params: CleanAudioParams) -> str:
        return "copies the picture" if info.video else ""

    def run(self, context: Context, params: CleanAudioParams) -> list[Draft]:
        audio = AudioSource(context.source, context.info, track_of(context.info, params))
        tracks = clean_audio.tracks(context.info, audio.track)
        container = replace_audio.container_for(
            params.container, context.source, context.info, tracks, handover=context.handover
        )
        options = dataclasses.replace(params.options, handover=context.handover)

        def make(output: Path, work: Workspace) -> Cleaned:
            return clean_audio.clean(audio, options, output, work)

        return [wrapped(context, container, "clean", make)]


def track_of(info: MediaInfo, params: CleanAudioParams) -> AudioTrack:
    """The track to clean. Raises InputError when there is none with that number."""
    (track,) = info.require_audio(params.track)
    return track
