"""What files and recordings are called: names from strangers made safe, and endings that follow from the content."""

import re
import unicodedata
from pathlib import Path

from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import MediaInfo

LONGEST_NAME = 200
LONGEST_ENDING = 16
UNNAMED = "recording"
FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*\\', "_"))
"""What some system takes in no name."""

# Endings for sound and for pictures by libavformat's name of the demuxer.
ENDINGS = {
    "mov,mp4,m4a,3gp,3g2,mj2": ("m4a", "mp4"),
    "matroska,webm": ("mka", "mkv"),
    "mpegts": ("ts", "ts"),
    "mpeg": ("mpg", "mpg"),
    "avi": ("avi", "avi"),
    "flv": ("flv", "flv"),
    "asf": ("wma", "wmv"),
    "mxf": ("mxf", "mxf"),
    "dv": ("dv", "dv"),
    "ogg": ("ogg", "ogv"),
    **{name: (name, name) for name in ("wav", "w64", "aiff", "caf", "au", "mp3", "flac", "aac", "ac3", "eac3")},
    **{name: (name, name) for name in ("amr", "wv")},
}
WEBM_CODECS = {"vp8", "vp9", "av1", "opus", "vorbis"}


def clean(text: str) -> str:
    """One line without control characters, marks that turn the reading direction, or surplus space."""
    kept = "".join(" " if char.isspace() else char for char in text if char.isspace() or _is_shown(char))
    return " ".join(kept.split())


def _is_shown(char: str) -> bool:
    return not unicodedata.category(char).startswith("C")


def file_name(name: str) -> str:
    """The name of a file as its owner knows it: no folders, nothing unprintable, not overlong, never empty."""
    name = clean(re.split(r"[/\\]", name)[-1]).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > LONGEST_ENDING:
        return name[:LONGEST_NAME].strip() or UNNAMED
    return stem[: LONGEST_NAME - len(ending) - 1].strip() + dot + ending


def portable(path: str) -> str:
    """A path of names from people, as every system takes it."""
    return "/".join(file_name(part).translate(FORBIDDEN) for part in path.split("/"))


def free(path: str, taken: set[str]) -> str:
    """The path, which is `taken` from now on; with a number before its ending where it was, be it in other capitals."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (name, "")
    number, found = 2, path
    while found.casefold() in taken:
        found, number = f"{folder}{slash}{stem} ({number}){ending}", number + 1
    taken.add(found.casefold())
    return found


def title(name: str) -> str:
    """A readable title from a file's name: `team-meeting_2024-05-01.mp4` becomes `team meeting 2024-05-01`."""
    stem = re.sub(r"\.\w{1,16}$", "", file_name(name))
    if " " not in stem:  # words joined by hyphens; those between digits belong to a date
        stem = re.sub(r"(?<=\D)-|-(?=\D)", " ", stem)
    return clean(stem.replace("_", " ")) or UNNAMED


def ending(info: MediaInfo) -> str:
    """The file name ending that fits what the recording is, without a dot."""
    if info.format == "matroska,webm":
        codecs = {track.codec for track in info.audio} | ({info.video.codec} if info.video else set())
        if codecs <= WEBM_CODECS and not info.subtitles:
            return "webm" if info.video else "weba"
    return ENDINGS.get(info.format, ("bin", "bin"))[info.video is not None]


def media_type(key: str) -> str:
    """The media type of a stored recording, by the ending that we gave it."""
    return MEDIA_TYPES.get(Path(key).suffix, "application/octet-stream")
