"""What the buttons of a chain's editor do to its form: steps come, go, move, and come back."""

import dataclasses

from django.http import QueryDict

from jobs.chain_form import MOST_BEFORE, RECORDING, ChainForm, keys_of
from jobs.operations import registry
from jobs.services import flow, sent
from jobs.services.flow import Links


@dataclasses.dataclass(frozen=True)
class Changed:
    """A form after a button was pressed: what to show, what happened in words, and the id of where the hand goes."""

    data: QueryDict
    said: str = ""
    focus: str = ""


def change(form: ChainForm, do: str) -> Changed:
    """What a button of the editor does: `add:<operation>:<key>`, `earlier:<key>`, `later:<key>`, `remove:<key>`,
    `attach:<key>:<other>`, `insert:<key>:<other>`, `undo`. Anything else changes nothing."""
    verb, _, rest = do.partition(":")
    if verb == "undo":
        return _undone(form)
    if verb == "add":
        slug, _, source = rest.partition(":")
        return _added(form, slug, source)
    key, _, other = rest.partition(":")
    keys = {step.key: step for step in form.steps}
    if key not in keys or (other and other not in keys):
        return Changed(form.data)
    links = form.links
    shapes = {
        "earlier": lambda: flow.earlier(links, key),
        "later": lambda: flow.later(links, key),
        "remove": lambda: flow.removed(links, key),
        "attach": lambda: flow.attached(links, key, other),
        "insert": lambda: flow.inserted(links, key, other) if other else links,
    }
    shape = shapes[verb]() if verb in shapes else links
    if shape == links:
        return Changed(form.data, focus=f"node-{key}")
    data = _shaped(form, shape)
    if verb == "remove":
        left = [step.key for step in form.steps if step.key != key]
        source = keys[key].source
        focus = f"node-{source or left[0]}" if left else "add"
        return Changed(data, f"“{keys[key].name}” is gone. Undo brings it back.", focus)
    return Changed(data, _told(form, key, shape), f"node-{key}")


def _told(form: ChainForm, key: str, shape: Links) -> str:
    names = {step.key: step.name for step in form.steps}
    source = flow.source_of(shape, key)
    on = f"“{names[source]}”" if source else RECORDING
    followers = [f"“{names[link.key]}”" for link in shape if link.source == key]
    after = f", and {', '.join(followers)} on it" if followers else ""
    return f"“{names[key]}” works on {on} now{after}."


def _shaped(form: ChainForm, shape: Links) -> QueryDict:
    """The same fields in another shape, with the one that was as something to go back to."""
    data = form.data.copy()
    _remember(data, form)
    data.setlist("step", [link.key for link in shape])
    for link in shape:
        data[f"{link.key}-input"] = link.source
    for step in form.steps:
        if step.key not in {link.key for link in shape}:
            _forget(data, step.key)
    return data


def _remember(data: QueryDict, form: ChainForm) -> None:
    was = form.data.copy()
    for name in ("before", "do", "csrfmiddlewaretoken"):
        was.pop(name, None)
    data.setlist("before", [*form.before, was.urlencode()][-MOST_BEFORE:])


def _forget(data: QueryDict, key: str) -> None:
    for name in [name for name in data if name.startswith(f"{key}-")]:
        del data[name]


def _added(form: ChainForm, slug: str, source: str) -> Changed:
    keys = {step.key for step in form.steps}
    try:
        operation = registry.get(slug)
    except KeyError:
        return Changed(form.data)
    if form.is_full or (source and source not in keys):
        return Changed(form.data)
    data = form.data.copy()
    _remember(data, form)
    used = keys_of(data) + [key for one in form.before for key in keys_of(QueryDict(one))]
    key = f"s{1 + max((int(one[1:]) for one in used), default=0)}"
    data.appendlist("step", key)
    data[f"{key}-operation"] = slug
    data[f"{key}-called"] = ""
    data[f"{key}-input"] = source
    sent.fill(data, f"{key}-p", operation, {})
    after = next((f"“{step.name}”" for step in form.steps if step.key == source), RECORDING)
    return Changed(data, f"“{operation.title}” has been added. It works on {after}.", f"node-{key}")


def _undone(form: ChainForm) -> Changed:
    """Back to the shape before; what was typed since then stays."""
    if not form.before:
        return Changed(form.data)
    data = QueryDict(form.before[-1], mutable=True)
    there = keys_of(data)
    for key in {step.key for step in form.steps} & set(there):
        source = data.get(f"{key}-input", "")
        _forget(data, key)
        for name in [name for name in form.data if name.startswith(f"{key}-")]:
            data.setlist(name, form.data.getlist(name))
        data[f"{key}-input"] = source
    data["name"] = form.name
    data.setlist("before", form.before[:-1])
    back = [key for key in there if key not in {step.key for step in form.steps}]
    focus = f"node-{back[0]}" if back else "undo"
    return Changed(data, "The last change has been taken back.", focus)
