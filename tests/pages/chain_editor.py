"""The editor of chains as a browser without scripts shows it."""

import html
import json
import re

from django.http import QueryDict

from jobs.services import steps
from jobs.services.steps import Step


def fields(page: str) -> QueryDict:
    """What a browser would send of the editor: every field with the value that is shown."""
    form = re.search(r'<form[^>]*id="chain".*?</form>', page, re.DOTALL).group()
    data = QueryDict(mutable=True)
    for tag in re.finditer(
        r"<(input|select|textarea)\b([^>]*)>(.*?)(?=<(?:input|select|textarea)\b|\Z)", form, re.DOTALL
    ):
        kind, attributes, inside = tag.groups()
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        name, value = found.get("name"), html.unescape(found.get("value", ""))
        if not name or found.get("type") == "file":
            continue
        if kind == "select":
            chosen = re.search(r'<option value="([^"]*)"\s+selected', inside)
            value = html.unescape(chosen.group(1)) if chosen else ""
        elif kind == "textarea":
            value = html.unescape(inside.split("</textarea>")[0]).lstrip("\n")
        elif found.get("type") in ("checkbox", "radio"):
            if not re.search(r"\bchecked\b", attributes):
                continue
            value = found.get("value", "on")
        data.appendlist(name, value)
    data.pop("csrfmiddlewaretoken", None)
    return data


def as_saved(chain: list[Step]) -> list[Step]:
    """As it comes back from a row: JSON knows no tuples."""
    return steps.stored(json.loads(json.dumps([step.to_json() for step in chain])))


class Editor:
    """A browser without scripts at the editor."""

    def __init__(self, client, address="/chains/new"):
        self.client, self.address = client, address
        self.answer = client.get(address)
        self.data = fields(self.page)

    @property
    def page(self) -> str:
        return self.answer.content.decode()

    def press(self, do: str):
        data = self.data.copy()
        data["do"] = do
        self.answer = self.client.post(self.address.partition("?")[0], data.dict() | dict(data.lists()))
        if self.answer.status_code != 302:
            self.data = fields(self.page)
        return self

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Key, operation, and what it works on."""
        return [(key, self.data[f"{key}-operation"], self.data[f"{key}-input"]) for key in self.data.getlist("step")]
