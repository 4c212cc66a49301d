"""Traces, collected by a real receiver of OTLP over HTTP: one from an upload to its results, none when nobody asks."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests import media, tus
from tests.chains.conftest import step
from tests.elsewhere import Elsewhere, Recording
from tests.processes import BASE_DIR, wait_for
from tests.receivers import Receiver, receiving
from tests.settings import free_port
from tests.site import Site

pytestmark = pytest.mark.one_database
API = "/api/v1"
ANN = "ann@example.org"
NAME = "secret-meeting.mp4"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
STILLS = step("Stills", "thumbnails", count=1)
STEPS = [step("Trim", "trim", start=1), step("Stills", "thumbnails", "Trim", count=1)]


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiving(body=b"") as receiver:
        yield receiver


@pytest.fixture(scope="module")
def site(sites: Any, collector: Receiver) -> Iterator[Site]:
    made = sites.make(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=ours",
        OTEL_BSP_SCHEDULE_DELAY="200",
        WEBHOOK_PRIVATE_ADDRESSES="1",
    )
    yield made
    made.stop()


def exports(collector: Receiver) -> list[ExportTraceServiceRequest]:
    return [ExportTraceServiceRequest.FromString(one.body) for one in list(collector.received)]


def spans(collector: Receiver, trace: str = TRACE) -> list[Span]:
    return [
        span
        for export in exports(collector)
        for resource in export.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == trace
    ]


def facts(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def processes(collector: Receiver, name: str) -> set[str]:
    """Which processes have sent spans of this name, by what each is."""
    return {
        next(one.value.string_value for one in resource.resource.attributes if one.key == "videoservice.process")
        for export in exports(collector)
        for resource in export.resource_spans
        for scope in resource.scope_spans
        if any(span.name == name for span in scope.spans)
    }


def recording(folder: Path) -> bytes:
    return media.video(folder / NAME, seconds=3).read_bytes()


def test_one_trace_leads_from_an_upload_through_a_chain_to_its_results_and_who_is_told(
    site: Site, collector: Receiver, tmp_path: Path
):
    def named(name: str) -> list[Span]:
        return [span for span in spans(collector) if span.name == name]

    ann = site.client(ANN)
    with receiving() as told:
        secret = ann.post(f"{API}/webhooks", json={"url": told.url, "events": ["pipeline.finished"]}).json()["secret"]
        chain = ann.post(f"{API}/pipelines", json={"name": "Mine", "steps": STEPS})
        assert chain.status_code == 201, chain.text
        data = recording(tmp_path)
        begun = tus.begin(ann, len(data), {"traceparent": PARENT}, filename=NAME, pipeline="mine")
        half = len(data) // 2
        for offset, chunk in ((0, data[:half]), (half, data[half:])):
            assert tus.patch(ann, begun.headers["Location"], offset, chunk).status_code == 204
        wait_for(lambda: told.received, f"the webhook to be called\n{site.said()}", 60)
        wait_for(lambda: named("call a webhook"), "its span")
        assert told.received[0].headers["traceparent"].split("-")[1] == TRACE

    (request,) = named("POST /uploads")
    assert request.parent_span_id.hex() == PARENT.split("-")[2], "what asks is told where it came from"
    assert request.kind == Span.SPAN_KIND_SERVER
    assert facts(request)["http.response.status_code"] == 201
    assert {span.parent_span_id for span in named("take a chunk")} == {request.span_id}
    assert len(named("take a chunk")) == 2 and len(named("receive a recording")) == 1

    work = {span.name: span for span in spans(collector) if span.kind == Span.SPAN_KIND_CONSUMER}
    assert set(work) == {"fast trim", "fast thumbnails"}, "each step of the chain by whoever did it"
    for name, attempt in work.items():
        parts = [span.name for span in spans(collector) if span.parent_span_id == attempt.span_id]
        assert {"fetch the source", "work", "publish the results"} <= set(parts), name
    waits = named("in line for fast")
    assert sorted(facts(span)["videoservice.work"] for span in waits) == ["thumbnails", "trim"]
    programs = [span for span in spans(collector) if span.name.startswith("run ")]
    assert programs and all(set(facts(span)) == {"process.executable.name", "process.exit.code"} for span in programs)
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans(collector))
    assert processes(collector, "fast trim") == {"work"} and processes(collector, "POST /uploads") == {"serve"}
    assert all(one.headers["x-tenant"] == "ours" for one in collector.received)

    sent = b"".join(one.body for one in collector.received)
    for private in (ANN, NAME, "secret-meeting", ann.cookies["sessionid"], secret, told.url):
        assert private.encode() not in sent, private


def test_a_recording_from_an_address_and_the_work_on_it_are_one_trace(site: Site, collector: Receiver, tmp_path: Path):
    ann, trace = site.client("bob@example.org"), "c" * 32
    with Elsewhere(Recording(recording(tmp_path))) as server:
        ann.post(f"{API}/pipelines", json={"name": "Stills", "steps": [STILLS]}).raise_for_status()
        asked = {"url": f"{server.url}/{NAME}", "pipeline": "stills"}
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        answer = ann.post(f"{API}/videos", json=asked, headers=headers)
        assert answer.status_code < 300, answer.text

        def done() -> list[Span]:
            return [span for span in spans(collector, trace) if span.name == "fast thumbnails"]

        (job,) = wait_for(done, f"the work on it\n{site.said()}", 60)
    named = {span.span_id: span for span in spans(collector, trace)}
    (fetched,) = [span for span in named.values() if span.name == "fetch import"]
    assert named[fetched.parent_span_id].name == "POST /api/v1/videos"
    assert job.parent_span_id in named, "what the import has begun"
    assert {"fetch from the address", "receive a recording"} <= {span.name for span in named.values()}
    assert server.url.encode() not in b"".join(one.body for one in collector.received)


def test_what_fails_is_told_by_its_code(site: Site, collector: Receiver, tmp_path: Path):
    ann = site.client(ANN)
    trace = TRACE[::-1]
    answer = ann.post(f"{API}/videos?duplicate=allow", files={"file": (NAME, recording(tmp_path))})
    video = answer.json()["id"]
    with site.orm():
        from jobs.models import Video

        key = Video.objects.get(pk=video).key
    (site.media / key).unlink()
    asked = {"video": video, "operation": "thumbnails", "params": {"count": 1}}
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    job = ann.post(f"{API}/jobs", json=asked, headers=headers).json()["id"]
    code = site.wait_for_job(job, "failed").error_code

    def failed() -> list[Span]:
        return [span for span in spans(collector, trace) if span.name == "fast thumbnails"]

    (span,) = wait_for(failed, f"the span of the attempt\n{site.said()}")
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert facts(span)["error.type"] == span.status.message == code
    ann.get(f"{API}/videos/{video}/none", headers=headers)

    def refused() -> list[Span]:
        return [span for span in spans(collector, trace) if facts(span).get("http.response.status_code") == 404]

    (lost,) = wait_for(refused, "the span of the request")
    assert lost.name == "GET" and lost.status.code == Status.STATUS_CODE_UNSET, "whatever strangers ask for is no name"


def test_what_is_asked_not_to_be_recorded_is_not(site: Site, collector: Receiver):
    trace = "a" * 32
    site.client().get("/accounts/login/", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
    site.client().get("/accounts/login/", headers={"traceparent": f"00-{'b' * 32}-00f067aa0ba902b7-01"})
    wait_for(lambda: spans(collector, "b" * 32), "the span that was asked for")
    assert not spans(collector, trace)


def test_a_collector_that_is_away_is_said_once_by_each_process_and_holds_nothing_up(
    make_site: Callable[..., Site], tmp_path: Path
):
    endpoint = f"http://127.0.0.1:{free_port()}"
    site = make_site(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="100")
    ann = site.client(ANN)
    answer = ann.post(f"{API}/videos", files={"file": (NAME, recording(tmp_path))})
    asked = {"video": answer.json()["id"], "operation": "thumbnails"}
    for count in (1, 2, 3):
        job = ann.post(f"{API}/jobs", json=asked | {"params": {"count": count}}).json()["id"]
        site.wait_for_job(job, "succeeded")
    line = "traces are dropped until their collector takes them"
    (worker,) = site.workers("fast")
    wait_for(lambda: line in worker.said(), "the worker to say so")
    time.sleep(0.5)
    assert worker.said().count(line) == site.processes["web"].said().count(line) == 1
    assert "Connection refused" in worker.said()


def test_nothing_of_it_is_loaded_where_nobody_collects_traces():
    code = (
        "import sys, django; django.setup()\n"
        "import videoservice.asgi, jobs.fetching, jobs.delivering, jobs.management.commands.work as work\n"
        "work.preload()\n"
        "from videoservice import tracing\n"
        "with tracing.span('anything') as span: assert span is tracing.NOBODYS and tracing.present() == ''\n"
        "print([name for name, one in sys.modules.items() if one and name.startswith('opentelemetry')])\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    env["DJANGO_SETTINGS_MODULE"] = "videoservice.settings"
    said = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, env=env, capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr


def test_a_worker_that_collects_traces_has_no_thread_when_it_forks():
    code = (
        "import sys, threading, django; django.setup()\n"
        "import jobs.management.commands.work as work\n"
        "work.preload()\n"
        "assert 'opentelemetry.sdk.trace' in sys.modules\n"
        "print(threading.active_count())\n"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "videoservice.settings", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1"}
    said = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, env=env, capture_output=True, text=True)
    assert said.stdout.strip() == "1", said.stderr
