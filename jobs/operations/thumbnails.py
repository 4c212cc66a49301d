"""Pictures of a recording: evenly spaced, at given times, the best, all on one sheet, or small ones to scrub by."""

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal

from django import forms

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.told import Told
from jobs.engine.video import best_frames, contact_sheet, still, storyboard, thumbnails
from jobs.engine.video.contact_sheet import clock
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation, Tracks
from jobs.operations.forms import OperationForm, TimesField, safe_name

MOST = 100
WIDEST_TILE = 320
"""Pixels of a storyboard's pictures: all of them are held in memory."""
LOOKING = 0.8
"""Share of the work that goes into finding the best pictures, as measured on an hour; taking them is the rest."""
ENDINGS = {"jpeg": ".jpg", "webp": ".webp", "png": ".png"}


class ThumbnailsForm(OperationForm):
    mode = forms.ChoiceField(
        label="Which pictures",
        choices=[
            ("even", "Evenly spaced"),
            ("times", "At given times"),
            ("best", "The best, to choose from"),
            ("sheet", "A contact sheet: many on one page, with their times"),
            ("storyboard", "A storyboard: preview pictures for the time bar"),
        ],
        initial="even",
        required=False,
    )
    count = forms.IntegerField(
        label="How many",
        initial=6,
        required=False,
        min_value=1,
        max_value=MOST,
        help_text="Black pictures are avoided. The best are sharp, bright, and different from each other.",
        widget=forms.NumberInput(attrs={"data-when": "mode=even|best|sheet"}),
    )
    times = TimesField(
        label="Times",
        maximum=MOST,
        limit=f"at most {MOST} pictures can be made at once",
        required=False,
        help_text="Seconds, or minutes and seconds, with commas between them: 0:10, 1:05.5, 12.",
        widget=forms.TextInput(attrs={"data-when": "mode=times", "placeholder": "0:10, 1:05.5, 12"}),
    )
    width = forms.IntegerField(
        label="Width (pixels)",
        initial=640,
        required=False,
        min_value=16,
        max_value=3840,
        help_text="The height follows. Never larger than the recording.",
        widget=forms.NumberInput(attrs={"data-when": "mode=even|times|best|sheet"}),
    )
    tile_width = forms.IntegerField(
        label="Width of the small pictures (pixels)",
        initial=160,
        required=False,
        min_value=16,
        max_value=WIDEST_TILE,
        help_text="One for each second, at most 360 in all.",
        widget=forms.NumberInput(attrs={"data-when": "mode=storyboard"}),
    )
    format = forms.ChoiceField(
        label="Format",
        choices=[("jpeg", "JPEG, for everywhere"), ("webp", "WebP, the smallest"), ("png", "PNG, without loss")],
        initial="jpeg",
        required=False,
    )

    def default(self, name: str) -> Any:
        # Whoever sends times and says nothing else wants the pictures at these times.
        if name == "mode" and self.given("times"):
            return "times"
        # Whoever names one width only means it for what is made, as far as that can be.
        if name == "tile_width" and str(width := self.given("width")).isdecimal():
            return min(int(width), WIDEST_TILE)
        return super().default(name)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("mode") != "storyboard":
            self.errors.pop("tile_width", None)
            cleaned["tile_width"] = ThumbnailsParams.tile_width
        if cleaned.get("mode") in ("even", "best", "sheet", "storyboard"):
            # The field is hidden then: what may still stand in it concerns nobody.
            self.errors.pop("times", None)
            cleaned["times"] = ()
        elif cleaned.get("mode") == "times" and not cleaned.get("times") and "times" not in self.errors:
            self.add_error("times", "Write at least one time, such as 0:10.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class ThumbnailsParams:
    """`times` are seconds after the start, ascending, and count only with mode "times". `width` is in pixels,
    and that of each picture on a sheet; those of a storyboard have `tile_width`."""

    VERSION: ClassVar[int] = 1

    mode: Literal["even", "times", "best", "sheet", "storyboard"] = "even"
    count: int = 6
    times: tuple[float, ...] = ()
    width: int = 640
    tile_width: int = 160
    format: Literal["jpeg", "webp", "png"] = "jpeg"


class Thumbnails(Operation[ThumbnailsParams]):
    slug = "thumbnails"
    title = "Thumbnails"
    done = "Pictures made"
    summary = "Still pictures: evenly spaced, at times you choose, the best, or all on one sheet."
    description = (
        "Pictures at even distances, at given times, or the best of the recording, upright and in the right "
        "colours; a contact sheet; a storyboard (sprites and WebVTT) to scrub by; one click makes a picture the "
        "poster."
    )
    accepts = "video"
    group = "Picture"
    icon = "image"
    gist = "even, best, a sheet"
    folded = (
        "tile_width",
        "format",
    )
    also_called = "poster still frame screenshot jpeg png storyboard contact sheet sprites"
    queue = "fast"
    order = 20
    staged = True
    ticked = True
    form_class = ThumbnailsForm
    params_class = ThumbnailsParams

    def makes(self, tracks: Tracks, params: ThumbnailsParams) -> None:
        return None

    def ends_chain(self, params: ThumbnailsParams) -> bool:
        return True

    def check(self, info: MediaInfo, params: ThumbnailsParams) -> None:
        info.require_video()
        late = [time for time in params.times if exact(time) > info.duration] if params.mode == "times" else []
        if late:
            raise InputError(
                f"There is no picture at {late[0]:g} s: the recording is {float(info.duration):.6g} s long. "
                "Choose times before its end.",
                code="beyond_end",
            )

    def encodes_audio(self, info: MediaInfo, params: ThumbnailsParams) -> bool:
        return True

    def places(self, info: MediaInfo, params: ThumbnailsParams) -> int:
        if params.mode == "storyboard":
            return storyboard.MAXIMUM_THUMBNAILS
        if params.mode == "best":
            return max(best_frames.TRIED, best_frames.TRIED_EACH * params.count)
        return len(params.times) if params.mode == "times" else params.count

    def pace_key(self, params: ThumbnailsParams) -> str:
        return params.mode

    def run(self, context: Context, params: ThumbnailsParams) -> list[Draft]:
        self.check(context.info, params)
        if params.mode == "storyboard":
            return self.storyboard(context, params)
        if params.mode == "sheet":
            return [self.sheet(context, params)]
        return self.pictures(context, params)

    def pictures(self, context: Context, params: ThumbnailsParams) -> list[Draft]:
        times, reach = wanted(context, params)
        grabbed = thumbnails.grab(context.source, context.info, times, width=params.width, within=reach)
        drafts = []
        begun = LOOKING if params.mode == "best" else 0
        context.progress(begun, "Taking pictures")
        for number, frame in enumerate(grabbed, 1):
            drafts.append(self.draft(context, params, frame, number, len(times)))
            context.progress(begun + (1 - begun) * number / len(times), f"Picture {number} of {len(times)}")
        return drafts

    def draft(
        self, context: Context, params: ThumbnailsParams, frame: thumbnails.Thumbnail, number: int, of: int
    ) -> Draft:
        place = f"{number:0{max(2, len(str(of)))}d}"
        path = context.scratch / f"{place}{ENDINGS[params.format]}"
        still.save(frame.image, path, params.format)
        metadata = {"time": round(float(frame.time), 6), "width": frame.image.width, "height": frame.image.height}
        return self.image(context, params, path, f"{place} {clock(frame.time).replace(':', '-')}", metadata)

    def sheet(self, context: Context, params: ThumbnailsParams) -> Draft:
        """One picture of all; where it would become too large, they are smaller."""
        columns, width = contact_sheet.layout(params.count, context.info.require_video().display_size, params.width)
        times, reach = wanted(context, params)
        taken = []
        for number, frame in enumerate(
            thumbnails.grab(context.source, context.info, times, width=width, within=reach), 1
        ):
            taken.append((frame.time, frame.image))
            context.progress(number / len(times), f"Picture {number} of {len(times)}")
        whole = contact_sheet.sheet(taken, columns)
        path = context.scratch / f"sheet{ENDINGS[params.format]}"
        still.save(whole, path, params.format)
        metadata = {"width": whole.width, "height": whole.height, "columns": columns, "count": len(taken)}
        return self.image(context, params, path, "contact sheet", metadata)

    def storyboard(self, context: Context, params: ThumbnailsParams) -> list[Draft]:
        """The sheets, and the WebVTT file that names them as they are called when downloaded."""

        def tell(fraction: float) -> None:
            context.progress(fraction, "Taking small pictures")

        board = storyboard.make(
            context.source, context.info, context.scratch, width=params.tile_width, kind=params.format, progress=tell
        )
        grid = {"tile_width": board.tile[0], "tile_height": board.tile[1], "columns": board.columns, "rows": board.rows}
        drafts = [
            self.image(context, params, path, f"storyboard {number:02d}", grid)
            for number, path in enumerate(board.sheets, 1)
        ]
        path = context.scratch / "storyboard.vtt"
        path.write_text(board.cues([draft.name for draft in drafts]))
        metadata = {
            "storyboard": True,
            "count": board.count,
            **Told(summary=f"{board.count} preview pictures for the time bar").to_json(),
            **grid,
        }
        name = safe_name(f"{context.title} storyboard", ".vtt")
        return [*drafts, Draft(path, "data", name, "text/vtt", metadata)]

    def image(
        self, context: Context, params: ThumbnailsParams, path: Path, what: str, metadata: Mapping[str, Any]
    ) -> Draft:
        name = safe_name(f"{context.title} {what}", ENDINGS[params.format])
        return Draft(path, "image", name, f"image/{params.format}", metadata)


def wanted(context: Context, params: ThumbnailsParams) -> tuple[Sequence[Fraction], Fraction]:
    """The times of the pictures, and how far from them a better one may be looked for; both in seconds."""
    info = context.info
    if params.mode == "times":
        return [exact(time) for time in params.times], Fraction(0)
    if params.mode == "best":

        def tell(fraction: float) -> None:
            context.progress(LOOKING * fraction, "Looking for the best pictures")

        found = best_frames.best_frames(context.source, info, params.count, progress=tell)
        return [one.time for one in found], Fraction(0)
    return thumbnails.even(info.duration, params.count), info.duration / (2 * params.count)


def exact(time: float) -> Fraction:
    """The decimal number that was written, not the binary one next to it."""
    return Fraction(str(time))
