"""Rows of accounts that have worked for years, made without the work: for benchmarks of lists, and tests of them."""

import itertools
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs.models import Account, Artifact, Experience, Import, Job, Removal, Run, Video
from tests import factories

OPERATIONS = {"silence-cut": "cut", "thumbnails": "fast", "transcribe": "speech", "convert": "encode", "trim": "fast"}
LOG = "ffmpeg -hide_banner -i source.mp4 -vf scale=1280:-2 -c:v libx264 -crf 20 out.mp4\n" * 12
STEPS = [("one", None, "silence-cut"), ("two", "one", "convert"), ("three", "two", "thumbnails")]
WORDS = ["weekly", "review", "garden", "talk", "interview", "lesson", "podcast", "meeting"]
SHARE_IN_CHAINS = 0.24
JOBS_A_RECORDING = 50
TRASHED = 0.01
AT_ONCE = 1000


def account(name: str, jobs: int, *, staff: bool = False) -> Account:
    """With that many jobs: a quarter of them steps of chains, every tenth on one recording, a hundredth in the trash,
    and some not ended."""
    chance = random.Random(name)
    owner = factories.account(f"{name}@example.org", is_staff=staff, is_superuser=staff)
    videos = recordings(owner, max(8, jobs // JOBS_A_RECORDING), chance)
    in_chains = int(jobs * SHARE_IN_CHAINS) // len(STEPS)
    chains = [chain(owner, chance.choice(videos), at) for at in times(in_chains, chance)]
    Run.objects.bulk_create([run for run, _ in chains], batch_size=AT_ONCE)
    alone = jobs - in_chains * len(STEPS)
    made = [job for _, steps in chains for job in steps]
    made += [single(owner, videos, at, n, chance) for n, at in enumerate(times(alone, chance))]
    Job.objects.bulk_create(made, batch_size=AT_ONCE)
    Artifact.objects.bulk_create(itertools.chain.from_iterable(map(results, made)), batch_size=AT_ONCE)
    throw_away(owner, [job for job in made if job.status == "succeeded" and not job.run_id][: int(jobs * TRASHED)])
    Import.objects.bulk_create(refused(owner, n) for n in range(min(20, jobs // 10)))
    return owner


def recordings(owner: Account, count: int, chance: random.Random) -> list[Video]:
    facts = factories.info(seconds=600)
    fields = {"kind": "video", "duration_seconds": 600.0, "details": facts.to_json(), "owner": owner}
    made = [
        Video(
            title=f"{chance.choice(WORDS)} {chance.choice(WORDS)} {n}".capitalize(),
            name=f"{chance.choice(WORDS)}-{n}.mp4",
            key=f"videos/{n}/source.mp4",
            poster=f"videos/{n}/poster.jpg",
            size=chance.randrange(10**9),
            sha256=f"{chance.getrandbits(256):064x}",
            **fields,
        )
        for n in range(count)
    ]
    Video.objects.bulk_create(made, batch_size=AT_ONCE)
    now = timezone.now()
    for n, video in enumerate(made):  # auto_now_add gives all of them the same
        video.created_at = now - timedelta(hours=n)
    Video.objects.bulk_update(made, ["created_at"], batch_size=200)
    return made


def times(count: int, chance: random.Random) -> list[datetime]:
    """Within the last year, more of them lately."""
    now = timezone.now()
    return [now - timedelta(days=365 * chance.random() ** 2) for _ in range(count)]


def chain(owner: Account, video: Video, at: datetime) -> tuple[Run, list[Job]]:
    steps = [
        {"name": name, "input": before, "operation": slug, "params": {"version": 1}, "keep": False}
        for name, before, slug in STEPS
    ]
    facts = {"status": "succeeded", "finished_at": at, "active_at": at, "is_tidy": True}
    run = Run(id=uuid.uuid4(), owner=owner, video=video, name="Cut, convert and look", steps=steps, **facts)
    return run, [ended(owner, video, slug, at, "succeeded", run=run, step=name) for name, _, slug in STEPS]


def single(owner: Account, videos: list[Video], at: datetime, number: int, chance: random.Random) -> Job:
    video = videos[0] if number % 10 == 0 else chance.choice(videos)
    slug = chance.choice(list(OPERATIONS))
    if number < 20:
        return under_way(owner, video, slug, number, at=timezone.now())
    status = chance.choices(Job.TERMINAL, (90, 7, 3))[0]
    return ended(owner, video, slug, at, status)


def ended(owner: Account, video: Video, slug: str, at: datetime, status: str, **fields: Any) -> Job:
    started = at - timedelta(seconds=30)
    facts = {"queued_at": started, "started_at": started, "finished_at": at, "active_at": at, "changed_at": at}
    if status == "failed":
        fields |= {"error_code": "input", "error_message": "There is no sound in it.", "log_tail": LOG}
    return Job(**of(owner, video, slug), **facts, status=status, progress=1, attempt=1, **fields)


def under_way(owner: Account, video: Video, slug: str, number: int, at: datetime, queue: str = "") -> Job:
    """Every fifth runs, and its worker lives for a year; the others are in line."""
    facts = of(owner, video, slug) | ({"queue": queue} if queue else {})
    if number % 5:
        return Job(**facts, status="queued", queued_at=at, active_at=at)
    begun = {
        "started_at": at,
        "heartbeat_at": at + timedelta(days=365),
        "worker": "somewhere 1",
        "attempt": 1,
        "progress": 0.3,
    }
    return Job(**facts, status="running", queued_at=at, active_at=at, **begun)


def of(owner: Account, video: Video, slug: str) -> dict[str, Any]:
    facts = {"id": uuid.uuid4(), "owner": owner, "video": video, "operation": slug, "queue": OPERATIONS[slug]}
    load = {"load_key": "source|h264", "load_seconds": 600.0, "load_megapixels": 1e4}
    return {**facts, **load, "params": {"version": 1}, "command_log": LOG}


def refused(owner: Account, number: int) -> Import:
    now = timezone.now()
    return Import(owner=owner, url=f"https://example.org/{number}.mp4", status="failed", queued_at=now, due_at=now)


def results(job: Job) -> Iterator[Artifact]:
    if job.status != "succeeded":
        return
    facts = {"job": job, "key": "none", "sha256": "0" * 64, "size": 10**6}
    if job.operation == "thumbnails":
        for n in range(3):
            yield Artifact(**facts, position=n, kind="image", name=f"{n}.jpg", media_type="image/jpeg")
    else:
        told = {"source_duration": 600, "output_duration": 400}
        yield Artifact(**facts, kind="video", name="a.mp4", media_type="video/mp4", metadata=told)


def throw_away(owner: Account, jobs: list[Job]) -> None:
    made = [Removal(owner=owner, kind="job", title=f"Job {n}", size=10**6, job=job) for n, job in enumerate(jobs)]
    Removal.objects.bulk_create(made, batch_size=AT_ONCE)
    for removal in made:
        removal.job.removal = removal
    Job.objects.bulk_update(jobs, ["removal"], batch_size=200)


def line(queue: str, jobs: int, owners: int) -> list[Account]:
    """That many jobs in line in a queue, of so many accounts in turn."""
    chance, now, made = random.Random(queue), timezone.now(), []
    accounts = [factories.account(f"{queue}-{n}@example.org") for n in range(owners)]
    videos = {owner.pk: recordings(owner, 3, chance) for owner in accounts}
    for n in range(jobs):
        owner = accounts[n % owners]
        at = now - timedelta(seconds=jobs - n)
        made.append(under_way(owner, chance.choice(videos[owner.pk]), "convert", 1, at, queue))
    Job.objects.bulk_create(made, batch_size=AT_ONCE)
    return accounts


def experience() -> None:
    """What was learnt of each kind of work."""
    for slug in OPERATIONS:
        for kind in (slug, f"{slug} source", f"{slug} source h264"):
            runs = [(30.0 + n, 600.0, 1e4) for n in range(12)]
            Experience.objects.update_or_create(kind=kind, defaults={"runs": runs})
