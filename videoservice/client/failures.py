"""What ends a command, each with the exit status by which scripts tell them apart. The message is a sentence."""

from typing import Any

INTERRUPTED = 130
"""What shells call an end by Ctrl-C."""


class Failure(Exception):
    """A job failed, or the site refused something. `code` and `detail` are the API's."""

    status = 1

    def __init__(self, message: str, code: str = "failed", detail: Any = None) -> None:
        super().__init__(message)
        self.message, self.code, self.detail = message, code, detail

    def to_json(self) -> dict[str, Any]:
        shown = {"code": self.code, "message": self.message}
        return shown if self.detail is None else shown | {"detail": self.detail}

    @classmethod
    def of_system(cls, error: OSError) -> "Failure":
        """What this machine refused, such as to read a file or to write to a full disk."""
        where = f" ({error.filename})" if error.filename else ""
        return cls(f"{error.strerror or error}{where}.", "system")


class Misused(Failure):
    """Asked for in a way that cannot be done: a name that is not there, a value that does not fit."""

    status = 2


class SignedOut(Failure):
    """No token, or one that may not do this."""

    status = 3


class Unreachable(Failure):
    """Nobody answers, or says that they cannot now."""

    status = 4
