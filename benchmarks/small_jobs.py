"""What small work costs: `python benchmarks/small_jobs.py [--rounds 10] [--requests 300]`.

Starts a site of its own in a temporary folder with a recording of 5 s (720p, H.264 and AAC). Five tables:

From a file to a result: its upload in one request (the looking at it, in a child, is most of that), then a job that
copies it, in the parts below. The first one comes before a server that forks such children is there; of the others
medians.

Jobs: from before `POST /jobs` is sent until the row says succeeded, in its parts: the request, in line (until a
work-horse has claimed the row) and work (until the results are in place). Medians in milliseconds; the second and third
are differences of times of the database.

Requests: processor time of the web process for each, one after the other over one connection, with a session; the
last one is a chunk of an upload.

Pages: how long the queue page takes on the clock, alone and beside two encodes of 4K.

Commands: processor time of `manage.py cut` on the recording, and of probing it in a bounded child.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from real_site import ROOT, real_site

EMAIL = "small@example.org"
CHUNK_BYTES = 1 << 20
RANGE = {"Range": "bytes=65536-131071"}
JOBS: list[tuple[str, str, dict[str, Any]]] = [
    ("trim at keyframes", "trim", {"start": 1, "end": 4}),
    ("convert, all copied", "convert", {"target": "mp4"}),
    ("extract-audio, copied", "extract-audio", {"format": "copy"}),
    ("thumbnails, 6", "thumbnails", {"count": 6}),
    ("silence-cut", "silence-cut", {}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="of each job and command")
    parser.add_argument("--requests", type=int, default=300)
    options = parser.parse_args()
    with real_site() as (site, folder):
        recording = made(folder / "five.mp4")
        video = uploaded(site, recording)
        print_table(
            "From a file to a result, ms",
            ("upload", "POST", "in line", "work", "all"),
            files(site, recording, options.rounds),
        )
        rows = [(name, latency(site, video, slug, params, options.rounds)) for name, slug, params in JOBS]
        print_table("Jobs, ms", ("POST", "in line", "work", "all", "slowest"), rows)
        print_table("Requests, ms of processor", ("each",), requests(site, video, options.requests))
        print_table("The queue page, ms", ("median", "95 %"), pages(site, folder))
    print_table("Commands, ms of processor", ("median", "worst"), commands(recording, folder, options.rounds))


def made(path: Path) -> Path:
    """Sound for 0.9 s of every 2, a keyframe each second."""
    from tests import media

    media.run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=5"),
        *("-f", "lavfi", "-i", "aevalsrc=0.4*sin(600*PI*t)*between(mod(t\\,2)\\,0.2\\,1.1):s=48000:d=5"),
        *("-c:v", "libx264", "-g", 25, "-sc_threshold", 0, "-pix_fmt", "yuv420p", "-c:a", "aac", media.url(path)),
    )
    return path


def uploaded(site: Any, recording: Path) -> str:
    with recording.open("rb") as file:
        answer = site.client(EMAIL).post("/api/v1/videos", files={"file": file}, data={"duplicate": "allow"})
    answer.raise_for_status()
    return str(answer.json()["id"])


def files(site: Any, recording: Path, rounds: int) -> list[tuple[str, list[float]]]:
    taken = []
    for _ in range(rounds + 1):
        began = time.time()
        video = uploaded(site, recording)
        there = time.time() - began
        _, slug, params = JOBS[1]
        taken.append([there, *done(site, video, slug, params)])
    first, *others = ([1000 * seconds for seconds in (*row[:-1], row[0] + row[-1])] for row in taken)
    medians = [statistics.median(column) for column in zip(*others, strict=True)]
    return [("the first", first), ("others, medians", medians)]


def latency(site: Any, video: str, slug: str, params: dict[str, Any], rounds: int) -> list[float]:
    taken = [done(site, video, slug, params) for _ in range(rounds + 1)]
    del taken[0]  # what is only done once
    medians = [statistics.median(column) for column in zip(*taken, strict=True)]
    return [1000 * seconds for seconds in (*medians, max(all for *_, all in taken))]


def done(site: Any, video: str, slug: str, params: dict[str, Any]) -> tuple[float, float, float, float]:
    """Seconds of the request, in line, at work, and in all."""
    client = site.client(EMAIL)
    began = time.time()
    answer = client.post("/api/v1/jobs", json={"video": video, "operation": slug, "params": params})
    posted = time.time() - began
    answer.raise_for_status()
    job = site.wait_for_job(answer.json()["id"])
    if job.status != job.Status.SUCCEEDED:
        raise SystemExit(f"{slug}: {job.status} {job.error_message} {job.error_detail}")
    return (posted, *stretches(job), job.finished_at.timestamp() - began)


def stretches(job: Any) -> tuple[float, float]:
    """Seconds in line and at work."""
    times: list[datetime] = [job.queued_at, job.started_at, job.finished_at]
    return (times[1] - times[0]).total_seconds(), (times[2] - times[1]).total_seconds()


def requests(site: Any, video: str, count: int) -> list[tuple[str, list[float]]]:
    client, pid = site.client(EMAIL), site.processes["web"].pid
    client.get("/").raise_for_status()
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("64 KiB of a recording", f"/videos/{video}/file", RANGE),
        ("64 KiB of it, API", f"/api/v1/videos/{video}/file", RANGE),
        ("its page", f"/videos/{video}/", {}),
        ("/healthz", "/healthz", {}),
    ]
    rows = []
    for name, path, headers in asked:
        for _ in range(20):
            client.get(path, headers=headers).raise_for_status()
        before = processor_seconds(pid)
        for _ in range(count):
            client.get(path, headers=headers).raise_for_status()
        rows.append((name, [1000 * (processor_seconds(pid) - before) / count]))
    rows.append(("1 MiB of an upload", [1000 * chunks(client, pid, count // 4) / (count // 4)]))
    return rows


def chunks(client: Any, pid: int, count: int) -> float:
    """Processor seconds of so many."""
    tus = {"Tus-Resumable": "1.0.0"}
    begun = client.post("/api/v1/uploads", headers=tus | {"Upload-Length": str((count + 1) * CHUNK_BYTES)})
    begun.raise_for_status()
    place, body = begun.headers["Location"], os.urandom(CHUNK_BYTES)
    before = processor_seconds(pid)
    for number in range(count):
        chunk = {"Upload-Offset": str(number * CHUNK_BYTES), "Content-Type": "application/offset+octet-stream"}
        client.patch(place, data=body, headers=tus | chunk).raise_for_status()
    spent = processor_seconds(pid) - before
    client.delete(place, headers=tus).raise_for_status()
    return spent


def pages(site: Any, folder: Path, count: int = 60) -> list[tuple[str, list[float]]]:
    """With a second worker for long jobs."""
    client = site.client(EMAIL)
    rows = [("alone", waits(client, count))]
    site.start_worker("cut")
    site.wait_ready()
    keep = {"keep": [[0, 9], [10, 19]], "render": "encode"}
    orders = [
        {"video": uploaded(site, large(folder, hue)), "operation": "silence-cut", "params": keep} for hue in (0, 9)
    ]
    encodes = [client.post("/api/v1/jobs", json=order).json()["id"] for order in orders]
    for job in encodes:
        site.wait_for_job(job, "running")
    time.sleep(5)
    rows.append(("beside two encodes", waits(client, count)))
    for job in encodes:
        if site.job(job).status != "running":
            raise SystemExit("an encode ended before the pages had come")
        client.post(f"/api/v1/jobs/{job}/cancel").raise_for_status()
    return rows


def large(folder: Path, hue: int) -> Path:
    from tests import media

    path = folder / f"large{hue}.mp4"
    media.run_ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=3840x2160:rate=25:duration=20,hue=h={hue}"),
        *("-f", "lavfi", "-i", "sine=duration=20", "-c:v", "libx264", "-preset", "ultrafast"),
        *("-pix_fmt", "yuv420p", "-c:a", "aac", media.url(path)),
    )
    return path


def waits(client: Any, count: int) -> list[float]:
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        client.get("/queue/").raise_for_status()
        spent.append(1000 * (time.perf_counter() - began))
    return [statistics.median(spent), sorted(spent)[count * 95 // 100]]


def processor_seconds(pid: int) -> float:
    """Of a process with its threads, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def commands(recording: Path, folder: Path, rounds: int) -> list[tuple[str, list[float]]]:
    from jobs.engine.pipelines import probe

    cut = [sys.executable, str(ROOT / "manage.py"), "cut", str(recording), str(folder / "cut.mp4")]
    works: list[tuple[str, Callable[[], object]]] = [
        ("manage.py cut", lambda: subprocess.run(cut, check=True, stdout=subprocess.DEVNULL)),
        ("probe with poster", lambda: probe.probe(recording, poster=folder / "poster.jpg")),
    ]
    rows = []
    for name, work in works:
        spent = []
        for _ in range(rounds):
            before = children_seconds()
            work()
            spent.append(1000 * (children_seconds() - before))
        rows.append((name, [statistics.median(spent), max(spent)]))
    return rows


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def print_table(title: str, columns: tuple[str, ...], rows: list[tuple[str, list[float]]]) -> None:
    print(f"{title:<28}" + "".join(f"{column:>9}" for column in columns))
    for name, values in rows:
        print(f"{name:<28}" + "".join(f"{value:>9.1f}" for value in values))
    print()


if __name__ == "__main__":
    main()
