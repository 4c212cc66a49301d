"""OpenTelemetry's side of `tracing`, which alone imports it.

The thread that sends spans is started with the first one of a process, so that a worker, which makes none, has no
thread when it forks; each of its work-horses starts one and flushes it at its end. A collector that does not answer is
left alone for a while by all processes of one worker: they share the note of it.
"""

import contextlib
import functools
import logging
import mmap
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from jobs import build
from videoservice.tracing import Facts, Span

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 3.0
"""How long a batch may take to be sent, tries again among it, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise."""
LEFT_ALONE_SECONDS = 60.0
"""How long a collector that did not answer is not asked; what ends meanwhile is dropped."""
KINDS = {kind.name.lower(): kind for kind in SpanKind}
PROPAGATOR = TraceContextTextMapPropagator()


class Away:
    """Until when the collector is left alone, in memory that processes share that are forked from one."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)

    @property
    def until(self) -> float:
        """By the clock that all processes of a machine have (`time.monotonic`); 0 while it answers."""
        found: float = struct.unpack("d", self._shared[:])[0]
        return found

    @until.setter
    def until(self, value: float) -> None:
        self._shared[:] = struct.pack("d", value)


class Reason(logging.Filter):
    """Keeps what the library would log of each try, of the first one for the one line that we log."""

    told = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.told = self.told or record.getMessage()
        return False


AWAY = Away()
REASON = Reason()
trace_exporter._logger.addFilter(REASON)


class Exporter(SpanExporter):
    """Sends by OTLP over HTTP, and says once that it cannot."""

    def __init__(self) -> None:
        is_set = any(name in os.environ for name in ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"))
        self._otlp = OTLPSpanExporter(timeout=None if is_set else TIMEOUT_SECONDS)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        was_away = AWAY.until
        if time.monotonic() < was_away:
            return SpanExportResult.FAILURE
        REASON.told = ""
        result = self._otlp.export(spans)
        if result is not SpanExportResult.SUCCESS:
            AWAY.until = time.monotonic() + LEFT_ALONE_SECONDS
            if not was_away:
                log.warning("traces are dropped until their collector takes them: %s", REASON.told)
        elif was_away:
            AWAY.until = 0.0
            log.warning("the collector of traces is back")
        return result

    def shutdown(self) -> None:
        self._otlp.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Recorded(Span):
    """A span that is collected."""

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    def note(self, facts: Facts) -> None:
        self._inner.set_attributes(facts)

    def rename(self, name: str) -> None:
        self._inner.update_name(name)

    def fail(self, kind: str) -> None:
        self._inner.set_attribute("error.type", kind)
        self._inner.set_status(Status(StatusCode.ERROR, kind))

    def end(self, at: float | None = None) -> None:
        self._inner.end(_nanoseconds(at))

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        with trace.use_span(self._inner, record_exception=False, set_status_on_exception=False):
            yield

    @property
    def traceparent(self) -> str:
        return _traceparent(self._inner)


class Tracing:
    """What `tracing` asks for when somebody collects traces."""

    @staticmethod
    def begin(name: str, parent: str, kind: str, facts: Facts, at: float | None) -> Span:
        context = PROPAGATOR.extract({"traceparent": parent}) if parent else None
        began = _nanoseconds(at)
        return Recorded(_tracer().start_span(name, context, KINDS[kind], attributes=facts, start_time=began))

    @staticmethod
    def present() -> str:
        return _traceparent(trace.get_current_span())

    @staticmethod
    def flush() -> None:
        if _provider.cache_info().currsize:  # else there was no span, and no thread
            _provider().shutdown()


@functools.cache
def _provider() -> TracerProvider:
    """Of this process: made with its first span, as it starts a thread."""
    facts = {
        "service.version": build.ours(),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        "videoservice.process": sys.argv[1] if len(sys.argv) > 1 else "",
    }
    if not os.environ.get("OTEL_SERVICE_NAME"):
        facts["service.name"] = "videoservice"
    provider = TracerProvider(resource=Resource.create(facts), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    return provider


@functools.cache
def _tracer() -> trace.Tracer:
    return _provider().get_tracer("videoservice", build.ours())


def _traceparent(span: trace.Span) -> str:
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent", "")


def _nanoseconds(at: float | None) -> int | None:
    return None if at is None else int(at * 1e9)
