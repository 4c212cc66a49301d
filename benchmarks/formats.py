"""What is made of which recording: `python benchmarks/formats.py [--all] [--part 1/4] [--only WORD ...]`.

Makes recordings of twelve seconds whose pictures carry their number, cuts each with the engine (to WebM if it is that,
else to MP4), and judges the result: every picture has to be the right one and in place to the tick, sound is located in
its place, rotation and shape of the pixels have to be the source's, and a second decoder has to show the same pictures
as the first: libopenh264 and FFmpeg's own, libvpx and FFmpeg's own, libaom and libdav1d. There are more combinations
than hours: by default every legal pair of properties occurs in one at least (`--all` takes every combination, `--part`
a share of them). Prints a line each, then a table, then what went wrong.
"""

import argparse
import collections
import dataclasses
import itertools
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from jobs.engine.edit.cut_params import CutParams  # noqa: E402
from jobs.engine.pipelines import silence_cut as cutting  # noqa: E402
from jobs.engine.probe.inspection import inspect  # noqa: E402
from jobs.engine.runtime.workspace import Workspace  # noqa: E402
from jobs.engine.video.source import Source  # noqa: E402
from jobs.errors import InputError, JobError  # noqa: E402
from tests.clips import Picture, Sound, make, seen  # noqa: E402
from tests.judge import expected_pictures, sound_lates  # noqa: E402
from tests.media import run_ffmpeg  # noqa: E402
from tests.splices import pictures_by  # noqa: E402

SECONDS = 12
KEEP = tuple((Fraction(a), Fraction(b)) for a, b in (("0", "0.9"), ("1.33", "5.6"), ("6.05", "6.5"), ("7.21", "12")))
# What is trimmed by copying begins in the middle of a group of pictures, which an edit list hides.
TRIMMED_SECONDS = Fraction(9, 10)
# What a smart cut has made holds pictures of two encoders; these ranges make it as long as the others are.
BEFORE = ((Fraction(1, 3), Fraction(5)), (Fraction(16, 3), Fraction(13)))
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(30 * (SECONDS + 1))]
# Sound is located at least this well; containers that count in milliseconds tell no better.
LATE_SECONDS = 0.0011

X264 = {"H.264 baseline": "baseline", "H.264 main": "main", "H.264 high": "high", "H.264 high, 10 bit": "high10"}
DECODERS = {"h264": ("h264", "libopenh264"), "vp9": ("vp9", "libvpx-vp9"), "av1": ("libdav1d", "libaom-av1")}
FACTORS = {
    "codec": [*X264, "HEVC", "HEVC, 10 bit", "VP9", "VP9, 10 bit", "AV1", "AV1, 10 bit", "MPEG-2"],
    "B-frames": ["none", "3, pyramid", "3, pyramid, open groups"],
    "keyframe each": ["1", "30", "250"],
    "rate": ["24", "25", "29.97", "30", "50", "60", "variable"],
    "look": ["plain", "rotated", "SAR 4:3", "trimmed by copying", "cut before"],
    "container": ["mp4", "mov", "mkv", "ts", "webm"],
    "sound": ["aac", "mp3", "opus", "pcm", "5.1", "mono", "none", "late", "shorter"],
}
Combination = tuple[str, ...]


def is_legal(one: Combination) -> bool:
    """Whether such a recording can exist, and FFmpeg can write it."""
    codec, bframes, each, rate, look, container, sound = one
    is_free = codec.startswith(("VP9", "AV1"))
    if look == "cut before" and (container != "mp4" or is_free):
        return False
    if look == "trimmed by copying" and container not in ("mp4", "mov"):
        return False
    if bframes != "none" and (is_free or codec == "H.264 baseline" or each == "1"):
        return False
    if is_free and container in ("mov", "ts"):
        return False
    if codec == "MPEG-2" and (container in ("mov", "webm") or rate == "variable" or look == "SAR 4:3"):
        return False
    if container == "webm":
        return is_free and sound not in ("aac", "mp3", "pcm")
    if container == "ts":
        return look != "rotated" and sound != "pcm"
    return (sound, container) not in (("pcm", "mp4"), ("opus", "mov"))


def every() -> list[Combination]:
    return [one for one in itertools.product(*FACTORS.values()) if is_legal(one)]


def pairs_of(one: Combination) -> set[tuple[int, str, int, str]]:
    return {(a, one[a], b, one[b]) for a, b in itertools.combinations(range(len(one)), 2)}


def covering(legal: list[Combination]) -> Iterator[Combination]:
    """So few that each pair of properties that can occur does: again and again, of some with a missing pair, the one
    that has most of them."""
    choice = random.Random(1)
    missing = set().union(*map(pairs_of, legal))
    while missing:
        a, left, b, right = min(missing)
        able = [one for one in legal if one[a] == left and one[b] == right]
        best = max(choice.sample(able, min(300, len(able))), key=lambda one: len(pairs_of(one) & missing))
        missing -= pairs_of(best)
        yield best


def seconds(one: Combination) -> int:
    """How long the recording is made."""
    return SECONDS + (one[4] in ("trimmed by copying", "cut before"))


def made(one: Combination, folder: Path) -> Path:
    whole = folder / f"a.{one[5]}"
    if one[0] == "VP9, 10 bit":
        # The libvpx that PyAV carries makes 8 alone.
        timing = ("-fps_mode", "passthrough", "-enc_time_base", "1:90000")
        plain = make(folder / "plain.mkv", picture(("H.264 high, 10 bit", *one[1:])), *sounds(one))
        coding = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", one[2], "-b:v", "300k")
        run_ffmpeg("-noautorotate", "-i", plain, *coding, *timing, "-c:a", "copy", whole)
    else:
        make(whole, picture(one), *sounds(one))
    again = whole.with_stem("again")
    if one[4] == "trimmed by copying":
        run_ffmpeg("-ss", float(TRIMMED_SECONDS), "-i", whole, "-map", "0", "-c", "copy", again)
        return again
    if one[4] == "cut before":
        cutting.cut(Source(whole, inspect(whole)), CutParams(keep=BEFORE), again, Workspace(folder))
        return again
    return whole


def picture(one: Combination) -> Picture:
    codec, bframes, each, rate, look, container, _ = one
    encoder, options = coder(codec, 3 * (bframes != "none"), int(each), is_open="open" in bframes)
    exact = Fraction(30_000, 1001) if rate == "29.97" else Fraction(30 if rate == "variable" else int(rate))
    return Picture(
        rate=exact,
        seconds=seconds(one),
        times=UNEVEN[: 30 * seconds(one)] if rate == "variable" else (),
        start=Fraction(2) if container == "ts" else Fraction(0),
        size=(64, 64),
        time_base=Fraction(1, 90_000) if encoder != "mpeg2video" else 1 / exact,
        codec=encoder,
        pixel_format="yuv420p10le" if "10 bit" in codec else "yuv420p",
        rotation=90 if look == "rotated" else 0,
        sample_aspect=Fraction(4, 3) if look == "SAR 4:3" else Fraction(1),
        options=options,
    )


def coder(codec: str, bframes: int, each: int, *, is_open: bool) -> tuple[str, dict[str, str]]:
    """The encoder and its options."""
    if codec in X264:
        params = f"b-adapt=0:scenecut=0:b-pyramid=normal:min-keyint={each}:open-gop={int(is_open)}"
        options = {"preset": "veryfast", "crf": "24", "g": str(each), "bf": str(bframes), "profile": X264[codec]}
        return "libx264", {**options, "x264-params": params}
    if codec.startswith("HEVC"):
        params = f"keyint={each}:min-keyint={each}:bframes={bframes}:open-gop={int(is_open)}:b-adapt=0:scenecut=0"
        return "libx265", {"preset": "ultrafast", "x265-params": f"log-level=none:pools=none:b-pyramid=1:{params}"}
    if codec == "MPEG-2":
        closed = {} if is_open else {"flags": "+cgop", "sc_threshold": "1000000000"}
        return "mpeg2video", {"g": str(each), "bf": str(bframes), "qmin": "4", "qmax": "4", **closed}
    if codec.startswith("VP9"):
        return "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": str(each), "b": "300k"}
    return "libsvtav1", {"preset": "12", "crf": "35", "g": str(each), "svtav1-params": f"lp=1:keyint={each}"}


def sounds(one: Combination) -> list[Sound]:
    *_, container, kind = one
    start = Fraction(2) if container == "ts" else Fraction(0)
    usual = "libopus" if container == "webm" else "aac"
    codec = {"mp3": "libmp3lame", "opus": "libopus", "pcm": "pcm_s16le"}.get(kind, usual)
    late = Fraction(4, 5) if kind == "late" else Fraction(0)
    sound = Sound(
        [(float(start), float(start) + seconds(one))],
        seconds=7 if kind == "shorter" else seconds(one) - float(late),
        start=start + late,
        codec=codec,
        layout={"5.1": "5.1", "mono": "mono"}.get(kind, "stereo"),
        bit_rate={"pcm_s16le": 0}.get(codec, 500_000 if kind == "5.1" else 192_000),
    )
    return [] if kind == "none" else [sound]


@dataclasses.dataclass
class Verdict:
    """`way` is smart, whole, fell back, refused or failed; `faults` is empty for a right result."""

    way: str
    reason: str = ""
    share: float = 0.0
    late_ms: float | None = None
    second_decoder: str = "-"
    faults: list[str] = dataclasses.field(default_factory=list)


def tried(one: Combination, folder: Path) -> Verdict:
    source = made(one, folder)
    # WebM does not say which way is up: pictures come upright, and the judge would not know them.
    output = folder / ("cut.webm" if one[5] == "webm" and one[4] != "rotated" else "cut.mp4")
    try:
        result = cutting.cut(Source(source, inspect(source)), CutParams(keep=KEEP), output, Workspace(folder))
    except InputError as error:
        return Verdict("refused", error.message)
    except JobError as error:
        return Verdict("failed", error.message, faults=[f"{error.message} {error.detail}"])
    way = {"smart": "smart", "encode": "whole"}[result.render]
    if result.reason.endswith("failed."):
        way = "fell back"
    verdict = Verdict(way, result.reason, result.frames_copied / result.frames)
    judge(source, output, result.plan, one, verdict)
    return verdict


def judge(source: Path, output: Path, plan, one: Combination, verdict: Verdict) -> None:
    expected, found = expected_pictures(source, plan), seen(output)
    wrong = [place for place, (a, b) in enumerate(zip(expected, found, strict=False)) if a.number != b.number]
    # Matroska and WebM count milliseconds.
    apart = Fraction(1, 1000) if output.suffix == ".webm" else 0
    moved = [place for place, (a, b) in enumerate(zip(expected, found, strict=False)) if abs(a.time - b.time) > apart]
    if len(found) != len(expected):
        verdict.faults.append(f"{len(found)} pictures instead of {len(expected)}")
    if wrong or moved:
        verdict.faults.append(f"{len(wrong)} wrong pictures, {len(moved)} at wrong times, from {min(wrong + moved)}")
    before, after = inspect(source).video, inspect(output).video
    for fact in ("rotation", "sample_aspect", "width", "height"):
        if getattr(before, fact) != getattr(after, fact):
            verdict.faults.append(f"{fact} is {getattr(after, fact)} instead of {getattr(before, fact)}")
    if one[6] != "none":
        listen(source, output, plan, verdict)
    # libopenh264 reads eight bits alone.
    if after.codec in DECODERS and (after.codec != "h264" or after.pixel_format in ("yuv420p", "yuvj420p")):
        first, second = DECODERS[after.codec]
        is_same = pictures_by(second, output) == pictures_by(first, output)
        verdict.second_decoder = "same" if is_same else "differs"
        if not is_same:
            verdict.faults.append(f"{second} shows other pictures")


def listen(source: Path, output: Path, plan, verdict: Verdict) -> None:
    try:
        lates = list(sound_lates(source, output, plan, 0, step_seconds=0.35))
    except AssertionError as error:
        verdict.faults.append(str(error))
        return
    verdict.late_ms = 1000 * max(map(abs, lates), default=0)
    if len(lates) < 5 or verdict.late_ms > 1000 * LATE_SECONDS:
        verdict.faults.append(f"sound is {verdict.late_ms:.1f} ms late in one of {len(lates)} places")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every combination instead of every pair")
    parser.add_argument("--part", default="1/1", help="which share of them, such as 2/4")
    parser.add_argument("--only", nargs="*", default=[], help="properties that must occur, such as ts HEVC")
    options = parser.parse_args()
    # Of SVT-AV1 only errors are of interest.
    os.environ["SVT_LOG"] = "1"
    number, count = map(int, options.part.split("/"))
    legal = every()
    chosen = legal if options.all else list(covering(legal))
    chosen = [one for one in chosen if set(options.only) <= set(one)][number - 1 :: count]
    print(f"{len(chosen)} of {len(legal)} legal combinations\n")
    print(f"| {' | '.join(FACTORS)} | way | copied | sound off, ms | second decoder | faults |")
    print("|" + "---|" * (len(FACTORS) + 5))
    verdicts = {}
    for one in chosen:
        with tempfile.TemporaryDirectory() as folder:
            verdicts[one] = verdict = tried(one, Path(folder))
        late = "-" if verdict.late_ms is None else f"{verdict.late_ms:.2f}"
        cells = [*one, verdict.way, f"{verdict.share:.0%}", late, verdict.second_decoder, "; ".join(verdict.faults)]
        print(f"| {' | '.join(cells)} |", flush=True)
    summarise(verdicts)


def summarise(verdicts: dict[Combination, Verdict]) -> None:
    print("\n| codec | tried | smart | of it copied | whole | fell back | refused | failed or wrong |")
    print("|---|---|---|---|---|---|---|---|")
    for codec in FACTORS["codec"]:
        those = [verdict for one, verdict in verdicts.items() if one[0] == codec]
        ways = collections.Counter(verdict.way for verdict in those)
        shares = sorted(verdict.share for verdict in those if verdict.way == "smart")
        share = f"{shares[0]:.0%} to {shares[-1]:.0%}" if shares else "-"
        wrong = sum(bool(verdict.faults) for verdict in those)
        cells = [len(those), ways["smart"], share, ways["whole"], ways["fell back"], ways["refused"], wrong]
        print(f"| {codec} | {' | '.join(map(str, cells))} |")
    print("\nEncoded as a whole, and why:")
    reasons = collections.Counter(verdict.reason for verdict in verdicts.values() if verdict.way != "smart")
    for reason, count in reasons.most_common():
        print(f"- {count}: {reason}")
    print("\nFell back, refused, failed or wrong:")
    for one, verdict in verdicts.items():
        if verdict.faults or verdict.way not in ("smart", "whole"):
            print(f"- {', '.join(one)}: {verdict.way}. {verdict.reason} {'; '.join(verdict.faults)}")


if __name__ == "__main__":
    main()
