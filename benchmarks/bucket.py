"""A large recording through a bucket, end to end: `python benchmarks/bucket.py [--gigabytes 1] [--folder /quick/disk]`.

Starts a real S3 server (tests.bucket), counts on the way to it what passes, and does each step in a process of its own:
upload in chunks of 8 MiB, then on a machine that has nothing of it yet pictures, levels, a cut and a second one, and
downloads. Prints seconds, bytes from and to the bucket, and the memory that the step's largest process held.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHUNK = 8 * 1024**2
PIECE_SECONDS = 20
MEGA = 1000**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--folder", type=Path, help="where to work; needs room for four times the file")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATA_DIR": str(folder),
            "TEST_RUNNER": "alone",
            "LOG_LEVEL": "ERROR",
        }
        from tests.bucket.faults import Faults
        from tests.servers import ObjectStorage
        from tests.settings import free_port

        server = ObjectStorage(folder / "bucket", free_port())
        server.start()
        try:
            with Faults(server.port) as way:
                os.environ |= server.env
                print_table(Steps(folder, server.url("site", way.endpoint), way).measured(options.gigabytes))
        finally:
            server.stop()


class Steps:
    def __init__(self, folder: Path, url: str, way: Any) -> None:
        self.folder, self.way = folder, way
        self.rows: list[tuple[str, float, int, int, int]] = []
        self._set_up(url)

    def _set_up(self, url: str) -> None:
        import django
        from django.conf import settings

        django.setup()
        settings.STORAGE_URL, settings.SCRATCH_DIR = url, self.folder / "scratch-dir"
        settings.SCRATCH_DIR.mkdir()
        settings.DATABASES["default"]["NAME"] = str(self.folder / "bench.sqlite3")
        from django.core.management import call_command

        call_command("migrate", verbosity=0)

    def measured(self, gigabytes: float) -> list[tuple[str, float, int, int, int]]:
        from django.db import connections

        film = recording(self.folder / "film.mp4", int(gigabytes * 1000**3))
        self.size = film.stat().st_size
        connections.close_all()
        self.step("upload in chunks of 8 MiB", lambda: upload(film))
        film.unlink()
        self.elsewhere()
        self.step("6 thumbnails, on a machine without it", lambda: job("thumbnails", count=6))
        self.step("storyboard, the same", lambda: job("thumbnails", mode="storyboard"))
        self.step("levels and plan of its page", plan)
        self.elsewhere()
        self.step("levels and plan, another machine", plan)
        self.step("trim of 60 s, another machine", lambda: job("trim", start=10, end=70))
        self.step("trim again, the copy is there", lambda: job("trim", start=20, end=80))
        self.step("whole download by signed address", download)
        self.elsewhere()
        self.step("all of the account as a ZIP file", packed)
        return self.rows

    def step(self, name: str, work: Callable[[], None]) -> None:
        """Do it in a fork, whose memory with that of all its children is what is told."""
        self.way.forget()
        begun = time.monotonic()
        pid = os.fork()
        if not pid:
            try:
                work()
                os._exit(0)
            except BaseException as error:  # noqa: BLE001 said, and the step is shown as failed
                print(f"{name}: {error!r}", file=sys.stderr)
                os._exit(1)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.monotonic() - begun
        held = usage.ru_maxrss * 1024
        note = "" if not status else " (failed)"
        self.rows.append((name + note, seconds, self.way.received(), self.way.sent(), held))
        print(f"{name}{note}: {seconds:.1f} s", file=sys.stderr, flush=True)

    def elsewhere(self) -> None:
        """As another machine."""
        for name in ("copies", "cache"):
            shutil.rmtree(self.folder / "scratch-dir" / name, ignore_errors=True)


def recording(path: Path, size: int) -> Path:
    """H.264 of 20 Mbit/s with a keyframe every two seconds and its index at the end, in pieces that repeat."""
    from jobs.engine.container import ffmpeg

    piece = path.with_name("piece.mp4")
    pictures = f"testsrc2=size=1280x720:rate=25:duration={PIECE_SECONDS},noise=alls=40:allf=t"
    sound = f"sine=frequency=440:duration={PIECE_SECONDS},volume=enable='lt(mod(t,5),2)':volume=0"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "20M", "-minrate", "20M", "-maxrate", "20M")
    made = ("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, *coded, "-bufsize", "20M", "-g", "50")
    run = [ffmpeg.program(), "-v", "error", "-y"]
    subprocess.run([*run, *made, "-c:a", "aac", str(piece)], check=True)
    times = max(1, round(size / piece.stat().st_size)) - 1
    subprocess.run([*run, "-stream_loop", str(times), "-i", str(piece), "-c", "copy", str(path)], check=True)
    piece.unlink()
    return path


def upload(film: Path) -> None:
    from jobs.models import Account
    from jobs.services import uploads

    owner = Account.objects.create_user("ann@example.org", "correct horse battery")
    begun = uploads.begin(owner, name="film.mp4", length=film.stat().st_size)
    with film.open("rb") as file:
        while block := file.read(CHUNK):
            uploads.append(begun, file.tell() - len(block), io.BytesIO(block))
    uploads.finish(begun)


def job(operation: str, **params: object) -> None:
    from jobs import tasks
    from jobs.models import Job, Video
    from jobs.services import jobs, parameters

    video = Video.objects.get(origin=None)
    made = jobs.create(video.owner, video, operation, parameters.from_json(operation, {"version": 1, **params}))
    tasks.run_job(str(made.pk))
    made = Job.objects.get(pk=made.pk)
    assert made.status == Job.Status.SUCCEEDED, made.error_detail or made.error_message


def plan() -> None:
    import asyncio

    from jobs.models import Video
    from jobs.operations.silence_cut import SilenceCutParams
    from jobs.services import plans

    asyncio.run(plans.cut_plan(Video.objects.get(origin=None), SilenceCutParams(threshold_db=-40)))


def download() -> None:
    from jobs import storage
    from jobs.models import Video

    video = Video.objects.get(origin=None)
    address = storage.url(video.key, storage.Shown(video.name, "video/mp4", "attachment"))
    assert address
    with urllib.request.urlopen(address) as answer:
        while answer.read(1 << 20):
            pass


def packed() -> None:
    from jobs import zip_stream
    from jobs.models import Account
    from jobs.services import export

    entries = export.of(Account.objects.get(), lambda path: path).entries()
    length = sum(map(len, zip_stream.stream(entries)))
    assert length == zip_stream.length(entries)


def print_table(rows: list[tuple[str, float, int, int, int]]) -> None:
    print("| step | seconds | from the bucket | to the bucket | memory held |\n|---|---|---|---|---|")
    for name, seconds, received, sent, held in rows:
        amounts = " | ".join(f"{amount / MEGA:.1f} MB" for amount in (received, sent, held))
        print(f"| {name} | {seconds:.1f} | {amounts} |")


if __name__ == "__main__":
    main()
