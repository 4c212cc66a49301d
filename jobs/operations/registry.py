"""The operations that this install offers, found by walking the package: a new file is all that it takes."""

import functools
import importlib
import pkgutil
from typing import Any

from jobs import operations
from jobs.operations.base import Operation


@functools.cache
def _found() -> dict[str, Operation[Any]]:
    found: dict[str, Operation[Any]] = {}
    for module in pkgutil.iter_modules(operations.__path__):
        for value in vars(importlib.import_module(f"{operations.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Operation) and "slug" in vars(value):
                found[value.slug] = value()
    return dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))


def every() -> list[Operation[Any]]:
    """All operations in the order of the page."""
    return list(_found().values())


def get(slug: str) -> Operation[Any]:
    """Raises KeyError when there is none of this name."""
    return _found()[slug]


def title(slug: str) -> str:
    """What to call it, also when it is not installed any more."""
    operation = _found().get(slug)
    return operation.title if operation else slug


def done(slug: str) -> str:
    """What a recording is called when it has been done, also when it is not installed any more."""
    operation = _found().get(slug)
    return operation.done if operation else f"{slug}: done"


def makes_versions(slug: str) -> bool:
    """Whether a recording that it makes stands for the whole of its own; not when it is not installed any more."""
    operation = _found().get(slug)
    return bool(operation and operation.makes_versions)


def version_name(slug: str) -> str:
    """What to call a version that it makes, also when it is not installed any more."""
    operation = _found().get(slug)
    return operation.version_name or operation.title if operation else slug
