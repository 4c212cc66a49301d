"""A recording in another format, shape or size."""

import dataclasses
from typing import Any, ClassVar, Literal

from django import forms
from django.core.exceptions import ValidationError

from jobs.engine.model import colour
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.told import Told
from jobs.engine.pipelines.convert import conversion, framing, hls
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.convert.formats import Quality
from jobs.engine.pipelines.convert.framing import Flip, Shape
from jobs.engine.render import sidetracks
from jobs.engine.video.color import Colours
from jobs.operations.base import Context, Draft, Operation, Tracks
from jobs.operations.forms import NumberField, OperationForm, safe_name

MEGABYTE = 1_000_000
ONE_FILE = "target=mp4|hevc|av1|webm"
HDR_FILE = "target=hevc|av1|webm"


class CropField(forms.CharField):
    """“16:9”, or pixels as “640x360+10+20”: width, height, and how far from the left and from the top."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not (framing.ASPECT.fullmatch(text) or framing.BOX.fullmatch(text)):
            raise ValidationError("Write an aspect like 16:9, or pixels like 640x360+10+20.")
        return text


class ConvertForm(OperationForm):
    target = forms.ChoiceField(
        label="Format",
        choices=[
            ("mp4", "MP4 (H.264), plays everywhere"),
            ("hevc", "MP4 (HEVC), smaller, plays on most devices"),
            ("av1", "MP4 (AV1), smallest, plays in new browsers"),
            ("webm", "WebM (VP9), plays in browsers"),
            ("hls", "HLS, several sizes for a website"),
        ],
        initial="mp4",
        required=False,
        help_text="What already fits is copied, without loss and in seconds. HLS is always re-encoded.",
    )
    quality = forms.ChoiceField(
        label="Quality",
        choices=[
            ("keep", "Original: copied where possible"),
            ("high", "High"),
            ("medium", "Medium"),
            ("small", "Small file"),
        ],
        initial="keep",
        required=False,
        widget=forms.Select(attrs={"data-when": ONE_FILE}),
    )
    size_mb = NumberField(
        label="No larger than (MB)",
        required=False,
        min_value=0.1,
        max_value=1_000_000,
        help_text="Empty for no limit. The picture is made smaller where it would look bad otherwise.",
        widget=forms.NumberInput(attrs={"step": "any", "data-when": ONE_FILE}),
    )
    resolution = forms.IntegerField(
        label="Resolution, shorter side (pixels)",
        required=False,
        min_value=64,
        max_value=4320,
        help_text="1080, 720, 480… Empty leaves it as it is.",
    )
    enlarge = forms.BooleanField(label="Enlarge smaller pictures", required=False)
    frame_rate = NumberField(
        label="Frames a second",
        required=False,
        min_value=1,
        max_value=240,
        help_text="Empty keeps the original timing. 29.97 means 30000/1001.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    crop = CropField(
        label="Keep this part",
        required=False,
        max_length=50,
        help_text="An aspect like 16:9, 1:1 or 9:16 for the middle, or pixels like 640x360+10+20: width, height, from "
        "the left, from the top.",
    )
    rotate = forms.TypedChoiceField(
        label="Rotate",
        choices=[(0, "Not at all"), (90, "Right"), (180, "Upside down"), (270, "Left")],
        initial=0,
        required=False,
        coerce=int,
    )
    flip = forms.ChoiceField(
        label="Flip",
        choices=[("none", "Not at all"), ("horizontal", "Left and right"), ("vertical", "Above and below")],
        initial="none",
        required=False,
        help_text="After it was rotated.",
    )
    hdr = forms.ChoiceField(
        label="HDR",
        choices=[("convert", "Convert to standard colours"), ("keep", "Keep HDR")],
        initial="convert",
        required=False,
        widget=forms.Select(attrs={"data-when": HDR_FILE}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        # These are hidden where they have no meaning: what may still stand in them concerns nobody.
        if cleaned.get("target") == "hls":
            cleaned |= {"quality": "keep", "size_mb": None}
        if cleaned.get("target") in ("hls", "mp4"):
            cleaned["hdr"] = "convert"
        return cleaned


@dataclasses.dataclass(frozen=True)
class ConvertParams:
    """`size_mb` is in millions of bytes, `frame_rate` in frames a second; for others see `convert.framing.Shape`."""

    VERSION: ClassVar[int] = 1

    target: Literal["mp4", "hevc", "av1", "webm", "hls"] = "mp4"
    quality: Literal["keep", "high", "medium", "small"] = "keep"
    size_mb: float | None = None
    resolution: int | None = None
    enlarge: bool = False
    frame_rate: float | None = None
    crop: str = ""
    rotate: int = 0
    flip: Flip = "none"
    hdr: Literal["convert", "keep"] = "convert"

    @property
    def shape(self) -> Shape:
        rate = framing.exact_rate(self.frame_rate) if self.frame_rate else None
        return Shape(self.crop, self.rotate, self.resolution, self.enlarge, rate, self.flip)

    @property
    def options(self) -> ConvertOptions:
        """What a single file is to be; for a stream, what its sizes have to be possible with."""
        quality: Quality | None = None if self.quality == "keep" else self.quality
        limit = round(self.size_mb * MEGABYTE) if self.size_mb else None
        return ConvertOptions(
            "mp4" if self.target == "hls" else self.target, quality, limit, self.shape, self.hdr == "keep"
        )


class Convert(Operation[ConvertParams]):
    slug = "convert"
    title = "Convert"
    version_name = "Converted"
    done = "Converted"
    summary = "Changes the format, size or shape. What already fits is copied."
    description = "Another format, size or shape; copies each track that already fits."
    accepts = "video"
    group = "File"
    icon = "again"
    gist = "web, phone, archive"
    folded = (
        "enlarge",
        "frame_rate",
        "hdr",
    )
    also_called = "compress smaller resize mp4 hevc av1 webm hls rotate crop resolution format"
    queue = "encode"
    order = 50
    chain_order = 70
    staged = True
    form_class = ConvertForm
    params_class = ConvertParams

    def makes(self, tracks: Tracks, params: ConvertParams) -> Tracks | None:
        return None if params.target == "hls" else tracks

    def check(self, info: MediaInfo, params: ConvertParams) -> None:
        conversion.check(info, params.options)

    def timeout_seconds(self, info: MediaInfo, params: ConvertParams) -> int:
        # A slow encoder on a busy machine may have to go over it five times to meet a size.
        return 3600 + 200 * int(info.duration)

    def encodes_audio(self, info: MediaInfo, params: ConvertParams) -> bool:
        return True

    def copies(self, info: MediaInfo, params: ConvertParams) -> str:
        """As far as the facts tell: what is interlaced shows only when it is decoded."""
        if params.target == "hls":
            return ""
        track = info.require_video()
        planned = conversion.plan(info, Colours(colour.PQ) if track.hdr else Colours(), params.options)
        if planned.copies_all:
            return "copies everything"
        if planned.framing is None:
            return "copies the picture"
        return "copies the sound" if info.audio and not any(planned.audio_kbps) else ""

    def pace_key(self, params: ConvertParams) -> str:
        return f"{params.target}-{params.quality}-{params.resolution or 'same'}{'-size' * (params.size_mb is not None)}"

    def run(self, context: Context, params: ConvertParams) -> list[Draft]:
        return [self.streamed(context, params) if params.target == "hls" else self.converted(context, params)]

    def streamed(self, context: Context, params: ConvertParams) -> Draft:
        output = context.scratch / f"stream{hls.SUFFIX}"
        made = hls.stream(context.recording, params.shape, output, context.workspace)
        # A stream has its picture and its sound.
        note = sidetracks.note(sidetracks.read(context.recording))
        facts = {**made.to_json(), **Told(notes=(note,) if note else ()).to_json()}
        return Draft(output, "data", safe_name(f"{context.title} (HLS)", hls.SUFFIX), MEDIA_TYPES[hls.SUFFIX], facts)

    def converted(self, context: Context, params: ConvertParams) -> Draft:
        kind = params.options.kind
        output = context.scratch / f"converted{kind.suffix}"
        made = convert(context.recording, params.options, output, context.workspace)
        name = safe_name(f"{context.title} (converted)", kind.suffix)
        return Draft(output, "video", name, kind.media_type, made.to_json())
