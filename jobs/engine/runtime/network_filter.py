"""No network for this process and all that it starts, by a filter on system calls (seccomp).

An empty network namespace (`subprocess_runner.no_network`) is not to be had in many containers; a filter can be had by
anybody who gives up gaining privileges. Both together are no harm.
"""

import ctypes
import errno
import platform
import struct

PR_GET_SECCOMP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 21, 22, 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
# Of classic BPF: load a word of the system call's data, jump if equal, jump if greater or equal, return.
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE = 0, 4
"""Where the data has the system call's number and what it was made for."""
SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""By machine: AUDIT_ARCH and the number of socket(2)."""
IO_URING_SETUP = 425
"""Rings can make sockets without socket(2)."""
X32 = 0x40000000
"""From here on are the numbers of x86's second set of system calls."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def possible() -> bool:
    """Whether this kernel has such filters, and we know its numbers."""
    return platform.machine() in SOCKET and _prctl(PR_GET_SECCOMP, 0, 0) >= 0


def enter() -> bool:
    """Refuse sockets from now on, for good. Call it before any thread is started. False where that is not possible."""
    if not possible():
        return False
    code = instructions(*SOCKET[platform.machine()])
    program = _Program(len(code) // 8, code)
    return (
        _prctl(PR_SET_NO_NEW_PRIVS, 1, 0) == 0
        and _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program)) == 0
    )


def instructions(architecture: int, socket: int) -> bytes:
    """The filter. Jumps count from the next instruction; the last one refuses."""
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 0, 5, architecture),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 3, 0, X32),
        (EQUAL, 2, 0, socket),
        (EQUAL, 1, 0, IO_URING_SETUP),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | errno.EACCES),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _prctl(option: int, second: int, third: int) -> int:
    call = getattr(ctypes.CDLL(None), "prctl", None)
    if call is None:
        return -1
    return int(call(ctypes.c_int(option), *(ctypes.c_ulong(value) for value in (second, third, 0, 0))))
