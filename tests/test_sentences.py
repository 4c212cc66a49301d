"""What people are told to do when something went wrong has to help: what fails every time is not to be tried again."""

import ast

import pytest

from tests.processes import BASE_DIR

MODULES = sorted(path.relative_to(BASE_DIR) for path in (BASE_DIR / "jobs").rglob("*.py"))


def sentences(module):
    """All texts of a module that are not its documentation, as they are read: parts that stand in a row are one."""
    for node in ast.walk(ast.parse((BASE_DIR / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value for part in node.values if isinstance(part, ast.Constant))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nobody_is_sent_to_try_again_what_fails_every_time(module):
    """A machine can be too busy, full or away, and then it is said until when; a recording stays what it is."""
    for text in sentences(module):
        assert "Try again;" not in text
        assert not text.rstrip().endswith("Try again.")
        if "recording" in text:
            assert "Upload it again" not in text
            assert "whole file again" not in text
