"""Progress of a command that a person waits for."""

import sys

WIDTH = 30


class Bar:
    """Progress on standard error, when that is a terminal."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, fraction: float, stage: str) -> None:
        if not sys.stderr.isatty():
            return
        done = round(WIDTH * fraction)
        line = f"[{'#' * done}{'.' * (WIDTH - done)}] {100 * fraction:3.0f} %  {stage}"
        if line != self._shown:
            sys.stderr.write(f"\r{line:<{len(self._shown)}}")
            sys.stderr.flush()
            self._shown = line

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write(f"\r{' ' * len(self._shown)}\r")
            sys.stderr.flush()
            self._shown = ""
