"""What can go wrong with a job, as one small tree.

Each error carries a stable `code`, a `message` for the owner (one or two sentences: what happened, then what to do),
a `detail` for the operator, and `permanent`: whether trying the very same again is pointless.
"""


class JobError(Exception):
    code = "failed"
    permanent = False

    def __init__(self, message: str, *, detail: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        if code is not None:
            self.code = code


class InputError(JobError):
    """The recording or the parameters do not allow the work; the owner can mend that."""

    code = "input"
    permanent = True


class NotNow(InputError):
    """Something else has to happen first; the very same may then be right."""

    code = "not_now"
    permanent = False


class TooHeavy(InputError):
    """The recording needs more memory, processor time or room than one piece of work may have: it will every time."""

    code = "too_heavy"


class ToolError(JobError):
    """An outside program failed on input that looked usable."""

    code = "tool"


class Crash(ToolError):
    """It broke down over its input: nobody ended it from outside."""


class ResourceError(JobError):
    """The machine ran out of something: disk, memory."""

    code = "resource"


class Busy(ResourceError):
    """The machine has too much to do; that says nothing about the input, and passes by itself."""

    code = "server_busy"
    retry_after_seconds = 30


class Cancelled(JobError):
    """The owner or an operator told the job to stop."""

    code = "cancelled"
    permanent = True


class Released(Cancelled):
    """The worker was told to go before the work was done; it is put back in line, and nothing is wrong with it."""

    code = "released"
    permanent = False


class TimedOut(JobError):
    """The work took longer than its operation allows."""

    code = "timeout"


class Lost(JobError):
    """The worker went away while it held the job."""

    code = "lost"
