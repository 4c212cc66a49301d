"""Opening media files through libavformat, which may then open nothing else: no playlist's files, no network."""

from pathlib import Path

import av
import av.error
from av.container import InputContainer

from jobs.errors import InputError


def opened(path: Path, format: str) -> InputContainer:
    """Open a file for reading as this format. Raises av.error.FFmpegError, ValueError."""
    return av.open(
        f"file:{path}", format=format, container_options={"protocol_whitelist": "file"}, metadata_errors="replace"
    )


def recording(path: Path, format: str) -> InputContainer:
    """The same for what a person uploaded. Raises InputError."""
    try:
        return opened(path, format)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            "The recording could not be opened. Upload it again.", detail=repr(error), code="unreadable"
        ) from error
