"""How long it takes to find what was said: `python benchmarks/search.py [--recordings 300] [--accounts 5] [--rounds
5]`, on MariaDB with TEST_DATABASE=mysql in the environment.

Each recording is an hour of 900 lines, of words as frequent as in a language (Zipf). Times are those of the wall, the
least and the median of the rounds, after one that is not counted.
"""

import argparse
import bisect
import itertools
import os
import random
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from jobs.engine.captions.transcript import Line, Word  # noqa: E402
from jobs.models import Account, Artifact, Job  # noqa: E402
from jobs.services import search, search_index  # noqa: E402
from tests import factories  # noqa: E402
from tests.servers import MariaDB  # noqa: E402

LINES, WORDS, VOCABULARY = 900, 9, 20_000
NAMES = [f"{'bcdfglmnprst'[n % 12]}{'aeiou'[n // 12 % 5]}{'lmnrst'[n // 60 % 6]}{n}" for n in range(VOCABULARY)]
WEIGHTS = list(itertools.accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
QUESTIONS = {
    "a word of every tenth line": NAMES[0],
    "a rare word": NAMES[5000],
    "two frequent words": f"{NAMES[0]} {NAMES[1]}",
    "a phrase": f'"{NAMES[0]} {NAMES[1]}"',
    "the beginning of many words": NAMES[0][:3],
    "a word nobody says": "nobodysaysthis",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--accounts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    database = None
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        folder = Path(os.environ["TEST_DATA_DIR"])
        database = MariaDB(folder / "mariadb", settings.DATABASES["default"]["PORT"])
        database.start()
        database.execute("CREATE DATABASE videoservice CHARACTER SET utf8mb4")
    try:
        call_command("migrate", verbosity=0)
        random.seed(1)
        owners = [factories.account(f"{number}@example.org") for number in range(options.accounts)]
        taken = [write(owner, number) for owner in owners for number in range(options.recordings)]
        print(f"{'to index an hour':40}{min(taken) * 1000:9.1f} ms{statistics.median(taken) * 1000:9.1f} ms")
        for name, question in QUESTIONS.items():
            times, found = timed(owners[0], question, options.rounds)
            print(f"{name:40}{min(times) * 1000:9.1f} ms{statistics.median(times) * 1000:9.1f} ms  {found}")
    finally:
        if database:
            database.stop()


def write(owner: Account, number: int) -> float:
    video = factories.video(owner, title=f"Recording {number}")
    job = factories.job(owner, video=video, operation="transcribe", status=Job.Status.SUCCEEDED)
    artifact = Artifact.objects.create(job=job, kind="data", name="t.json", key="none", size=1, media_type="text/json")
    lines = [line(place) for place in range(LINES)]
    began = time.perf_counter()
    with transaction.atomic():
        search_index.write(search_index.hold(artifact, video), "1", lines)
    return time.perf_counter() - began


def line(place: int) -> Line:
    said = [NAMES[bisect.bisect(WEIGHTS, random.random() * WEIGHTS[-1])] for _ in range(WORDS)]
    start = Fraction(4 * place)
    words = tuple(Word(start + n, start + n + 1, text) for n, text in enumerate(said))
    return Line(start, start + 4, words)


def timed(owner: Account, question: str, rounds: int) -> tuple[list[float], str]:
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        found = search.find(owner, question)
        times.append(time.perf_counter() - began)
    return times[1:], f"{len(found.moments)}{'' if found.is_all else ' and more'} places"


if __name__ == "__main__":
    main()
