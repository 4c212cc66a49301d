"""What a recording's first frame tells of its colours, and the filters that bring them to usual screens."""

import dataclasses
from pathlib import Path

import av.error

from jobs.engine.model.colour import matrix_of
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.video import tonemap
from jobs.engine.video.video_stream import open_video, readable_frames
from jobs.errors import InputError

EXACT = "bicubic+accurate_rnd+full_chroma_int"
BT709 = "setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


@dataclasses.dataclass(frozen=True)
class Colours:
    """How frames are stored. `transfer` and `primaries` are numbers of ITU-T H.273, `matrix` a name of ffmpeg's."""

    transfer: int = 2
    primaries: int = 2
    matrix: str = "bt709"
    is_rgb: bool = False
    bits: int = 8
    interlaced: bool = False

    @property
    def wide(self) -> bool:
        """Whether they are HDR or of a wide gamut, and have to be brought into that of all screens."""
        return tonemap.concerns(self.transfer, self.primaries)


def read(source: Path, info: MediaInfo) -> Colours:
    """From the first frame that decodes. Raises InputError when none does."""
    container, stream = open_video(source, info)
    with container:
        try:
            frame = next(iter(readable_frames(container, stream)))
        except (StopIteration, av.error.FFmpegError) as error:
            raise InputError(
                "No picture of this recording could be decoded. Export it again, for example as MP4, and upload that.",
                detail=repr(error),
                code="damaged",
            ) from error
    return Colours(
        transfer=int(frame.color_trc),
        primaries=int(frame.color_primaries),
        matrix=matrix_of(frame.colorspace, frame.height).name,
        is_rgb=frame.format.is_rgb,
        bits=max(component.bits for component in frame.format.components),
        interlaced=frame.interlaced_frame,
    )


def filters(colours: Colours, scratch: Path, *, deep: bool, keep: bool) -> list[str]:
    """ffmpeg's filters to 4:2:0: as they are with `keep`, else tone-mapped to BT.709 where that is needed.

    `deep` keeps more than 8 bits where there are. A table goes to the existing folder `scratch`.
    """
    bits = "10le" if deep and colours.bits > 8 else ""
    if colours.wide and not keep:
        cube = scratch / "colours.cube"
        tonemap.write_cube(cube, colours.transfer, colours.primaries)
        matrix = "" if colours.is_rgb else f"in_color_matrix={colours.matrix}:"
        return [
            f"scale={matrix}out_range=full:flags={EXACT},format=gbrp16le",
            f"lut3d=file={escaped(str(cube))}",
            f"scale=out_color_matrix=bt709:out_range=limited:flags={EXACT},format=yuv420p",
            BT709,
        ]
    if colours.is_rgb:
        return [f"scale=out_color_matrix=bt709:out_range=limited:flags={EXACT},format=yuv420p{bits}", BT709]
    return [f"format=yuv420p{bits}"]


def escaped(value: str) -> str:
    """A value of a filter's option: escaped for the list of options, and that again for the graph."""
    for special in ("\\':", "\\'[],;"):
        value = "".join(f"\\{letter}" if letter in special else letter for letter in value)
    return value
