"""Which files are let in: recordings by their content, and nothing that can point anywhere else."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

import av
import av.error
from av.container import InputContainer

from jobs.engine.container import elsewhere, mp3_frames
from jobs.engine.probe import mp4_boxes
from jobs.engine.runtime.subprocess_runner import require_file
from jobs.errors import InputError

# Recordings only. Left out on purpose: hls, dash, concat, sdp, rtsp, image2 (they open other addresses), lavfi,
# images, subtitles, and the raw streams and game formats that nobody uploads but whose code is old.
DEMUXERS = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "mpeg", "avi", "flv", "asf", "mxf", "dv"),
    *("ogg", "wav", "w64", "aiff", "caf", "au", "mp3", "flac", "aac", "ac3", "eac3", "amr", "wv"),
)
IMAGE_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"8BPS", b"\0\0\0\x0cJXL ", b"\xff\x0a")
# Major brands of HEIF and AVIF: still images in the clothes of an MP4 file.
IMAGE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
PLAYLIST_SIGNATURES = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0", b"<?xml", b"<MPD", b"<smil")
RECORDING_SIGNATURES = (
    b"\x1aE\xdf\xa3",
    b"RIFF",
    b"RF64",
    b"FORM",
    b"OggS",
    b"fLaC",
    b"FLV\x01",
    b"caff",
    b".snd",
    b"#!AMR",
)
MP4_BOX_TYPES = (b"ftyp", b"moov", b"mdat", b"moof", b"wide", b"styp")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The recording, open for reading. Raises InputError when the file is not a recording that can be let in.

    libavformat gets a file descriptor in place of a name, so that a name can neither sway what the file is taken for
    nor be read as an address, and has no protocol with which to open anything else.
    """
    if place := elsewhere.opened(path):
        with place, opened_there(place) as container:
            yield container
        return
    require_file(path)
    head = read_head(path)
    if is_image(head):
        raise InputError(
            "This is a picture, not a recording. Choose a video or audio file.", detail=str(path), code="image"
        )
    with path.open("rb") as file:
        options = {
            "fd": str(file.fileno()),
            "protocol_whitelist": "fd",
            "format_whitelist": ",".join(DEMUXERS),
        }
        with probed(path, head, options) as container:
            skipping = mp3_frames.skip_options(path, container.format.name)
            if not skipping:
                yield container
                return
        file.seek(0)
        with opened_as_mp3({**options, **skipping}) as container:
            yield container


def opened_there(place: BinaryIO) -> InputContainer:
    """What does not lie on this machine, and was looked at when it came."""
    return av.open(place, "r", options={"format_whitelist": ",".join(DEMUXERS)}, metadata_errors="replace")


def probed(path: Path, head: bytes, options: dict[str, str]) -> InputContainer:
    """The file as what it is found to be. Raises InputError."""
    try:
        return av.open("fd:", options=options, metadata_errors="replace")
    except av.error.FFmpegError as error:
        with contextlib.suppress(av.error.FFmpegError):
            if is_unknown(head) and mp3_frames.first_frame_offset(path) is not None:
                os.lseek(int(options["fd"]), 0, os.SEEK_SET)
                return opened_as_mp3({**options, **mp3_frames.skip_options(path, "mp3")})
        refuse(path, head, error)


def opened_as_mp3(options: dict[str, str]) -> InputContainer:
    """Audio as players play it, which look for it further than libavformat does."""
    return av.open("fd:", format="mp3", options=options, metadata_errors="replace")


def read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def is_image(head: bytes) -> bool:
    """Whether the first bytes are those of a still (or animated) image."""
    return (
        head.startswith(IMAGE_SIGNATURES)
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or (head.startswith(b"BM") and head[6:10] == bytes(4))
        or (head[4:8] == b"ftyp" and head[8:12] in IMAGE_BRANDS)
    )


def is_unknown(head: bytes) -> bool:
    """Whether the first bytes are those of nothing that is known here."""
    is_pointer = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(PLAYLIST_SIGNATURES)
    return not (is_pointer or head.startswith(RECORDING_SIGNATURES) or head[4:8] in MP4_BOX_TYPES)


def refuse(path: Path, head: bytes, error: Exception) -> NoReturn:
    """Say why a file could not be opened. Always raises InputError."""
    detail = f"{path}: {error}"
    if mp4_boxes.lacks_index(path):
        raise InputError(
            "The recording is cut off: its end, which holds the index of all pictures and sounds, is missing. "
            "Upload the whole file, or finish it with the program or camera that recorded it.",
            detail=detail,
            code="cut_off",
        ) from error
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(PLAYLIST_SIGNATURES):
        raise InputError(
            "This file only points to recordings elsewhere and holds none itself. Upload the recording itself.",
            detail=detail,
            code="not_media",
        ) from error
    if head.startswith(RECORDING_SIGNATURES) or head[4:8] in MP4_BOX_TYPES:
        raise damaged(detail) from error
    raise InputError(
        "This is not a video or audio recording. Choose another file.", detail=detail, code="not_media"
    ) from error


def damaged(detail: str) -> InputError:
    return InputError(
        "The recording is damaged and cannot be played. If it plays elsewhere, export it anew there and upload that.",
        detail=detail,
        code="damaged",
    )


def refuse_external_references(path: Path, container: InputContainer) -> None:
    """Raise InputError for a QuickTime file whose video or audio lies in other files."""
    if container.format.name.startswith("mov") and mp4_boxes.has_external_data(path):
        raise InputError(
            "This QuickTime file only points to pictures or sound in other files. Export it as a self-contained "
            "movie and upload that.",
            detail=os.fspath(path),
            code="not_media",
        )
