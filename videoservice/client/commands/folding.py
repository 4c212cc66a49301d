"""`--run OPERATION KEY=VALUE...`: an option that takes the parameters behind it with it."""

import re
from typing import Any

from typer.core import TyperCommand

PARAMETER = re.compile(r"[A-Za-z][\w-]*=.*", re.DOTALL)
BETWEEN = "\x1f"
"""Stands between an operation and its parameters while the parser has them as one word."""


class Folding(TyperCommand):
    """A command that has such options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, folded(args))


def folded(args: list[str]) -> list[str]:
    """Each `--run` with its operation and parameters in one word."""
    words: list[str] = []
    taking = False
    waiting = False
    for number, word in enumerate(args):
        if word == "--":
            return words + args[number:]
        if waiting:
            words[-1] += f"={word}"
            waiting, taking = False, True
        elif taking and PARAMETER.fullmatch(word):
            words[-1] += f"{BETWEEN}{word}"
        else:
            words.append(word)
            taking, waiting = word.startswith("--run="), word == "--run" and number + 1 < len(args)
    return words


def unfolded(text: str) -> tuple[str, list[str]]:
    """The operation and its parameters."""
    operation, *pairs = text.split(BETWEEN)
    return operation, pairs
