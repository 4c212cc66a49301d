"""A logo or a line of text over the picture."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from jobs.engine.container import muxers
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import watermark, watermark_preview
from jobs.engine.pipelines.painted_frames import PaintedResult
from jobs.engine.pipelines.watermark import Mark
from jobs.engine.render import replace_video
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import text_raster
from jobs.engine.video.overlay import Corner, OverlayOptions
from jobs.engine.video.source import Source
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import wrapped
from jobs.operations.fields import ImageField
from jobs.operations.forms import (
    ContainerField,
    CornerInput,
    EndField,
    NumberField,
    OperationForm,
    ShareField,
    StartField,
)

FURTHEST = 16_384
"""Pixels; no picture has more on a side."""
MARGIN = 10
PREVIEW_WIDTH = 960


class WatermarkForm(OperationForm):
    image = ImageField(
        label="Image",
        required=False,
        help_text="PNG, WebP or JPEG. Transparent parts stay transparent.",
    )
    text = forms.CharField(
        label="Or text",
        required=False,
        max_length=text_raster.MAXIMUM_CHARACTERS,
        help_text="White with a black outline. Used when there is no image.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    corner = forms.ChoiceField(
        label="Where",
        choices=[
            ("top-left", "Upper left"),
            ("top-right", "Upper right"),
            ("bottom-left", "Lower left"),
            ("bottom-right", "Lower right"),
            ("center", "Centre"),
        ],
        initial="top-left",
        required=False,
        widget=CornerInput,
    )
    x_offset = forms.IntegerField(
        label="From the side (pixels)",
        required=False,
        min_value=-FURTHEST,
        max_value=FURTHEST,
        help_text="10, or 0 in the centre. From the centre it goes right, and left with a minus sign.",
    )
    y_offset = forms.IntegerField(
        label="From above or below (pixels)",
        required=False,
        min_value=-FURTHEST,
        max_value=FURTHEST,
        help_text="10, or 0 in the centre. From the centre it goes down, and up with a minus sign.",
    )
    scale = ShareField(
        label="Size",
        initial=0.2,
        min_value=0.005,
        step=0.005,
        help_text="The width, as a share of the picture's. The height follows.",
    )
    opacity = ShareField(
        label="Strength", initial=1, min_value=0.01, step=0.01, help_text="How little shows through: all is solid."
    )
    start = StartField()
    end = EndField()
    fade = NumberField(
        label="Fade in and out (seconds)",
        initial=0,
        required=False,
        min_value=0,
        max_value=60,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )
    container = ContainerField()

    def default(self, name: str) -> Any:
        if name in ("x_offset", "y_offset"):
            return 0 if self.given("corner") == "center" else MARGIN
        return super().default(name)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        text = text_raster.tidy(cleaned.get("text", "").replace("\r\n", "\n"))
        cleaned["text"] = "" if cleaned.get("image") else text
        if not cleaned.get("image") and not text.strip() and not {"image", "text"} & set(self.errors):
            self.add_error("image", "Choose an image, or write a text.")
        if cleaned.get("corner") != "center":
            for name in ("x_offset", "y_offset"):
                if (cleaned.get(name) or 0) < 0:
                    self.add_error(name, "From a corner it cannot be less than 0.")
        start, end = cleaned.get("start"), cleaned.get("end")
        if end is not None and end <= (start or 0):
            self.add_error("end", "The mark has to end after it begins.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class WatermarkParams:
    """`image` is the id of an uploaded image, which wins over `text`.

    Offsets are in pixels of the picture as it is seen, times in seconds after the start.
    """

    VERSION: ClassVar[int] = 1

    image: str | None = None
    text: str = ""
    corner: Corner = "top-left"
    x_offset: int = MARGIN
    y_offset: int = MARGIN
    scale: float = 0.2
    opacity: float = 1.0
    start: float | None = None
    end: float | None = None
    fade: float = 0.0
    container: muxers.ContainerChoice = "mp4"

    @property
    def look(self) -> OverlayOptions:
        return OverlayOptions(
            corner=self.corner,
            x_offset=self.x_offset,
            y_offset=self.y_offset,
            scale=self.scale,
            opacity=self.opacity,
            start=Fraction(str(self.start or 0)),
            end=None if self.end is None else Fraction(str(self.end)),
            fade=Fraction(str(self.fade)),
        )

    def mark(self, inputs: Mapping[str, Path]) -> Mark:
        return Mark(inputs["image"]) if self.image else Mark(text=self.text)


class Watermark(Operation[WatermarkParams]):
    slug = "watermark"
    title = "Watermark"
    version_name = "With a watermark"
    done = "Watermarked"
    summary = "Puts a logo or text over the picture, all the time or for a while."
    description = (
        "A logo or a text over the picture, all the time or for a while; copies the sound, and the picture where "
        "the mark does not show."
    )
    accepts = "video"
    group = "Picture"
    icon = "drop"
    gist = "a text or your logo"
    folded = ("x_offset", "y_offset", "start", "end", "fade", "container")
    also_called = "brand overlay mark name caption image copyright"
    queue = "encode"
    order = 40
    chain_order = 60
    example = {"text": "© Our company", "corner": "bottom-right"}
    previews = staged = True
    form_class = WatermarkForm
    params_class = WatermarkParams

    def check(self, info: MediaInfo, params: WatermarkParams) -> None:
        watermark.check(info, params.look)
        muxers.check_choice(params.container, info, "h264", [track.codec for track in info.audio])
        if not params.image:
            text_raster.font_for(params.text)

    def preview(
        self,
        source: Path,
        info: MediaInfo,
        inputs: Mapping[str, Path],
        params: WatermarkParams,
        at: Fraction,
        out: Path,
    ) -> None:
        watermark_preview.draw(Source(source, info), params.mark(inputs), params.look, at, out, width=PREVIEW_WIDTH)

    def pace_key(self, params: WatermarkParams) -> str:
        return "while" if params.start is not None or params.end is not None else "all"

    def copies(self, info: MediaInfo, params: WatermarkParams) -> str:
        sound = "copies the sound" if info.audio else ""
        if self.pace_key(params) == "all":
            return sound
        return f"{sound or 'copies the picture'}{', and the picture' * bool(sound)} where the mark is not"

    def run(self, context: Context, params: WatermarkParams) -> list[Draft]:
        container = replace_video.container_for(params.container, context.source, context.info)

        def make(output: Path, work: Workspace) -> PaintedResult:
            return watermark.watermark(context.recording, params.mark(context.inputs), params.look, output, work)

        return [wrapped(context, container, "marked", make)]
