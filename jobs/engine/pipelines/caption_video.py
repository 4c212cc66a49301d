"""A recording with captions: as a track that viewers turn on and off, or drawn into the picture.

As a track nothing is encoded. Drawing goes the way of the watermark: each picture keeps its time, sound is copied, and
text becomes a picture by Pillow, so that no text is ever part of a command.
"""

import bisect
import dataclasses
import functools
import html
import re
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from av.video.frame import VideoFrame
from PIL import Image

from jobs.engine.captions import cues, embedded_tracks
from jobs.engine.captions.cues import Caption
from jobs.engine.captions.line_breaking import MAXIMUM_ROW_CHARACTERS
from jobs.engine.captions.text_tiling import Topic
from jobs.engine.captions.transcript import iso_639_2
from jobs.engine.container import ffmpeg, muxers
from jobs.engine.model.mediainfo import MediaInfo, VideoTrack, demuxer
from jobs.engine.pipelines.painted_frames import PaintedResult, Painting, paint_frames
from jobs.engine.render import chapters, render, replace_video, sidetracks
from jobs.engine.render.chapters import Chapter
from jobs.engine.render.sidetracks import SideTrack
from jobs.engine.runtime.threads import run_concurrently
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import text_raster
from jobs.engine.video.overlay import OverlayOptions, OverlayPainter
from jobs.engine.video.source import Source
from jobs.errors import InputError

PICTURES_IN_MP4 = {"h264", "hevc", "av1", "libdav1d", "vp9", "mpeg4", "mpeg2video"}
COPY_SHARE = 0.8
CHAPTER_CLOCK_HZ = 90_000
ROWS_IN_HEIGHT = 19
"""Letters are at most this part of the picture's height..."""
LETTER_WIDTH = 0.62
"""...and so small that a row of MAXIMUM_ROW_CHARACTERS letters, each this share of its height wide, has room in
MOST_WIDTH."""
MOST_WIDTH = 0.92
FROM_BELOW = 0.06
TAGS = re.compile(r"</?[^>]+>")


def suffix_for(info: MediaInfo) -> str:
    """The ending of a file that takes picture and sound as they are, beside a text track."""
    suffix = replace_video.suffix_for(info)
    return suffix if info.video is None or info.video.codec in PICTURES_IN_MP4 else ".mkv"


@dataclasses.dataclass(frozen=True)
class TextTrack:
    """Captions for a track of a language (ISO 639-1), and the topics to make chapters of."""

    shown: Sequence[Caption]
    language: str
    topics: Sequence[Topic] = ()


def attach(source: Source, text: TextTrack, output: Path, work: Workspace) -> int:
    """Write `source` with a text track to `output`, whose ending is that of `suffix_for`. Nothing is encoded. Topics
    become its chapters; without any it keeps its own.

    `output` appears when it is whole, and its audio has been compared with the source's, packet by packet. Returns how
    many packets of audio there are. Raises ToolError, ResourceError, and what `work.progress` raises.
    """
    texts = work.scratch / "captions-track.srt"
    texts.write_text(cues.srt(text.shown), encoding="utf-8")
    notes = _notes(text.topics, source.info, work.scratch) if text.topics else None
    stage = "Attaching the captions"
    with render.whole(output) as part:
        joined = part.with_name(f"{part.name}{output.suffix}")

        def attached(side: Sequence[SideTrack]) -> int:
            argv = attach_argv(source, texts, text.language, joined, side, notes)
            duration, copying = source.info.duration, work.share(0, COPY_SHARE)
            ffmpeg.follow(argv, duration, lambda done: copying.progress(done, stage), log=work.log)
            (packets,) = run_concurrently(
                [lambda task: replace_video.require_same_sound(source, joined, task.token)],
                lambda done: work.progress(COPY_SHARE, "Checking the result"),
            )
            return packets

        try:
            packets = sidetracks.with_or_without(source, output, attached, work.log)
            joined.rename(part)
        finally:
            joined.unlink(missing_ok=True)
    work.progress(1, "Checking the result")
    return packets


def _notes(topics: Sequence[Topic], info: MediaInfo, scratch: Path) -> Path:
    """A file of ffmpeg's metadata format with the topics as chapters."""
    ends = [*(topic.start for topic in topics[1:]), info.duration]
    found = [Chapter(topic.start, end, topic.title) for topic, end in zip(topics, ends, strict=True)]
    notes = scratch / "chapters.ffmetadata"
    notes.write_text(chapters.ffmetadata(found, CHAPTER_CLOCK_HZ), encoding="utf-8")
    return notes


def attach_argv(
    source: Source,
    texts: Path,
    language: str,
    output: Path,
    side: Sequence[SideTrack] = (),
    notes: Path | None = None,
) -> list[str]:
    """ffmpeg's command line for `attach`; `side` are tracks that are copied beside the usual ones, `notes` holds
    chapters in place of the source's."""
    info = source.info
    indices = [info.require_video().index, *(track.index for track in info.audio)]
    maps = [part for index in indices for part in ("-map", f"0:{index}")]
    there = embedded_tracks.tracks(source.path, info)
    for number, text in enumerate(there):
        maps += ["-map", f"0:{text.index}", f"-c:s:{number}", replace_video.text_codec(text.codec, output.suffix)]
    ours = f"s:{len(there)}"
    beside = sidetracks.argv(side, 0, muxers.for_name(output), {"v": 1, "s": len(there) + 1})
    own = "srt" if output.suffix == ".mkv" else "mov_text"
    labels = [f"-metadata:s:{ours}", f"language={iso_639_2(language)}", f"-disposition:{ours}", "default"]
    exact = [] if output.suffix == ".mkv" else ["-movflags", "+faststart"]
    return [
        *(ffmpeg.program(), "-y", "-nostdin", "-hide_banner", "-loglevel", "warning", "-copyts"),
        # Captions count from the recording's start.
        *(
            "-itsoffset",
            f"{float(-info.start):.6f}",
            *ffmpeg.SAFE_INPUT,
            "-f",
            demuxer(info),
            "-i",
            f"file:{source.path}",
        ),
        *ffmpeg.reading(texts, "srt"),
        *(ffmpeg.reading(notes, "ffmetadata") if notes else ()),
        *(*maps, "-map", "1:0", f"-c:{ours}", own, "-c:v", "copy", "-copyinkf:v", "-c:a", "copy", *beside),
        *("-map_metadata", "0", "-map_chapters", "2" if notes else "0", *labels, *exact),
        *("-progress", "pipe:1", "-f", replace_video.MUXERS[output.suffix], f"file:{output}"),
    ]


def burn(source: Source, shown: Sequence[Caption], output: Path, work: Workspace) -> PaintedResult:
    """Write `source` with the captions drawn into its picture to `output`: see `paint_frames`.

    The pictures before the first and after the last caption are copied where the recording allows it. Raises
    InputError, also when no font here has the letters, ToolError, ResourceError.
    """
    painter = CaptionPainter(shown, source.info.require_video(), source.info.duration)
    end = max(caption.end for caption in shown)
    return paint_frames(source, Painting(painter, shown[0].start, end, "Drawing the captions"), output, work)


class CaptionPainter:
    """Lays the caption of the moment over frames. Safe to share between threads."""

    def __init__(self, shown: Sequence[Caption], track: VideoTrack, duration: Fraction) -> None:
        """`shown` is ordered, one at a time. Raises InputError (`no_font`)."""
        self._shown, self._track, self._duration = shown, track, duration
        self.key = repr((tuple(shown), duration))
        self._starts = [caption.start for caption in shown]
        self._painter = functools.lru_cache(maxsize=16)(self._made)
        self._last = _Last()
        for caption in shown:
            _require_font(plain(caption.text))

    def __call__(self, frame: VideoFrame, time: Fraction) -> VideoFrame:
        number = bisect.bisect_right(self._starts, time) - 1
        now = self._painter(number) if number >= 0 and time < self._shown[number].end else None
        before = self._last.painter
        if before is not None and before is not now:
            # A frame that comes again, for one that did not decode, still bears the caption before.
            frame = before(frame, time)
        self._last.painter = now or before
        return now(frame, time) if now else frame

    def _made(self, number: int) -> OverlayPainter:
        caption = self._shown[number]
        width, height = self._track.display_size
        image = written(plain(caption.text), (width, height))
        across = min(image.width, width)
        look = OverlayOptions(
            corner="bottom-left",
            x_offset=(width - across) // 2,
            y_offset=round(height * FROM_BELOW),
            scale=across / width,
            start=caption.start,
            end=caption.end,
        )
        return OverlayPainter(lambda _: image, look, self._track, self._duration)


class _Last(threading.local):
    painter: OverlayPainter | None = None


def written(text: str, picture: tuple[int, int]) -> Image.Image:
    """The text as large as captions are on a picture of so many pixels, as RGBA."""
    width, height = picture
    size = min(height / ROWS_IN_HEIGHT, MOST_WIDTH * width / (MAXIMUM_ROW_CHARACTERS * LETTER_WIDTH))
    image = text_raster.written(text, max(6, round(size)))
    most = max(1, round(MOST_WIDTH * width))
    if image.width <= most:
        return image
    return image.resize((most, max(1, round(image.height * most / image.width))), Image.Resampling.LANCZOS)


def plain(text: str) -> str:
    """A caption's text without its tags."""
    return html.unescape(TAGS.sub("", text))


def _require_font(text: str) -> None:
    try:
        text_raster.font_for(text)
    except InputError as error:
        raise InputError(
            "The fonts of this server lack letters of these captions. Start it again without burning them in: what was "
            "heard is kept, and the captions come as a track.",
            detail=error.message,
            code="no_font",
        ) from error
