"""Memory that nobody uses any more, given back to the system.

The C library keeps what was freed, apart for each thread, and can reuse none of it for others. After the tables of a
long recording have been read by several threads that is more than the work itself takes.
"""

import ctypes


def give_back() -> None:
    """Let the C library return what it keeps; where it cannot (glibc alone does), nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
