"""How the C library deals with the memory of frames.

By itself it comes to keep what was freed, apart for each thread, up to blocks of 32 MiB, and can reuse none of it for
others. With a few encoders and decoders of large frames that is more than the work itself takes.
"""

import ctypes

M_MMAP_THRESHOLD = -3
LARGE = 1 << 20


def give_back_large_blocks() -> None:
    """From now on have blocks of 1 MiB or more returned to the system when they are freed, in all of this process.

    Where the C library has no such setting (glibc alone does), nothing happens.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting:
        setting(M_MMAP_THRESHOLD, LARGE)
