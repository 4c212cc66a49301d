import contextlib
import dataclasses
from typing import Any, ClassVar, Literal

from django import forms

from jobs.engine.audio.audio_options import AudioOptions, AudioWay
from jobs.engine.captions.transcript import Transcript
from jobs.engine.container import muxers
from jobs.engine.edit import exports
from jobs.engine.edit.cut_params import PRESETS, SPEEDS, CutParams, seconds
from jobs.engine.edit.cut_plan import CutPlan, given_ranges
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import silence_cut
from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.engine.pipelines.silence_cut import CLEANING_ENCODES
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.render import passthrough
from jobs.engine.smartcut.strategy import Render
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import chosen_container
from jobs.operations.cut_fields import CleanField, ExportsField, RangesField, ThresholdField
from jobs.operations.forms import (
    ContainerField,
    LoudnessField,
    NumberField,
    OperationForm,
    RenderField,
    TrackField,
    safe_name,
)
from jobs.operations.side_files import caption_files, timelines


class SilenceCutForm(OperationForm):
    """`presets` are named sets of values to begin with: title to values by field, for whoever draws the form."""

    presets = PRESETS

    detector = forms.ChoiceField(
        label="What counts as sound",
        choices=[("loudness", "Any sound"), ("voice", "Only speech")],
        initial="loudness",
        required=False,
        help_text="Only speech also cuts music, typing and fans, and keeps quiet words.",
    )
    threshold_db = ThresholdField(
        label="Silence is below",
        initial="auto",
        required=False,
        help_text="auto follows the recording's noise. Or a level in dBFS, such as -30: closer to 0 cuts more.",
        widget=forms.TextInput(attrs={"data-when": "detector=loudness"}),
    )
    pauses = forms.ChoiceField(
        label="Pauses",
        choices=[
            ("remove", "Remove them"),
            ("shorten", "Shorten them"),
            ("speed", "Speed them up"),
            ("mute", "Mute them"),
        ],
        initial="remove",
        required=False,
    )
    pause_ms = forms.IntegerField(
        label="Length of pauses (ms)",
        initial=500,
        required=False,
        min_value=0,
        max_value=600_000,
        help_text="Includes what is kept before and after speech, which is never shortened.",
        widget=forms.NumberInput(attrs={"data-when": "pauses=shorten"}),
    )
    speed = NumberField(
        label="Speed of pauses",
        initial=4,
        required=False,
        min_value=SPEEDS[0],
        max_value=SPEEDS[1],
        help_text="4 plays eight seconds in two, at the same pitch.",
        widget=forms.NumberInput(attrs={"data-when": "pauses=speed", "step": "0.5"}),
    )
    margin_before_ms = forms.IntegerField(
        label="Keep before speech (ms)", initial=200, required=False, min_value=0, max_value=10_000
    )
    margin_after_ms = forms.IntegerField(
        label="Keep after speech (ms)", initial=200, required=False, min_value=0, max_value=10_000
    )
    min_silence_ms = forms.IntegerField(
        label="Ignore pauses under (ms)", initial=200, required=False, min_value=0, max_value=600_000
    )
    min_clip_ms = forms.IntegerField(
        label="Ignore sounds under (ms)", initial=100, required=False, min_value=0, max_value=600_000
    )
    min_saving_ms = forms.IntegerField(
        label="Leave out cuts that save under (ms)", initial=120, required=False, min_value=0, max_value=600_000
    )
    audio_track = TrackField(
        label="Listen to track",
        initial="all",
        required=False,
        help_text="all, or the number of one audio track, counted from 0.",
    )
    keep = RangesField(
        label="Keep exactly",
        required=False,
        initial="",
        help_text="Ranges in seconds, such as 0-12.5, 30-41. Then nothing is measured: "
        "everything else counts as pauses.",
    )

    render = RenderField(  # type: ignore[assignment] # fields are taken out of the class: nothing is hidden
        "Keep the original picture, re-encode only around cuts", ("none", "No recording, only the files ticked below")
    )
    audio = forms.ChoiceField(
        label="Sound",
        choices=[
            ("auto", "Automatic"),
            ("encode", "Encode it once, exact"),
            ("copy", "Copy it, within 20 ms"),
        ],
        initial="auto",
        required=False,
        help_text="A copy loses no quality and keeps surround sound. Automatic encodes beside a picture, "
        "and copies where there is none.",
    )
    clean_strength = CleanField()
    loudness_lufs = LoudnessField()
    exports = ExportsField(
        label="Timelines for editors",
        choices=[(name, f"{form.title} ({form.suffix})") for name, form in exports.FORMATS.items()],
        required=False,
        help_text="The same cut as a project for other programs. Keep it next to your original recording.",
        widget=forms.CheckboxSelectMultiple,
    )
    container = ContainerField()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("render") == "none" and not cleaned.get("exports") and "exports" not in self.errors:
            self.add_error("exports", "Tick at least one, or have a recording made.")
        try:
            AudioOptions(cleaned.get("audio", "auto"), cleaned.get("loudness_lufs"))
        except InputError as error:
            self.add_error("audio", error.message)
        if cleaned.get("audio") == "copy" and cleaned.get("clean_strength") is not None:
            self.add_error("audio", CLEANING_ENCODES)
        return cleaned


@dataclasses.dataclass(frozen=True)
class SilenceCutParams:
    VERSION: ClassVar[int] = 1
    threshold_db: float | Literal["auto"] = "auto"
    margin_before_ms: int = 200
    margin_after_ms: int = 200
    min_silence_ms: int = 200
    min_clip_ms: int = 100
    min_saving_ms: int = 120
    audio_track: int | Literal["all"] = "all"
    keep: tuple[tuple[float, float], ...] = ()
    detector: Literal["loudness", "voice"] = "loudness"
    pauses: Literal["remove", "shorten", "speed", "mute"] = "remove"
    pause_ms: int = 500
    speed: float = 4
    render: Literal["smart", "encode", "none"] = "smart"
    audio: AudioWay = "auto"
    clean_strength: float | None = None
    loudness_lufs: float | None = None
    exports: tuple[Literal["otio", "edl", "fcpxml", "xml", "json"], ...] = ()
    container: muxers.ContainerChoice = "mp4"

    @property
    def clean(self) -> CleanOptions | None:
        return None if self.clean_strength is None else CleanOptions(self.clean_strength)

    def for_engine(self) -> CutParams:
        """Raises InputError on values that make no sense."""
        names = (field.name for field in dataclasses.fields(CutParams))
        values = {name: getattr(self, name) for name in names}
        # The decimal that a person wrote, not the binary number next to it.
        values["keep"] = tuple((seconds(start), seconds(end)) for start, end in self.keep)
        return CutParams(**values)


class SilenceCut(Operation[SilenceCutParams]):
    slug = "silence-cut"
    title = "Cut the silence"
    version_name = "Cut"
    done = "Cut"
    summary = "Removes the pauses, exact to the frame and in sync."
    description = (
        "Takes out the pauses, exact to the frame, picture and sound in step; copies the pictures that it can, "
        "and checks every result before it shows."
    )
    accepts = "audio"
    group = "Cut"
    icon = "cut"
    gist = "pauses out, exact to the frame"
    also_called = "pauses jump cut auto edit shorten remove gaps timeline otio edl fcpxml"
    queue = "cut"
    order = 10
    chain_order = 40
    ticked = True
    hands_over_lossless = True
    form_class = SilenceCutForm
    params_class = SilenceCutParams

    def reads_transcript(self, params: SilenceCutParams) -> bool:
        return True

    def check(self, info: MediaInfo, params: SilenceCutParams) -> None:
        info.require_audio(params.audio_track)
        given_ranges(params.for_engine().keep, info.duration)

    def encodes_audio(self, info: MediaInfo, params: SilenceCutParams) -> bool:
        return params.render == "none" or params.audio != "copy"

    def copies(self, info: MediaInfo, params: SilenceCutParams) -> str:
        return "copies the picture but around the cuts" if info.video and params.render == "smart" else ""

    def pace_key(self, params: SilenceCutParams) -> str:
        cleaned = "clean" if params.clean_strength is not None else "plain"
        return "-".join((params.detector, params.pauses, params.render, params.audio, cleaned))

    def run(self, context: Context, params: SilenceCutParams) -> list[Draft]:
        plan, drafts = self.planned(context, params) if params.render == "none" else self.rendered(context, params)
        return drafts + timelines(context, plan, params.exports)

    def planned(self, context: Context, params: SilenceCutParams) -> tuple[CutPlan, list[Draft]]:
        """The plan, and the captions moved with it."""
        context.progress(0, "Measuring the sound")
        source, how = context.recording, params.for_engine()
        plan = silence_cut.plan_only(
            source, how, track=params.audio_track, cache=context.cache, clean=params.clean, scratch=context.scratch
        )
        return plan, caption_files(
            context,
            passthrough.moved_captions(source, plan.timeline, transcript=spoken(context), log=context.log),
        )

    def rendered(self, context: Context, params: SilenceCutParams) -> tuple[CutPlan, list[Draft]]:
        """The plan, and the recording and the captions without its silences."""
        container = chosen_container(context, params.container)
        output = context.scratch / f"cut{container.suffix}"
        way: Render = "encode" if params.render == "encode" else "smart"
        audio = AudioOptions(params.audio, params.loudness_lufs, context.handover)
        options = RenderOptions(way, params.audio_track, spoken(context), audio)
        result = silence_cut.cut(
            context.recording, params.for_engine(), output, context.workspace, options, params.clean
        )
        name = safe_name(f"{context.title} (cut)", container.suffix)
        recording = Draft(output, context.info.kind, name, container.media_type, result.to_json())
        return result.plan, [recording, *caption_files(context, result.captions)]


def spoken(context: Context) -> Transcript | None:
    """The transcript that is there; one that cannot be read is no reason to lose a cut."""
    if context.transcript is not None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return Transcript.loads(context.transcript.read_text(encoding="utf-8"))
    return None
