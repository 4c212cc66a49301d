"""What a command says: results to standard output, everything in passing to standard error.

With `--json` standard output has one document, or one line for each event, and nothing else.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from videoservice.client.failures import Failure


class Output:
    """Where results and words go. `live` says whether somebody looks at a terminal, where bars can move."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, markup=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def live(self) -> bool:
        return self.err.is_terminal

    def document(self, content: Any) -> None:
        """The one result of a command, for programs."""
        self._line(json.dumps(content, ensure_ascii=False, indent=2))

    def event(self, kind: str, sentence: str = "", **facts: Any) -> None:
        """Something came to pass: a line of JSON for programs, a sentence for people ("" for none)."""
        if self.as_json:
            self._line(json.dumps({"event": kind, **facts}, ensure_ascii=False))
        elif sentence:
            self.say(sentence)

    def result(self, content: Any, sentence: str) -> None:
        """A document for programs, a sentence for people."""
        if self.as_json:
            self.document(content)
        else:
            self.out.print(sentence, soft_wrap=True)

    def table(self, content: Any, columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
        """A list: a document for programs, a table on a terminal, else a line a row with tabs between its cells."""
        if self.as_json:
            self.document(content)
        elif not rows:
            self.note(empty)
        elif not self.out.is_terminal:
            for row in rows:
                self._line("\t".join(" ".join(cell.split()) for cell in row))
        else:
            self.out.print(drawn(columns, rows))

    def say(self, sentence: str) -> None:
        """In passing, for people."""
        self.err.print(sentence, soft_wrap=True)

    def note(self, sentence: str) -> None:
        """In passing, for people alone: not where a program reads."""
        if not self.as_json:
            self.say(sentence)

    def failure(self, failure: Failure) -> None:
        self.err.print(Text("videoservice: ", style="bold red") + Text(failure.message), soft_wrap=True)

    def _line(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()  # a program that reads events wants them now


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table for a terminal, its first columns as short as they are."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    return table


STYLES = {"failed": "red", "succeeded": "green", "running": "cyan", "cancelled": "dim", "waiting": "dim"}
