"""Chains as files: read in from JSON that somebody else may have written."""

import json
from typing import Any

from jobs.errors import InputError
from jobs.services.steps import StepError

LONGEST = 512 * 1024
"""Bytes of a file with a chain; thirty steps with all their parameters take about thirty thousand."""
FORM = 'It looks like {"name": "My chain", "steps": [{"operation": "trim", "params": {"start": 1}}]}.'
FIELDS = {"name": str, "operation": str, "params": dict, "input": str, "keep": bool}
WORDS = {str: "a text", dict: "an object", bool: "true or false"}


def read(text: bytes) -> tuple[str, list[dict[str, Any]]]:
    """The name and the raw steps of an exported chain. Raises InputError for what is none, and StepError about steps
    that are of the wrong shape; what is in them is not looked at."""
    if len(text) > LONGEST:
        raise InputError(f"A chain has at most {LONGEST // 1024} KB. This is another kind of file.", code="too_large")
    try:
        data = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"This is no JSON. {FORM}", code="no_json") from error
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
        raise InputError(f"This JSON is no chain. {FORM}", code="no_chain")
    name = data.get("name", "")
    if not isinstance(name, str):
        raise InputError("The name of a chain is a text. Put it in quotation marks.", code="no_chain")
    steps = data["steps"]
    if problems := [problem for number, step in enumerate(steps) for problem in _problems(number, step)]:
        raise StepError(problems)
    return name, [{key: value for key, value in step.items() if value is not None} for step in steps]


def _problems(number: int, step: Any) -> list[tuple[str, str]]:
    where = f"steps.{number}"
    if not isinstance(step, dict):
        return [(where, f"Step {number + 1} is no object. Write it in curly brackets.")]
    found = []
    for key, value in step.items():
        kind = FIELDS.get(key)
        if kind is None:
            found.append((f"{where}.{key:.40}", f"Step {number + 1}: there is no field “{key:.40}”. Leave it out."))
        elif value is not None and not isinstance(value, kind):
            found.append((f"{where}.{key}", f"Step {number + 1}: “{key}” has to be {WORDS[kind]}."))
    return found
