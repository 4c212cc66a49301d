"""How fast and how right the recogniser of this install writes down what is said, and in how much memory.

    python benchmarks/transcribe.py --media talk.mp4 [--loops 43] [--text "what is said in it"] [--made 12]

Prints seconds of speech, on the clock and of processor, the largest memory of this process and of one recogniser, and
the word error rate: against `--text` (once per loop), and on `--made` phrases that espeak-ng speaks.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jobs.engine.captions.recogniser_pool import RecogniserOptions
from jobs.engine.captions.recognition import Recognition, recognise
from jobs.engine.container import ffmpeg
from jobs.engine.probe.inspection import inspect
from tests import dictation

SENTENCES = (
    *("a hundred people", "the united states", "thank you very much", "we will be here on monday morning"),
    *("what do you think about this", "the weather will be good in the morning", "please open the window"),
    *("he said on tuesday that the united states would not", "this is a new day and a new year"),
    *("one two three four five six seven eight nine ten", "seven hundred people live in this city"),
    *("the people of this country want a better government",),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with speech")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--text", default="", help="what is said in it")
    parser.add_argument("--made", type=int, default=0, help="phrases of made speech")
    parser.add_argument("--model", default="", help="a Whisper model: a folder or a name")
    arguments = parser.parse_args()
    options = RecogniserOptions("whisper", arguments.model) if arguments.model else RecogniserOptions()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"source{arguments.media.suffix}"
        argv = [ffmpeg.program(), "-v", "error", "-stream_loop", str(arguments.loops - 1), "-i", str(arguments.media)]
        subprocess.run([*argv, "-map", "0", "-c", "copy", str(source)], check=True)
        heard = measured(source, options)
        if arguments.text:
            told(arguments.media.name, arguments.text, heard, arguments.loops)
        if arguments.made:
            phrases = [(0.5 + 6 * place, SENTENCES[place % len(SENTENCES)]) for place in range(arguments.made)]
            made = Path(folder) / "made.wav"
            dictation.dictated(made, phrases, 6 * arguments.made + 1)
            told(f"espeak-ng, {dictation.VOICE}", " ".join(text for _, text in phrases), measured(made, options), 1)


def measured(source: Path, options: RecogniserOptions) -> Recognition:
    info = inspect(source)
    before, begun = used(), time.monotonic()
    heard = recognise(source, info, info.audio[0], options)
    clock, processor = time.monotonic() - begun, used() - before
    speech = float(heard.speech)
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"{float(info.duration):.0f} s, of it {speech:.0f} s of speech: {clock:.0f} s on the clock,", end=" ")
    print(f"{processor:.0f} s of processor ({processor / speech:.2f} a second of speech),", end=" ")
    print(f"{peaks[0]:.0f} MB here, {peaks[1]:.0f} MB a recogniser", flush=True)
    return heard


def told(name: str, text: str, heard: Recognition, loops: int) -> None:
    wanted = words(text) * loops
    found = words(" ".join(word.text for word in heard.words))
    print(f"{name}: {len(wanted)} words, word error rate {100 * errors(wanted, found) / len(wanted):.1f} %", flush=True)


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def errors(wanted: list[str], found: list[str]) -> int:
    """Words to change, add or leave out (Levenshtein)."""
    row = list(range(len(found) + 1))
    for place, word in enumerate(wanted, 1):
        before, row = row, [place]
        for other, heard in enumerate(found, 1):
            row.append(min(row[-1] + 1, before[other] + 1, before[other - 1] + (word != heard)))
    return row[-1]


def used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
