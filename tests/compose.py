"""compose.yaml as docker compose reads it: variables put in, anchors followed."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.processes import BASE_DIR

FILE = BASE_DIR / "compose.yaml"
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<kind>:?-)(?P<default>[^}]*))?\}")


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """With the value of each variable, or the default that is written beside it, and `$` for `$$`."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        given, default = environment.get(found["name"]), found["default"] or ""
        return default if given is None or (given == "" and found["kind"] == ":-") else given

    return VARIABLE.sub(value, text)


def filled(tree: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(tree, dict):
        return {key: filled(value, environment) for key, value in tree.items()}
    if isinstance(tree, list):
        return [filled(value, environment) for value in tree]
    return interpolated(tree, environment) if isinstance(tree, str) else tree


def loaded(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    return filled(yaml.safe_load(FILE.read_text()), environment or {})


def services(environment: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return loaded(environment)["services"]
