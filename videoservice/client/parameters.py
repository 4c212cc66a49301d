"""`key=value` as a parameter of an operation, by the JSON schema that the site gives of it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from videoservice.client.failures import Misused
from videoservice.client.wording import listed

Schema = Mapping[str, Any]
Found = Callable[[str, str], str]
"""Gives the id of another file that work needs, by its kind (recording, image) and how a person calls it."""
WORDS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}
NOTHING = ("", "null", "none")
KINDS = {"integer": "a whole number", "number": "a number", "boolean": "yes or no", "null": "none", "string": "a text"}


class Unfit(ValueError):
    """The text is no value of this schema."""


def parsed(schema: Schema, pairs: Iterable[str], found: Found) -> dict[str, Any]:
    """The parameters that `key=value` words give; dashes in a key stand for underscores.

    Raises Misused for a key that the operation does not have, or a value that does not fit its type.
    """
    known: Mapping[str, Schema] = schema["properties"]
    params: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        name = key.strip().replace("-", "_")
        if not equals:
            raise Misused(f"“{pair}” is no parameter. Write it as NAME=VALUE.")
        if name not in known:
            raise Misused(f"There is no parameter “{key}”. There are {', '.join(sorted(known))}.")
        if name in params:
            raise Misused(f"“{name}” is given twice.")
        try:
            params[name] = value(known[name], text.strip(), found)
        except Unfit:
            raise Misused(f"{name} has to be {described(known[name])}, not “{text}”.") from None
    return params


def value(schema: Schema, text: str, found: Found) -> Any:
    """Raises Unfit."""
    if options := schema.get("anyOf"):
        return first_fit([{**without(schema), **option} for option in options], text, found)
    if kind := schema.get("x-input"):
        return None if schema.get("type") == "null" and text in NOTHING else found(kind, text)
    if "const" in schema or "enum" in schema:
        return choice(schema.get("enum", [schema.get("const")]), text)
    return READERS[schema.get("type", "string")](schema, text, found)


def without(schema: Schema) -> dict[str, Any]:
    return {name: rule for name, rule in schema.items() if name != "anyOf"}


def first_fit(options: Iterable[Schema], text: str, found: Found) -> Any:
    """Texts last, as every number is one as well."""
    for option in sorted(options, key=lambda option: option.get("type") == "string" and "const" not in option):
        try:
            return value(option, text, found)
        except Unfit:
            continue
    raise Unfit


def choice(choices: Iterable[Any], text: str) -> Any:
    for one in choices:
        if str(one) == text:
            return one
    raise Unfit


def boolean(schema: Schema, text: str, found: Found) -> bool:
    if text.lower() not in WORDS:
        raise Unfit
    return WORDS[text.lower()]


def integer(schema: Schema, text: str, found: Found) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise Unfit
    return int(text)


def number(schema: Schema, text: str, found: Found) -> float:
    """Also a time, such as 1:02:03.5, in seconds."""
    if not re.fullmatch(r"[+-]?\d{1,18}(:\d\d?){0,2}(\.\d{1,18})?", text, re.ASCII):
        raise Unfit
    *larger, seconds = text.lstrip("+-").split(":")
    total = 0
    for part in larger:
        total = total * 60 + int(part) * 60
    size = total + (float(seconds) if "." in seconds else int(seconds))
    return -size if text.startswith("-") else size


def nothing(schema: Schema, text: str, found: Found) -> None:
    if text.lower() not in NOTHING:
        raise Unfit


def words(schema: Schema, text: str, found: Found) -> str:
    return text


def array(schema: Schema, text: str, found: Found) -> list[Any]:
    """As JSON, or its items with commas between them; a pair of numbers as 12.5-20."""
    if text.startswith("["):
        try:
            given: list[Any] = json.loads(text)
        except ValueError:
            raise Unfit from None
        return given
    items = [item.strip() for item in text.split(",") if item.strip()]
    inner = schema.get("items", {})
    return [pair(inner, item, found) if inner.get("type") == "array" else value(inner, item, found) for item in items]


def pair(schema: Schema, text: str, found: Found) -> list[Any]:
    first, dash, last = text.partition("-")
    if not dash:
        raise Unfit
    of = schema.get("prefixItems") or [schema.get("items", {})] * 2
    return [value(of[0], first.strip(), found), value(of[1], last.strip(), found)]


READERS: Mapping[str, Callable[[Schema, str, Found], Any]] = {
    "boolean": boolean,
    "integer": integer,
    "number": number,
    "null": nothing,
    "string": words,
    "array": array,
}


def described(schema: Schema) -> str:
    """What a value has to be, in words."""
    if options := schema.get("anyOf"):
        return listed([described(option) for option in options])
    if "const" in schema:
        return f"“{schema['const']}”"
    if "enum" in schema:
        return listed([str(one) for one in schema["enum"]])
    if schema.get("type") == "array":
        inner = schema.get("items", {})
        ranges = inner.get("type") == "array"
        return "ranges such as 0-12.5,20-31" if ranges else f"a list with commas, each {described(inner)}"
    return KINDS.get(schema.get("type", "string"), "a text")
