"""How long somebody's single job waits beside another's hundred: `python benchmarks/fair.py [--jobs 100]`.

Starts a site of its own in a temporary folder, with one worker on each queue. One account asks for many jobs of a kind
at once; when three of them are done, another asks for a single one of the same kind, on a recording alike. Printed for
each kind: how long one job takes, how long the single one stands in line and until it is done, how many of the others
were begun meanwhile, and how long the hundred take. Times are the database's.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from real_site import real_site

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("thumbnails, 6", "thumbnails", {"count": 6}),
    ("silence-cut, encoded", "silence-cut", {"keep": [[0, 2], [3, 5]], "render": "encode"}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100)
    options = parser.parse_args()
    print(f"{'':24}{'one job':>10}{'in line':>10}{'until done':>12}{'others begun':>14}{'all others':>12}")
    with real_site() as (site, folder):
        videos = {email: uploaded(site, email, folder) for email in ("many@example.org", "single@example.org")}
        for name, slug, params in KINDS:
            print(f"{name:24}" + row(site, videos, slug, params, options.jobs))


def uploaded(site: Any, email: str, folder: Path) -> str:
    from tests import media

    recording = folder / f"{email}.mp4"
    hue = len(email)
    media.run_ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration=5,hue=h={hue}"),
        *("-f", "lavfi", "-i", "sine=duration=5", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"),
        media.url(recording),
    )
    with recording.open("rb") as file:
        answer = site.client(email).post("/api/v1/videos", files={"file": file})
    answer.raise_for_status()
    return str(answer.json()["id"])


def asked(site: Any, email: str, video: str, slug: str, params: dict[str, Any]) -> str:
    answer = site.client(email).post("/api/v1/jobs", json={"video": video, "operation": slug, "params": params})
    answer.raise_for_status()
    return str(answer.json()["id"])


def row(site: Any, videos: dict[str, str], slug: str, params: dict[str, Any], count: int) -> str:
    """Numbers of what is asked vary a little, so that none is the same work again."""
    (many, theirs), (single, own) = videos.items()
    others = [asked(site, many, theirs, slug, params) for _ in range(count)]
    site.wait_for_job(others[2], seconds=600)
    alone = asked(site, single, own, slug, params)
    mine = site.wait_for_job(alone, seconds=3600)
    rows = [site.wait_for_job(pk, seconds=3600) for pk in others]
    if {job.status for job in (mine, *rows)} != {"succeeded"}:
        raise SystemExit(f"not all of {slug} succeeded")
    each = statistics.median((job.finished_at - job.started_at).total_seconds() for job in rows)
    line = (mine.started_at - mine.queued_at).total_seconds()
    whole = (mine.finished_at - mine.queued_at).total_seconds()
    between = sum(mine.queued_at < job.started_at < mine.started_at for job in rows)
    everything = max(job.finished_at for job in rows) - min(job.queued_at for job in rows)
    return f"{each:8.2f} s{line:8.2f} s{whole:10.2f} s{between:14}{everything.total_seconds():10.1f} s"


if __name__ == "__main__":
    main()
