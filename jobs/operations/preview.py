"""A recording in a few seconds: a trailer with cards and sound, or a small silent loop."""

import dataclasses
from fractions import Fraction
from typing import Any, ClassVar, Literal

from django import forms

from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import trailer
from jobs.engine.pipelines.trailer import Format, TrailerOptions
from jobs.engine.video import text_raster
from jobs.operations.base import Context, Draft, Operation, Tracks
from jobs.operations.forms import NumberField, OperationForm, safe_name

Kind = Literal["trailer", "loop"]
USUAL: dict[str, dict[str, float]] = {
    "trailer": {"seconds": 15, "width": 640, "count": 5},
    "loop": {"seconds": 4, "width": 320, "count": 3},
}
LONGEST_ANIMATED = 20
"""Seconds; in webp and gif what is longer becomes larger than the film."""
SHORTEST_EXCERPT = 1


class PreviewForm(OperationForm):
    kind = forms.ChoiceField(
        label="Kind",
        choices=[("trailer", "A trailer, with sound"), ("loop", "A small loop without sound")],
        initial="trailer",
        required=False,
    )
    seconds = NumberField(
        label="Length (seconds)",
        required=False,
        min_value=2,
        max_value=60,
        help_text="Empty makes a trailer of 15 seconds or a loop of 4.",
    )
    count = forms.IntegerField(
        label="Excerpts",
        required=False,
        min_value=1,
        max_value=20,
        help_text="Empty takes 5 for a trailer and 3 for a loop.",
    )
    title = forms.CharField(
        label="Title",
        required=False,
        max_length=text_raster.MAXIMUM_CHARACTERS,
        help_text="Shown over the beginning.",
        widget=forms.TextInput(attrs={"data-when": "kind=trailer"}),
    )
    closing = forms.CharField(
        label="Closing words",
        required=False,
        max_length=text_raster.MAXIMUM_CHARACTERS,
        help_text="Shown over the end.",
        widget=forms.TextInput(attrs={"data-when": "kind=trailer"}),
    )
    format = forms.ChoiceField(
        label="Format",
        choices=[("mp4", "MP4"), ("webp", "WebP, animated, without sound"), ("gif", "GIF, for emails; large")],
        initial="mp4",
        required=False,
    )
    width = forms.IntegerField(
        label="Width (pixels)",
        required=False,
        min_value=64,
        max_value=1280,
        help_text="Empty takes 640 for a trailer and 320 for a loop; never more than the recording has.",
    )

    def default(self, name: str) -> Any:
        if name in USUAL["trailer"]:
            return USUAL["loop" if self.given("kind") == "loop" else "trailer"][name]
        return super().default(name)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        for name in ("title", "closing"):
            # The fields are hidden for a loop: what may still stand in them concerns nobody.
            cleaned[name] = "" if cleaned.get("kind") == "loop" else text_raster.tidy(cleaned.get(name, "")).strip()
        seconds, count = cleaned.get("seconds"), cleaned.get("count")
        if seconds and cleaned.get("format") in ("webp", "gif") and seconds > LONGEST_ANIMATED:
            self.add_error("seconds", f"WebP and GIF can be at most {LONGEST_ANIMATED} seconds. Choose MP4 or fewer.")
        if seconds and count and seconds < count * SHORTEST_EXCERPT:
            self.add_error("count", "Each excerpt needs at least a second. Choose fewer, or a longer one.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class PreviewParams:
    """`seconds` long, of `count` excerpts, `width` pixels wide; `title` and `closing` are texts over its two ends."""

    VERSION: ClassVar[int] = 1

    kind: Kind = "trailer"
    seconds: float = 15
    count: int = 5
    title: str = ""
    closing: str = ""
    format: Format = "mp4"
    width: int = 640

    @property
    def plan(self) -> TrailerOptions:
        return TrailerOptions(
            seconds=Fraction(str(self.seconds)),
            count=self.count,
            width=self.width,
            format=self.format,
            title=self.title,
            closing=self.closing,
            audio=self.kind == "trailer" and self.format == "mp4",
        )


class Preview(Operation[PreviewParams]):
    slug = "preview"
    makes_versions = False
    title = "Trailer"
    done = "Trailer made"
    summary = "The best moments in a few seconds: a trailer with sound and titles, or a small loop."
    description = "A trailer of the best moments with cross-fades and cards of text, or a small silent loop."
    accepts = "video"
    group = "Picture"
    icon = "film"
    gist = "the best 15 s"
    also_called = "teaser highlights gif loop webp short animation"
    queue = "encode"
    order = 60
    form_class = PreviewForm
    params_class = PreviewParams

    def makes(self, tracks: Tracks, params: PreviewParams) -> Tracks | None:
        return Tracks(True, tracks.audio and params.plan.audio) if params.format == "mp4" else None

    def ends_chain(self, params: PreviewParams) -> bool:
        return True

    def check(self, info: MediaInfo, params: PreviewParams) -> None:
        info.require_video()
        for text in filter(None, (params.title, params.closing)):
            text_raster.font_for(text)

    def encodes_audio(self, info: MediaInfo, params: PreviewParams) -> bool:
        return True

    def pace_key(self, params: PreviewParams) -> str:
        return f"{params.kind}-{params.format}"

    def run(self, context: Context, params: PreviewParams) -> list[Draft]:
        suffix = f".{params.format}"
        path = context.scratch / f"preview{suffix}"
        made = trailer.trailer(context.recording, params.plan, path, context.workspace)
        kind = "video" if params.format == "mp4" else "image"
        name = safe_name(f"{context.title} ({params.kind})", suffix)
        metadata = {**made.to_json(), "preview": params.kind}
        return [Draft(path, kind, name, MEDIA_TYPES[f".{params.format}"], metadata)]
