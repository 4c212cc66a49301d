"""What a recording holds beside its picture, its sound and its captions as text: which of it a result keeps, and a
sentence for the rest.
"""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import av.error
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from jobs.engine.captions.embedded_tracks import TEXT_CODECS, language_of
from jobs.engine.container import demuxing, muxers
from jobs.engine.container.muxers import Container
from jobs.engine.model.mediainfo import demuxer
from jobs.engine.probe import mp4_boxes
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.video.source import Source
from jobs.errors import ToolError

Made = TypeVar("Made")
Kind = Literal["picture", "cover", "captions", "sound", "telemetry", "timecode", "data", "attachment", "notes"]
WORDS: dict[Kind, tuple[str, str]] = {
    "picture": ("another picture track", "{} other picture tracks"),
    "cover": ("the cover picture", "{} cover pictures"),
    "captions": ("captions that are pictures", "{} tracks of captions that are pictures"),
    "sound": ("a sound track that cannot be read", "{} sound tracks that cannot be read"),
    "telemetry": ("the camera's telemetry", "{} tracks of the camera's telemetry"),
    "timecode": ("the timecode", "{} timecodes"),
    "data": ("a data track", "{} data tracks"),
    "attachment": ("an attached file", "{} attached files"),
    "notes": ("what the camera noted down", "{} notes of the camera"),
}
TELEMETRY = {"gpmd", "camm", "rtmd", "mebx", "djmd", "dbgi", "fdsc"}
"""What sensors of cameras write: GoPro, phones, Sony, DJI."""
NAMES = {
    "hdmv_pgs_subtitle": "PGS",
    "dvd_subtitle": "VobSub",
    "dvb_subtitle": "DVB",
    "xsub": "XSUB",
    "dvb_teletext": "teletext",
    "eia_608": "CEA-608",
    "gpmd": "GoPro",
}
OF_PHONES = "com."
"""What phones call what they note down begins with their maker's domain, such as com.apple or com.android."""
APART = {"creation_time", "location", "encoder", "make", "model", "major_brand", "minor_version", "compatible_brands"}
"""Beside it, what is kept in the same or another way, or belongs to the file."""
KEPT = "kept"
KEYS = ("-movflags", "+use_metadata_tags")
"""ffmpeg's options for an MP4 file that holds notes of phones."""
COPIED = {"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
"""Captions as pictures that Matroska holds."""
MAPPED: dict[Kind, str] = {"picture": "v", "cover": "v", "captions": "s", "telemetry": "d", "attachment": "t"}
"""ffmpeg's letters of the kinds that are copied as tracks."""


@dataclasses.dataclass(frozen=True)
class SideTrack:
    """One of them, by its stream index; `name` is what it says of itself. Notes of a camera have no index."""

    index: int
    kind: Kind
    codec: str = ""
    name: str = ""


def read(source: Source) -> tuple[SideTrack, ...]:
    """All of them, in the order of the file; none where it cannot be opened."""
    path, info = source.path, source.info
    with contextlib.suppress(av.error.FFmpegError, ValueError), demuxing.opened(path, demuxer(info)) as container:
        used = {*(track.index for track in info.audio), *([info.video.index] if info.video else [])}
        tags = mp4_boxes.sample_entries(path) if demuxer(info) == "mov" else {}
        others = [track for track in container.streams if track.index not in used]
        tracks = [told for track in others if (told := _told(track, container, "".join(tags.get(track.id, ()))))]
        if not any(track.kind == "timecode" for track in tracks) and _has_timecode(container):
            # Matroska has it as a tag.
            tracks.append(SideTrack(-1, "timecode"))
        if any(key.startswith(OF_PHONES) for key in container.metadata):
            has_cover = any(track.kind == "cover" for track in tracks)
            tracks.append(SideTrack(-1, "notes", KEPT if keeps_notes(container.metadata, has_cover) else ""))
        return tuple(tracks)
    return ()


def _has_timecode(container: InputContainer) -> bool:
    return any("timecode" in map(str.lower, holder.metadata) for holder in (container, *container.streams))


def keeps_notes(tags: Iterable[str], has_cover: bool) -> bool:
    """Whether an MP4 file is to hold the notes of phones: maker, model, place, hour with time zone.

    It holds them under keys of any name, and then has no title, artist or cover where most players look for them: these
    come first where there are any.
    """
    others = [key for key in tags if not key.startswith(OF_PHONES)]
    return not has_cover and len(others) < len(list(tags)) and all(key.partition("-")[0] in APART for key in others)


def _told(track: Stream, container: InputContainer, tag: str) -> SideTrack | None:
    # PyAV's stubs leave out that a track may have no codec context.
    context = track.codec_context
    codec = context.codec.canonical_name if context else ""
    if isinstance(track, VideoStream):
        is_cover = bool(track.disposition & Disposition.attached_pic)
        # One whose size nobody knows cannot be written anywhere.
        codec = codec if context and track.codec_context.width else ""
        return SideTrack(track.index, "cover" if is_cover else "picture", codec)
    if track.type == "audio":
        return SideTrack(track.index, "sound", codec)
    if track.type == "subtitle":
        if codec in TEXT_CODECS:
            return None
        return SideTrack(track.index, "captions", codec, language_of(track.metadata.get("language")))
    if track.type == "attachment":
        return SideTrack(track.index, "attachment", codec, track.metadata.get("filename", ""))
    if "timecode" in track.metadata:
        return SideTrack(track.index, "timecode", "tmcd")
    if tag == "text" and container.chapters():
        # The titles of chapters, which are kept as chapters.
        return None
    return SideTrack(track.index, "telemetry" if tag in TELEMETRY else "data", tag)


def kept(tracks: Iterable[SideTrack], container: Container, *, is_cut: bool = False) -> list[SideTrack]:
    """What comes along into a result. When the recording is cut, what goes on in time does not."""
    return [track for track in tracks if _is_held(track, container, is_cut)]


def _is_held(track: SideTrack, container: Container, is_cut: bool) -> bool:
    is_mp4, is_matroska = container.demuxer == "mov", container.muxer == "matroska"
    if track.kind == "attachment":
        return is_matroska
    if track.kind == "notes":
        return is_matroska or (is_mp4 and track.codec == KEPT)
    if track.kind == "cover":
        return container.muxer == "mp4" and track.codec in ("mjpeg", "png")
    if is_cut or container.audio_only:
        return False
    if track.kind == "picture":
        return container.muxer != "webm" and bool(track.codec) and container.holds_video(track.codec)
    if track.kind == "captions":
        return is_matroska and track.codec in COPIED
    if track.kind == "telemetry":
        return is_mp4 and track.codec == "gpmd"
    return track.kind == "timecode" and container.muxer != "webm"


def with_or_without(source: Source, output: Path, make: Callable[[Sequence[SideTrack]], Made], log: CommandLog) -> Made:
    """What `make` makes with all that a container like that of `output` holds; else with nothing beside the usual.

    A track that nobody looks at may be damaged, and is no reason to lose a result. Raises what `make` raises.
    """
    side = kept(read(source), muxers.for_name(output))
    try:
        return make(side)
    except ToolError as error:
        if not side:
            raise
        log.line(f"{error.message} {error.detail}")
        return make(())


def argv(
    tracks: Sequence[SideTrack], number: int, container: Container, counts: Mapping[str, int], *, named: bool = False
) -> list[str]:
    """ffmpeg's options that copy them from input `number` to a container.

    `counts` has how many tracks of a kind come before. `named` where ffmpeg does not name tracks by itself.
    """
    options: list[str] = []
    counted = dict(counts)
    for track in tracks:
        if track.kind == "notes" and container.demuxer == "mov":
            options += KEYS
        letter = MAPPED.get(track.kind)
        if letter is None:
            continue
        position = counted.get(letter, 0)
        counted[letter] = position + 1
        stream = f"{letter}:{position}"
        options += ["-map", f"{number}:{track.index}", f"-c:{stream}", "copy"]
        if named:
            options += [f"-map_metadata:s:{stream}", f"{number}:s:{track.index}"]
        if letter != "t":
            options += [f"-disposition:{stream}", "attached_pic" if track.kind == "cover" else "0"]
    return options


def left_out(source: Source, output: Path) -> list[str]:
    """What there is to say about a result that has not all of its recording, in sentences: by looking into it."""
    tracks = read(source)
    told = note(tracks, read(Source(output, inspect(output)))) if tracks else ""
    return [told] if told else []


def note(tracks: Iterable[SideTrack], there: Iterable[SideTrack] = ()) -> str:
    """A sentence that names what of a recording is not there in its result; empty when all is."""
    present = Counter(track.kind for track in there)
    left: dict[Kind, list[SideTrack]] = {}
    for track in tracks:
        left.setdefault(track.kind, []).append(track)
    named = [_named(kind, those[present[kind] :]) for kind, those in left.items() if len(those) > present[kind]]
    return f"Left out: {', '.join(named)}." if named else ""


def _named(kind: Kind, tracks: Sequence[SideTrack]) -> str:
    one, many = WORDS[kind]
    words = one if len(tracks) == 1 else many.format(len(tracks))
    details = dict.fromkeys(
        " ".join(filter(None, (NAMES.get(track.codec, ""), track.name)))
        for track in tracks
        if track.codec in NAMES or track.name
    )
    return f"{words} ({', '.join(details)})" if details else words
