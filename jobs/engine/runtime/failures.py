"""The boundary around a piece of work, where whatever it fails with is put into words."""

import errno
import traceback

import av.error

from jobs.engine.runtime.subprocess_runner import disk_full, memory_full
from jobs.errors import InputError, JobError


def as_job_error(error: Exception) -> JobError:
    """Any failure as one that has a sentence for the owner."""
    if isinstance(error, JobError):
        return error
    detail = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(detail)
    if isinstance(error, MemoryError):
        return memory_full(detail)
    if isinstance(error, FileNotFoundError):
        return JobError("A file that this needs is gone from the server. Upload the recording again.", detail=detail)
    if isinstance(error, av.error.FFmpegError):
        # What the code that reads and writes media did not foresee is still most likely to lie in the recording.
        return InputError(
            "A part of this recording could not be read. Export it again, for example as MP4, and upload that.",
            detail=detail,
            code="undecodable",
        )
    message = "Something went wrong on the server. Tell the operator, who can see what it was."
    return JobError(message, detail=detail, code="internal")
