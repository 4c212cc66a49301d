"""Putting a result together: one file of its tracks, with the source's names and dates, its chapters and captions."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from jobs.engine.captions import cues
from jobs.engine.container import demuxing, ffmpeg
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.render import chapters, sidetracks
from jobs.engine.render.passthrough import Extras, TrackLabel
from jobs.engine.video.frame_schedule import Schedule

DEMUXERS = {".jpg": "jpeg_pipe", ".png": "png_pipe"}


@dataclasses.dataclass(frozen=True)
class Parts:
    """The files that a result is put together from: `tracks` of one track each, the picture (if any) first.

    `notes` are names, dates and chapters. `last` is the time stamp of the picture that is shown last, and for how long
    it is, in ticks of the picture's clock. `audio_ends` has for each audio track how many samples it has, where its
    packets hold more. `movie_hz` is the file's own clock, where that is not the picture's.
    """

    tracks: Sequence[Path]
    notes: Path
    last: tuple[int, int] | None = None
    captions: Sequence[Path] = ()
    cover: Path | None = None
    audio_ends: Sequence[int | None] = ()
    movie_hz: int | None = None


def written(tracks: Sequence[Path], wanted: Schedule | None, extras: Extras, clock_hz: int, folder: Path) -> Parts:
    """The parts of a result: tracks that are there, and what else it is to hold as files in `folder`."""
    finer = _finer(tracks[0], clock_hz) if wanted else 1
    last = (int(wanted.start_ticks[-1]) * finer, int(wanted.duration_ticks[-1]) * finer) if wanted else None
    texts = []
    for number, (_, kept) in enumerate(extras.captions):
        texts.append(folder / f"captions-{number}.srt")
        texts[-1].write_text(cues.srt(kept), encoding="utf-8")
    notes = folder / "notes.txt"
    notes.write_text(chapters.ffmetadata(extras.chapters, clock_hz, extras.tags), encoding="utf-8")
    cover = None
    if extras.cover:
        cover = folder / f"cover{extras.cover.suffix}"
        cover.write_bytes(extras.cover.data)
    return Parts(tracks, notes, last, texts, cover)


def _finer(picture: Path, clock_hz: int) -> int:
    """By how much finer the clock of a track's file is than the one that it was given: NUT chooses its own."""
    if picture.suffix != ".nut":
        return 1
    with demuxing.opened(picture, "nut") as container:
        return int(1 / (clock_hz * (container.streams.video[0].time_base or 1)))


def mux_argv(
    info: MediaInfo, extras: Extras, parts: Parts, output: Path, clock_hz: int, muxer: str = "mp4"
) -> list[str]:
    """ffmpeg's command line that makes one MP4 or QuickTime file of the parts.

    `clock_hz` is the file's own clock, to which the start of a track and chapters are rounded.
    """
    inputs = [part for path in parts.tracks for part in ffmpeg.reading(path, "nut" if path.suffix == ".nut" else "mov")]
    inputs += ffmpeg.reading(parts.notes, "ffmetadata")
    notes = len(parts.tracks)
    maps = _maps(range(notes))
    taken = notes + 1
    for path in parts.captions:
        inputs += ffmpeg.reading(path, "srt")
        maps += _maps([taken])
        taken += 1
    if parts.cover:
        inputs += ffmpeg.reading(parts.cover, DEMUXERS[parts.cover.suffix])
        maps += [*_maps([taken]), f"-disposition:v:{int(info.video is not None)}", "attached_pic"]
    keys = sidetracks.KEYS if sidetracks.keeps_notes(extras.tags, extras.cover is not None) else ()
    return [
        *ffmpeg.writing(),
        # Time stamps as they are: the pictures may begin after the sound.
        *("-copyts", *inputs, *maps, "-map_metadata", str(notes), "-map_chapters", str(notes)),
        *(["-metadata:s:v:0", f"timecode={extras.timecode}"] if extras.timecode else []),
        *(*_labels(info, extras), *_last(parts), "-c:v", "copy", "-c:a", "copy", "-c:s", "mov_text"),
        *(*exact(".mp4", parts.movie_hz or clock_hz), *keys),
        *("-progress", "pipe:1", "-f", muxer, f"file:{output}"),
    ]


def movie_clock(clock_hz: int, rates: Iterable[int], duration: Fraction) -> int:
    """A clock for a file of `duration` seconds that its picture's, and if possible all sample rates, go into.

    By it edit lists tell when tracks end, and what lies behind is not heard: not even a part of a last sample. With
    more than 32 bits of ticks it would be stored in ways that not every player knows.
    """
    common = math.lcm(clock_hz, *rates)
    return common if common * duration < 2**32 else clock_hz


def exact(suffix: str, clock_hz: int) -> list[str]:
    """Options of a file that is finished: its index first, and its own clock that of its picture.

    By itself the clock of MP4 counts milliseconds, and a late start of the picture would be rounded to them.
    """
    return [] if suffix == ".mkv" else ["-movie_timescale", str(clock_hz), "-movflags", "+faststart"]


def _maps(numbers: Sequence[int]) -> list[str]:
    return [part for number in numbers for part in ("-map", f"{number}:0")]


def _last(parts: Parts) -> list[str]:
    """MP4 knows for how long pictures are shown only in the order of decoding, where those shown last are not the last.

    Without this the track would seem to end with another picture than it does. Of copied audio all of the last packet
    would be heard.
    """
    options = [
        part
        for place, end in enumerate(parts.audio_ends)
        if end is not None
        for part in (f"-bsf:a:{place}", f"setts=pts=PTS:dts=DTS:duration='min(DURATION,max(1,{end}-PTS))'")
    ]
    if not parts.last:
        return options
    at, lasts = parts.last
    left = f"{at + lasts}-PTS"
    return [*options, "-bsf:v:0", f"setts=pts=PTS:dts=DTS:duration='if(eq(PTS,{at}),{left},min(DURATION,{left}))'"]


def _labels(info: MediaInfo, extras: Extras) -> list[str]:
    """What the tracks are called. Of several tracks of a kind players play all that are marked as default: only one."""
    options = []
    if info.video:
        options += _label("v", 0, extras.label(info.video.index), is_default=True)
    sounds = [extras.label(track.index) for track in info.audio]
    texts = [extras.label(track.index) for track, _ in extras.captions]
    for kind, labels, fallback in (("a", sounds, 0), ("s", texts, None)):
        default = next((number for number, label in enumerate(labels) if label.is_default), fallback)
        for number, label in enumerate(labels):
            options += _label(kind, number, label, is_default=number == default)
    return options


def _label(kind: str, number: int, label: TrackLabel, *, is_default: bool) -> list[str]:
    stream = f"{kind}:{number}"
    options = [f"-metadata:s:{stream}", f"language={label.language or 'und'}"]
    if label.title:
        options += [f"-metadata:s:{stream}", f"title={label.title}"]
    if label.title or label.handler:
        options += [f"-metadata:s:{stream}", f"handler_name={label.title or label.handler}"]
    roles = [*(["default"] if is_default else []), *label.roles]
    return [*options, f"-disposition:{stream}", "+".join(roles) or "0"]
