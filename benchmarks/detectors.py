"""How well silence is found: `python benchmarks/detectors.py [--minutes 2] [--seeds 2] [--first-seed 1]`.

Speech by espeak-ng, every word at a known place, over made noises at several ratios of speech to noise. Prints a table:
for loudness at its own threshold and at a fixed one, and for voice, the precision and recall of the time cut, against
the cut that the words themselves would make at the same margins, and how many words lost more than 10 ms. Then how fast
each detector reads a recording on one core, decoding included.
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from jobs.engine.analysis import peak_levels, vad  # noqa: E402
from jobs.engine.edit.cut_params import CutParams  # noqa: E402
from jobs.engine.edit.cut_plan import plan  # noqa: E402
from jobs.engine.probe.inspection import inspect  # noqa: E402
from jobs.errors import InputError  # noqa: E402
from tests import spoken  # noqa: E402
from tests.spoken import NOISES, Score, Talk  # noqa: E402

RATIOS_DB = (20, 10)
WHISPERED_DB = -30
FIXED_DB = -30
MEASURES = {"loudness": peak_levels.measure, "voice": vad.measure}
CHOICES = {
    "loudness, auto": CutParams(),
    f"loudness, {FIXED_DB} dB": CutParams(threshold_db=FIXED_DB),
    "voice": CutParams(detector="voice"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2, help="of speech for each row and seed")
    parser.add_argument("--seeds", type=int, default=2, help="how many different talks")
    parser.add_argument("--first-seed", type=int, default=1, help="the number of the first talk")
    options = parser.parse_args()
    if not spoken.there():
        sys.exit("espeak-ng speaks the words and is not here. Install the package espeak-ng, then run this again.")
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    talks = [spoken.talk(seed, 60 * options.minutes) for seed in seeds]
    with tempfile.TemporaryDirectory() as folder:
        print_table(talks, Path(folder) / "talk.wav")
        print_speeds(talks[0], Path(folder) / "long.wav")


def print_table(talks: list[Talk], path: Path) -> None:
    words = sum(len(talk.words) for talk in talks)
    print(f"{len(talks)} talks, {words} words, margins 200 ms\n")
    head = " | ".join(CHOICES)
    print(f"| under the speech | speech over noise | {head} |")
    print("|---|---|" + "---|" * len(CHOICES))
    for title, ratio, samples in rows(talks):
        cells = [told([score(params, *one, path) for one in samples]) for params in CHOICES.values()]
        print(f"| {title} | {ratio} | {' | '.join(cells)} |", flush=True)


def rows(talks: list[Talk]):
    """Title, ratio, and each talk with its samples over the noise."""
    yield "nothing", "", [(talk, talk.samples) for talk in talks]
    quiet = 10 ** (WHISPERED_DB / 20)
    yield f"nothing, {-WHISPERED_DB} dB softer", "", [(talk, talk.samples * quiet) for talk in talks]
    for name, noise in NOISES.items():
        for ratio in RATIOS_DB:
            mixed = [(talk, talk.over(noise(len(talk.samples), 100 + n), ratio)) for n, talk in enumerate(talks)]
            yield name, f"{ratio} dB", mixed


def score(params: CutParams, talk: Talk, samples: spoken.Samples, path: Path) -> Score:
    source = spoken.write(path, samples)
    heard = MEASURES[params.detector](source, inspect(source))
    try:
        return spoken.score(talk, plan(heard, talk.duration, params), params)
    except InputError:
        # Nothing was found that could be cut.
        return Score(1.0, 0.0, 0, 0, len(talk.words))


def told(scores: list[Score]) -> str:
    """Precision, recall, clipped words."""
    precision = sum(one.precision for one in scores) / len(scores)
    recall = sum(one.recall for one in scores) / len(scores)
    return f"{precision:.2f} / {recall:.2f} / {sum(one.clipped for one in scores)}"


def print_speeds(talk: Talk, path: Path) -> None:
    """Processor time, ours and the decoder's together, for half an hour."""
    repeats = -(-1800 // int(talk.duration))
    source = spoken.write(path, spoken.np.tile(talk.samples, repeats))
    seconds = float(talk.duration) * repeats
    for name in MEASURES:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        before = processor_seconds()
        MEASURES[name](source, inspect(source))
        speed = seconds / (processor_seconds() - before)
        print(f"\n{name}: {speed:.0f} times real time on one core, WAV input", end="")
    print()


def processor_seconds() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


if __name__ == "__main__":
    main()
