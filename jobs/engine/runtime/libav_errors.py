"""What libavcodec and libavformat fail with while they encode, as errors that a person can read."""

import contextlib
import errno
from collections.abc import Iterator

import av.error

from jobs.engine.runtime.subprocess_runner import disk_full
from jobs.errors import ToolError


@contextlib.contextmanager
def errors(what: str) -> Iterator[None]:
    """Raise ResourceError when the encoded "sound" or "pictures" find no room, ToolError for all else they refuse."""
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(repr(error)) from error
        raise ToolError(
            f"The {what} of this recording could not be encoded. Tell the operator, who can see why.",
            detail=repr(error),
        ) from error
