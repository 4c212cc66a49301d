"""Place and time left as promised against what came: `python benchmarks/promises.py [--jobs 50] [--learn 80]`.

Starts a site of its own in a temporary folder, which has learnt nothing. Three accounts ask for work of mixed kinds on
recordings of mixed lengths and sizes, in bursts, through the API: first `--learn` jobs, then `--jobs` that are looked
at. What is promised is what `POST /jobs` answers (queue_position, wait_seconds, work_seconds) and, of running jobs,
what the row says each half second (eta_seconds). Ratios are promised to came; the times that came are the database's.
"""

import argparse
import dataclasses
import itertools
import random
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from real_site import real_site

OWNERS = ("ann@example.org", "bob@example.org", "cid@example.org")
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("thumbnails", {"mode": "storyboard"}),
    ("trim", {"start": 1, "end": 6}),
    ("silence-cut", {}),
    ("change-speed", {"speed": 1.5}),
    ("convert", {"target": "mp4", "quality": "small"}),
    ("watermark", {"text": "Draft"}),
    ("clean-audio", {}),
    ("transcribe", {"engine": "pocketsphinx"}),
]
LITTLE_SECONDS = 2.0
"""Waits and times below this count as right where what came is below too."""
SOON_SECONDS = 5.0
"""Less than this to go counts as this."""


@dataclasses.dataclass
class Promise:
    kind: str
    job: str
    position: int
    wait: dict[str, float] | None
    work: dict[str, float] | None
    ahead: int = 0
    waited: float = 0.0
    worked: float = 0.0
    left: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    """Of a running job: when (seconds since the epoch), and how many seconds it said were left."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--learn", type=int, default=80)
    options = parser.parse_args()
    with real_site() as (site, folder):
        recordings, chance = made(folder), random.Random(7)
        kept(site, recordings, options.learn, chance)
        report(kept(site, recordings, options.jobs, chance))


def made(folder: Path) -> list[Path]:
    """Recordings of three sizes and lengths: pictures that move, and sound with pauses."""
    from tests import media

    recordings = []
    for size, seconds in (("320x180", 12), ("640x360", 40), ("1280x720", 20)):
        recordings.append(folder / f"{size}.mp4")
        media.run_ffmpeg(
            *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}", "-f", "lavfi", "-i"),
            f"aevalsrc=0.3*sin(2*PI*t*(180+40*sin(3*t)))*between(mod(t\\,3)\\,0.2\\,2.1):s=48000:d={seconds}",
            *("-c:v", "libx264", "-g", 50, "-pix_fmt", "yuv420p", "-c:a", "aac", media.url(recordings[-1])),
        )
    return recordings


def uploaded(client: Any, recording: Path, number: int) -> str:
    """The same recording as bytes of its own: a box of a name that is skipped by all is put behind it."""
    box = (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big")
    answer = client.post("/api/v1/videos", files={"file": (recording.name, recording.read_bytes() + box)})
    answer.raise_for_status()
    return str(answer.json()["id"])


def kept(site: Any, recordings: list[Path], count: int, chance: random.Random) -> list[Promise]:
    """Ask for so many jobs, wait for all, and note what came."""
    clients = {email: site.client(email) for email in OWNERS}
    owners = chance.choices(OWNERS, k=count)
    videos = [uploaded(clients[email], chance.choice(recordings), chance.getrandbits(31)) for email in owners]
    kinds = itertools.islice(itertools.cycle(chance.sample(KINDS, len(KINDS))), count)
    promises: list[Promise] = []
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(clients, promises, over))
    watcher.start()
    for (slug, params), email, video in zip(kinds, owners, videos, strict=True):
        body = {"video": video, "operation": slug, "params": params}
        answer = clients[email].post("/api/v1/jobs", json=body)
        answer.raise_for_status()
        said = answer.json()
        kind = " ".join([slug, *(str(value) for value in params.values() if isinstance(value, str))])
        promises.append(
            Promise(kind, said["id"], said["queue_position"] or 0, said["wait_seconds"], said["work_seconds"])
        )
        if chance.random() < 0.25:  # the end of a burst
            time.sleep(chance.uniform(1, 6))
    rows = {promise.job: site.wait_for_job(promise.job, seconds=3600) for promise in promises}
    over.set()
    watcher.join()
    for promise in promises:
        job = rows[promise.job]
        if job.status != "succeeded":
            raise SystemExit(f"{promise.kind}: {job.status} {job.error_message} {job.error_detail}")
        promise.waited = (job.started_at - job.queued_at).total_seconds()
        promise.worked = (job.finished_at - job.started_at).total_seconds()
        end = job.finished_at.timestamp()
        promise.left = [(at, max(SOON_SECONDS, left) / max(SOON_SECONDS, end - at)) for at, left in promise.left]
        same = [other for other in rows.values() if other.queue == job.queue and other.pk != job.pk]
        promise.ahead = 1 + sum(job.queued_at < other.started_at < job.started_at for other in same)
    return promises


def watch(clients: dict[str, Any], promises: list[Promise], over: threading.Event) -> None:
    while not over.wait(0.5):
        for client in clients.values():
            items = client.get("/api/v1/jobs", params={"status": "running"}).json()["items"]
            for promise in list(promises):
                for item in items:
                    if item["id"] == promise.job and item["eta_seconds"] is not None:
                        promise.left.append((time.time(), item["eta_seconds"]))


def ratio(promised: float, came: float) -> float:
    if promised < LITTLE_SECONDS and came < LITTLE_SECONDS:
        return 1.0
    return max(0.1, promised) / max(0.1, came)


def report(promises: list[Promise]) -> None:
    print(f"{'':30}{'jobs':>5}{'work, median':>14}{'worst':>8}{'wait, median':>14}{'worst':>8}{'left, most':>12}")
    kinds = sorted({promise.kind for promise in promises})
    for kind in [*kinds, "all"]:
        chosen = [promise for promise in promises if kind in (promise.kind, "all")]
        work = [ratio(one.work["likely"], one.worked) for one in chosen if one.work]
        wait = [ratio(one.wait["likely"], one.waited) for one in chosen if one.wait]
        most = max((left for one in chosen for _, left in one.left), default=0)
        print(f"{kind:30}{len(chosen):5}{told(work)}{told(wait)}{most:12.1f}")
    for name, pairs in (
        ("work", [(one.work, one.worked) for one in promises if one.work]),
        ("wait", [(one.wait, one.waited) for one in promises if one.wait]),
    ):
        ratios = [ratio(promised["likely"], came) for promised, came in pairs]
        within = sum(0.5 <= one <= 2 for one in ratios)
        inside = sum(
            promised["low"] <= came <= promised["high"] or max(promised["high"], came) < LITTLE_SECONDS
            for promised, came in pairs
        )
        given = f"promised for {len(pairs)} of {len(promises)}"
        print(f"{name}: {given}, within a factor of two {within}, in range {inside}")
    lefts = [left for one in promises for _, left in one.left]
    print(f"time left while running: {len(lefts)} readings, within a factor of two {sum(0.5 <= x <= 2 for x in lefts)}")
    off = [abs(one.position - one.ahead) for one in promises if one.position]
    print(f"place: as promised {off.count(0)} of {len(off)}, off by one {off.count(1)}, most {max(off)}")


def told(ratios: list[float]) -> str:
    if not ratios:
        return f"{'':22}"
    worst = max(ratios, key=lambda one: max(one, 1 / one))
    return f"{statistics.median(ratios):14.2f}{worst:8.2f}"


if __name__ == "__main__":
    main()
