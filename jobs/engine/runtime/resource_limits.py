"""How much memory and disk one piece of work may take, by the size of its recording and that of the machine.

The kernel holds this process and all that it starts to it (RLIMIT_DATA counts what is allocated, not what is mapped
from files, as models are). Without it a small file of huge frames takes what the other workers and the site need.
"""

import contextlib
import errno
import resource
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.runtime import cgroup, subprocess_runner
from jobs.errors import InputError, ToolError

BASE_BYTES = 4 << 30
"""Models, libraries, threads, audio."""
FRAMES = 200
"""Frames in decoders, filters and encoders, with what encoders keep beside each."""
FRAME_BYTES_PER_PIXEL = 3
"""4:2:0 of more than 8 bits."""
SHARE = Fraction(7, 10)
"""Of the machine's memory for all workers together."""
LEAST_BYTES = 2 << 30
FILE_BASE_BYTES = 16 << 30
FILE_BYTES_PER_PIXEL = Fraction(1, 4)
"""In each frame of a file that is written: ten times what good quality takes."""
FILE_BYTES_PER_SECOND = 4_000_000


def memory_bytes(info: MediaInfo, share: int) -> int:
    """`share` is what the machine has for one worker."""
    video = info.video
    return min(share, BASE_BYTES + (FRAMES * FRAME_BYTES_PER_PIXEL * video.width * video.height if video else 0))


def share_bytes(workers: int) -> int:
    return max(LEAST_BYTES, int(machine_bytes() * SHARE / workers))


def machine_bytes() -> int:
    """The memory of this machine, or of the container."""
    fields = Path("/proc/meminfo").read_text().split()
    return min([int(fields[fields.index("MemTotal:") + 1]) * 1024, *cgroup.memory_bytes()])


def file_bytes(info: MediaInfo) -> int:
    """The largest file that work on this recording may write."""
    video = info.video
    pixels_a_second = video.width * video.height * video.frame_rate if video else 0
    a_second = FILE_BYTES_PER_SECOND + FILE_BYTES_PER_PIXEL * pixels_a_second
    return FILE_BASE_BYTES + 4 * info.size_bytes + int(info.duration * a_second)


@contextlib.contextmanager
def held(info: MediaInfo, share: int) -> Iterator[None]:
    """Hold this process and what it starts to the bounds. Raises TooHeavy for what fails because of them."""
    wanted = {resource.RLIMIT_DATA: memory_bytes(info, share), resource.RLIMIT_FSIZE: file_bytes(info)}
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    for kind, (soft, hard) in before.items():
        resource.setrlimit(kind, (min([wanted[kind], *(one for one in (soft, hard) if one >= 0)]), hard))
    try:
        yield
    except Exception as error:
        lacking = lacked(error)
        if not lacking and is_about_media(error) and most_used_bytes() > wanted[resource.RLIMIT_DATA] / 2:
            lacking = "memory"
        if lacking:
            raise subprocess_runner.too_heavy(
                lacking, f"{error!r} {getattr(error, 'detail', '')}\nbounds: {wanted}"
            ) from error
        raise
    finally:
        for kind, both in before.items():
            resource.setrlimit(kind, both)


def is_about_media(error: Exception) -> bool:
    """Whether it may stand for a lack of memory: encoders then say no more than that they failed, decoders that the
    bytes are damaged. Work that has room enough stays far below its bound."""
    return isinstance(error, ToolError) or (isinstance(error, InputError) and error.code in ("damaged", "undecodable"))


def most_used_bytes() -> int:
    """The most memory that this process, or one that it has started, ever had in use."""
    # The kernel's ru_maxrss of a process begins with what its parent had in use, whatever it runs itself.
    fields = Path("/proc/self/status").read_text().split()
    own = int(fields[fields.index("VmHWM:") + 1])
    return 1024 * max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def lacked(error: BaseException | None) -> str:
    """What there was too little of, if that is what an error, or what it came from, is about."""
    while error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in subprocess_runner.NO_MEMORY):
            return "memory"
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return "room on the disk"
        error = error.__cause__
    return ""
