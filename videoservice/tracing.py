"""Traces of what is done, by OpenTelemetry: on when OTEL_EXPORTER_OTLP_ENDPOINT names who collects them.

Without it nothing of OpenTelemetry is imported, and a span is an object that does nothing. A trace goes on from one
process to the next by its `traceparent` (W3C Trace Context), which requests bring and rows keep. No span names a
person, an address that somebody asked for, a file or a token: it tells what was done, how long that took and how it
ended.
"""

import contextlib
import functools
import os
import re
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videoservice import tracing_sdk

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
LONGEST = 55
"""How long a traceparent is."""
Facts = Mapping[str, str | int | float | bool]


class Span:
    """What is being done; this one tells nobody."""

    def note(self, facts: Facts) -> None:
        """Add facts, by names of OpenTelemetry's semantic conventions or of `videoservice.`."""

    def rename(self, name: str) -> None:
        """Give it the name that is only known now."""

    def fail(self, kind: str) -> None:
        """It ended badly: a code or the name of an exception, never its words, which may name files."""

    def end(self, at: float | None = None) -> None:
        """It is over, now or at this time in seconds since 1970. Only what was begun with `begin` has to be told."""

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Inside, spans of this thread are parts of this one."""
        yield

    @property
    def traceparent(self) -> str:
        """What makes spans elsewhere a part of this one."""
        return ""


NOBODYS = Span()
NONE: Facts = MappingProxyType({})


@functools.cache
def wanted() -> bool:
    """Whether somebody collects traces."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not is_off and any(os.environ.get(name, "").strip() for name in ENDPOINTS)


def keep_out() -> None:
    """Keep redis-py from loading OpenTelemetry's metrics, as it does wherever they are installed: nobody reads them,
    and each process would take some hundredths of a second longer to start. To be called before it is imported."""
    if not wanted():
        for name in ("opentelemetry.metrics", "opentelemetry.sdk.metrics"):
            sys.modules.setdefault(name, None)  # type: ignore[arg-type] # import then says that there is no such module


def begin(name: str, parent: str = "", *, kind: str = "internal", facts: Facts = NONE, at: float | None = None) -> Span:
    """A span that its caller has to `end`, begun now or at this time in seconds since 1970.

    `parent` is a traceparent, and without one it is a part of the current span of this thread, or begins a trace.
    `kind`: internal, server, client, producer or consumer.
    """
    return sdk().begin(name, parent if TRACEPARENT.fullmatch(parent) else "", kind, facts, at) if wanted() else NOBODYS


@contextlib.contextmanager
def span(name: str, parent: str = "", *, kind: str = "internal", facts: Facts = NONE) -> Iterator[Span]:
    """A span for the time of a block, or of a call of the function that it is put above. What is raised through it is
    a failure."""
    begun = begin(name, parent, kind=kind, facts=facts)
    try:
        with begun.current():
            yield begun
    except BaseException as error:
        begun.fail(failure(error))
        raise
    finally:
        begun.end()


def failure(error: BaseException) -> str:
    """What to call it: the code of one of ours, else its kind."""
    return str(getattr(error, "code", "") or type(error).__name__)


def present() -> str:
    """The traceparent of what is being done in this thread; "" where nothing is, or nobody collects it."""
    return sdk().present() if wanted() else ""


def load() -> None:
    """Import what spans need, before processes are forked that need it; starts no thread and opens no connection."""
    if wanted():
        sdk()


def flush() -> None:
    """Send what is held, before a process ends that does not end in order. Takes seconds at most; then tracing is over
    in this process."""
    if wanted():
        sdk().flush()


@functools.cache
def sdk() -> "type[tracing_sdk.Tracing]":
    from videoservice.tracing_sdk import Tracing

    return Tracing
