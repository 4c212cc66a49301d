"""A recording in a few seconds: a trailer with cards and sound, or a small silent loop."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar, Literal

from django import forms
from django.core.exceptions import ValidationError

from jobs.engine.edit.cut_plan import END_TOLERANCE
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import trailer
from jobs.engine.pipelines.trailer import Format, TrailerOptions
from jobs.engine.video import text_raster
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation, Tracks
from jobs.operations.cut_fields import RangesField
from jobs.operations.forms import NumberField, OperationForm, clock_seconds, safe_name

Kind = Literal["trailer", "loop"]
USUAL: dict[str, dict[str, float]] = {
    "trailer": {"seconds": 15, "width": 640, "count": 5},
    "loop": {"seconds": 4, "width": 320, "count": 3},
}
LONGEST_ANIMATED = 20
"""Seconds; in webp and gif what is longer becomes larger than the film."""
LONGEST = 60
"""Seconds."""
SHORTEST_EXCERPT = 1
MOST_EXCERPTS = 20


class ExcerptsField(RangesField):
    """Stretches of the recording in the order in which they come: “0:05-0:09, 1:20-1:24.5”, or a list of pairs.

    Cleans to a tuple of pairs of seconds.
    """

    EXAMPLE = "Write from when until when, with commas between them: 0:05-0:09, 1:20-1:24.5."

    def __init__(self) -> None:
        super().__init__(
            label="Excerpts by hand",
            required=False,
            help_text="Such as 0:05-0:09, 1:20-1:24.5, in the order in which they come; they say then how long it is. "
            "Empty takes the best moments.",
        )

    def clean(self, value: Any) -> tuple[tuple[float, float], ...]:
        excerpts = super().clean(value)
        if len(excerpts) > MOST_EXCERPTS:
            raise ValidationError(f"These are {len(excerpts)} excerpts. Choose {MOST_EXCERPTS} at most.")
        if any(start < 0 or end - start < SHORTEST_EXCERPT for start, end in excerpts):
            raise ValidationError("Each excerpt needs at least a second, and ends after it begins. Correct it.")
        return excerpts

    def _pairs(self, value: Any) -> list[tuple[Any, Any]]:
        if not isinstance(value, str) or value.lstrip().startswith("["):
            return super()._pairs(value)
        halves = (part.split("-") for part in value.split(",") if part.strip())
        return [(clock_seconds(start.strip()), clock_seconds(end.strip())) for start, end in halves]


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
        max_value=LONGEST,
        help_text="Empty makes a trailer of 15 seconds or a loop of 4.",
    )
    count = forms.IntegerField(
        label="How many excerpts",
        required=False,
        min_value=1,
        max_value=MOST_EXCERPTS,
        help_text="Empty takes 5 for a trailer and 3 for a loop.",
    )
    excerpts = ExcerptsField()
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
        if excerpts := cleaned.get("excerpts"):
            cleaned |= {"seconds": shown_seconds(excerpts), "count": len(excerpts)}
        seconds, count = cleaned.get("seconds"), cleaned.get("count")
        place = "excerpts" if excerpts else "seconds"
        if seconds and seconds > LONGEST:
            self.add_error(place, f"This is {seconds:.3g} seconds long, and can be {LONGEST} at most. Choose less.")
        elif seconds and cleaned.get("format") in ("webp", "gif") and seconds > LONGEST_ANIMATED:
            self.add_error(place, f"WebP and GIF can be at most {LONGEST_ANIMATED} seconds. Choose MP4 or fewer.")
        if seconds and count and not excerpts and seconds < count * SHORTEST_EXCERPT:
            self.add_error("count", "Each excerpt needs at least a second. Choose fewer, or a longer one.")
        return cleaned


def shown_seconds(excerpts: Sequence[tuple[float, float]]) -> float:
    """How long they are together, each fading into the next."""
    return round(sum(end - start for start, end in excerpts) - (len(excerpts) - 1) * float(trailer.FADE), 6)


@dataclasses.dataclass(frozen=True)
class PreviewParams:
    """`seconds` long, of `count` excerpts, `width` pixels wide; `title` and `closing` are texts over its two ends.

    `excerpts` are those that were chosen by hand, as pairs of seconds after the start; without any they are looked for.
    """

    VERSION: ClassVar[int] = 1

    kind: Kind = "trailer"
    seconds: float = 15
    count: int = 5
    title: str = ""
    closing: str = ""
    format: Format = "mp4"
    width: int = 640
    excerpts: tuple[tuple[float, float], ...] = ()

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
            excerpts=tuple((Fraction(str(start)), Fraction(str(end))) for start, end in self.excerpts),
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
    folded = (
        "closing",
        "width",
    )
    also_called = "teaser highlights gif loop webp short animation"
    queue = "encode"
    order = 60
    staged = True
    form_class = PreviewForm
    params_class = PreviewParams

    def makes(self, tracks: Tracks, params: PreviewParams) -> Tracks | None:
        return Tracks(True, tracks.audio and params.plan.audio) if params.format == "mp4" else None

    def ends_chain(self, params: PreviewParams) -> bool:
        return True

    def check(self, info: MediaInfo, params: PreviewParams) -> None:
        info.require_video()
        if any(end > info.duration + END_TOLERANCE for _, end in params.plan.excerpts):
            raise InputError(
                f"The recording ends after {float(info.duration):.6g} s. Choose excerpts before that.",
                code="beyond_end",
            )
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
