"""What becomes of strange files: `python benchmarks/strange_files.py [--files 240] [--only WORD ...] [--keep DIR]`.

Combines what recordings of other people's devices have been found to bring along: containers without time stamps of
their own (AVI), with a clock that starts again or a beginning that is missing (TS), with AMR (3GP), Theora, WMV;
display matrices that turn and mirror, a crop told by the container, 4:4:4, eight channels, hum and low tones. Pictures
carry their number and sound never repeats, so what is right is known from how a file was made, not from reading it.

Every file is probed, cut, and put through one more operation, in a process of its own. A result has to show the right
pictures, upright, one after the other, with sound in its place; anything that ends in a traceback or a signal counts as
a fault, and so does a refusal. Prints a line a file, then a table by kind, then what went wrong; exit status 1 if
anything did.
"""

import argparse
import collections
import dataclasses
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import traceback
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from formats import covering  # noqa: E402

from jobs.engine.container import ffmpeg  # noqa: E402
from jobs.engine.model.mediainfo import ContainerCrop  # noqa: E402
from tests.clips import BITS, painted  # noqa: E402
from tests.cropping import with_clap  # noqa: E402

SECONDS, RATE, SAMPLES = 8, 25, 48_000
SIZE = (192, 96)
CROPPED = 32
"""Columns left of the picture that a cropping container hides."""
KEEP = ((0.4, 2.0), (3.2, 5.6), (6.4, 7.2))
KEEP_LATE = ((0.8, 2.0), (2.8, 4.4), (5.0, 5.8))
"""Of a recording whose first fifth is missing, and with it what the pictures up to the next keyframe need."""
JOINT = 4
"""Where the clock of a joined stream starts again, seconds."""
MOST_SHIFTED = 3
"""By how many pictures a recording may begin before its first one."""
LATE_SECONDS = 0.045
"""What speech codecs and containers that count in milliseconds add, and what cutting whole pictures does."""

VIDEO = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "3"),
    "h264 4:4:4": ("-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "2", "-pix_fmt", "yuv444p"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=50:bframes=3"),
    "mpeg2": ("-c:v", "mpeg2video", "-q:v", "4", "-g", "15", "-bf", "2"),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "4", "-g", "50", "-bf", "2"),
    "mpeg4 simple": ("-c:v", "mpeg4", "-q:v", "4", "-g", "50"),
    "mjpeg": ("-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p"),
    "theora": ("-c:v", "libtheora", "-q:v", "7", "-g", "50"),
    "vp8": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k"),
    "wmv": ("-c:v", "wmv2", "-q:v", "4"),
    "prores": ("-c:v", "prores_ks", "-profile:v", "0", "-pix_fmt", "yuv422p10le"),
    "ffv1": ("-c:v", "ffv1", "-level", "3"),
}
AUDIO = {
    "aac": ("-c:a", "aac", "-ac", "2"),
    "mp3": ("-c:a", "libmp3lame", "-ac", "2"),
    "mp2": ("-c:a", "mp2", "-ac", "2"),
    "pcm": ("-c:a", "pcm_s16le", "-ac", "2"),
    "amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
    "vorbis": ("-c:a", "libvorbis", "-ac", "2"),
    "wma": ("-c:a", "wmav2", "-ac", "2"),
    "aac 7.1": ("-c:a", "aac", "-ac", "8"),
    "flac 7.1": ("-c:a", "flac", "-ac", "8"),
    "pcm 7.1": ("-c:a", "pcm_s24le", "-ac", "8"),
    "opus 7.1": ("-c:a", "libopus", "-ac", "8"),
    "none": ("-an",),
}
CONTAINERS = {
    "avi": (("h264", "mpeg4", "mjpeg"), ("mp3", "pcm", "none")),
    "ts": (("h264", "hevc", "mpeg2"), ("aac", "mp2", "none")),
    "ts, joined": (("h264", "hevc", "mpeg2"), ("aac", "mp2", "none")),
    "ts, begun late": (("h264", "hevc", "mpeg2"), ("aac", "mp2", "none")),
    "mpg": (("mpeg2",), ("mp2", "none")),
    "3gp": (("h264", "mpeg4 simple"), ("amr", "aac")),
    "ogg": (("theora",), ("vorbis", "none")),
    "wmv": (("wmv",), ("wma", "none")),
    "webm": (("vp8",), ("vorbis", "opus 7.1")),
    "mkv": (
        ("h264", "h264 4:4:4", "hevc", "ffv1", "mjpeg"),
        ("aac", "aac 7.1", "flac 7.1", "pcm 7.1", "opus 7.1", "none"),
    ),
    "mp4": (("h264", "h264 4:4:4", "hevc"), ("aac", "aac 7.1", "none")),
    "mov": (("h264", "prores", "mjpeg"), ("pcm", "pcm 7.1", "none")),
}
MATRIX = ("mp4", "mov")
"""Containers that hold a display matrix."""
TURNS = {
    "plain": (0, False),
    "mirrored": (0, True),
    "turned 90": (90, False),
    "turned 180": (180, False),
    "turned 270, mirrored": (270, True),
}
LOOKS = (*TURNS, "cropped")
SIGNALS = ("speech", "speech over hum", "low tone", "silence")
MORE = {
    "trim": {"start": 1.2, "end": 5.8},
    "thumbnails": {"mode": "even", "count": 3},
    "extract-audio": {"format": "m4a"},
    "watermark": {"text": "Seen", "start": 1, "end": 2},
    "preview": {"kind": "loop", "seconds": 2, "count": 2},
    "convert": {"target": "mp4", "quality": "small", "resolution": 64},
    "clean-audio": {},
}
FACTORS = {"container": CONTAINERS, "video": VIDEO, "audio": AUDIO, "look": LOOKS, "signal": SIGNALS, "more": MORE}
Combination = tuple[str, ...]
Ranges = tuple[tuple[float, float], ...]


def is_legal(one: Combination) -> bool:
    container, video, audio, look, signal, more = one
    videos, audios = CONTAINERS[container]
    if video not in videos or audio not in audios:
        return False
    if audio == "none" and (signal != "silence" or more in ("extract-audio", "clean-audio")):
        return False
    if look == "cropped":
        return container in (*MATRIX, "mkv") and video.startswith("h264") and audio in ("aac", "aac 7.1", "none")
    return look == "plain" or container in MATRIX


def chosen(count: int, seed: int, only: list[str]) -> list[Combination]:
    """Every pair of properties that can occur, then by chance up to `count`."""
    legal = [one for one in itertools.product(*FACTORS.values()) if is_legal(one)]
    pairs = list(covering(legal))
    rest = sorted(set(legal) - set(pairs))
    random.Random(seed).shuffle(rest)
    return [one for one in pairs + rest if set(only) <= set(one)][:count]


# Making --------------------------------------------------------------------------------------------------------------


def run(*arguments: object) -> None:
    subprocess.run(
        [ffmpeg.program(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True, capture_output=True
    )


def signal(kind: str) -> np.ndarray:
    """Mono samples, -1 to 1, of the whole recording."""
    time = np.arange(SECONDS * SAMPLES) / SAMPLES
    noise = np.random.default_rng(7).normal(0, 0.2, len(time))
    # Words of a quarter of a second, in the band that even a telephone carries.
    noise = np.convolve(noise, np.ones(12) / 12, "same") * 2 * (np.sin(2 * np.pi * 2 * time) > -0.5)
    tone = 0.3 * np.sin(2 * np.pi * (50 if kind == "speech over hum" else 70) * time)
    parts = {"speech": noise, "speech over hum": noise + tone, "low tone": tone, "silence": 0 * time}
    return np.clip(parts[kind], -0.99, 0.99)


def make(one: Combination, folder: Path) -> Path:
    container, video, audio, look, kind, _ = one
    suffix = container.partition(",")[0]
    pictures, sound = folder / "pictures.gray", folder / "sound.wav"
    width = SIZE[0] + CROPPED * (look == "cropped")
    with pictures.open("wb") as out:
        for number in range(SECONDS * RATE):
            shown = painted(number, SIZE)
            hidden = np.random.default_rng(number).integers(0, 255, (SIZE[1], width - SIZE[0]), np.uint8)
            out.write(np.concatenate([hidden, shown], axis=1).tobytes())
    with wave.open(str(sound), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLES)
        out.writeframes((signal(kind) * 32767).astype("<i2").tobytes())

    def written(name: str, *between: object) -> Path:
        raw = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{SIZE[1]}", "-r", RATE, *between, "-i", pictures)
        # Of eight channels each has the same, so that any mix of them has too.
        spread = ("-af", "pan=7.1|" + "|".join(f"c{c}=c0" for c in range(8))) if audio.endswith("7.1") else ()
        pixels = () if "-pix_fmt" in VIDEO[video] else ("-pix_fmt", "yuv420p")
        run(*raw, *between, "-i", sound, *VIDEO[video], *pixels, *spread, *AUDIO[audio], "-shortest", folder / name)
        return folder / name

    if container == "ts, joined":
        parts = written("first.ts", "-t", JOINT), written("second.ts", "-ss", JOINT)
        (folder / "source.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
        return folder / "source.ts"
    whole = folder / f"whole.{suffix}"
    if look != "cropped":
        written(whole.name)
    source = folder / f"source.{suffix}"
    if container == "ts, begun late":
        data = whole.read_bytes()
        source.write_bytes(data[len(data) // 188 // 5 * 188 :])
    elif look == "cropped":
        hiding = folder / "hiding.mp4"
        hiding.write_bytes(with_clap(written("whole.mp4").read_bytes(), (width, SIZE[1]), ContainerCrop(left=CROPPED)))
        run("-i", hiding, "-map", "0", "-c", "copy", source)
    elif look != "plain":
        angle, is_mirrored = TURNS[look]
        turn = ("-display_rotation", angle, *(("-display_hflip",) if is_mirrored else ()))
        run(*turn, "-i", whole, "-map", "0", "-c", "copy", source)
    else:
        whole.rename(source)
    return source


def ranges(container: str) -> Ranges:
    return KEEP_LATE if container == "ts, begun late" else KEEP


# Working, in a process of its own ------------------------------------------------------------------------------------


def work(source: Path, more: str, out: Path, keep: str) -> dict[str, Any]:
    """Probe, cut, and one more operation. What it says of a failure has a sentence, or a traceback as its fault."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoservice.settings")
    import django

    django.setup()
    from jobs.engine.pipelines.probe import probe
    from jobs.engine.probe import discontinuities
    from jobs.errors import JobError

    answer: dict[str, Any] = {"results": {}, "faults": []}
    try:
        info = probe(source).info
        source = discontinuities.readable_file(source, info, source.parent)
    except JobError as error:
        answer["faults"].append(f"probe: {error.message}")
        return answer
    answer["duration"] = float(info.duration)
    first = "silence-cut" if info.audio else "trim"
    for slug in dict.fromkeys((first, more)):
        data = {"keep": keep} if slug == "silence-cut" else MORE[slug]
        try:
            answer["results"][slug] = operate(slug, data, source, info, out / slug)
        except JobError as error:
            answer["faults"].append(f"{slug}: {error.message} {error.detail[-300:]}")
        except Exception:  # noqa: BLE001 whatever else comes is what is looked for
            answer["faults"].append(f"{slug}: {traceback.format_exc()[-600:]}")
    return answer


def operate(slug: str, data: dict[str, Any], source: Path, info: Any, scratch: Path) -> list[str]:
    from jobs.engine.runtime.subprocess_runner import CommandLog
    from jobs.operations import registry
    from jobs.operations.base import Context
    from jobs.services import parameters

    scratch.mkdir(parents=True)
    context = Context(source, info, {}, scratch, scratch, "Talk", lambda fraction, stage: None, CommandLog())
    drafts = registry.get(slug).run(context, parameters.parse(slug, data, info))
    return [str(draft.path) for draft in drafts]


# Judging -------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Verdict:
    faults: list[str] = dataclasses.field(default_factory=list)
    lag_ms: float | None = None


def numbers(path: Path, look: str) -> list[int]:
    """The number of every picture, as ffmpeg shows it: turned, mirrored and cropped as the file asks for."""
    argv = [
        ffmpeg.program(),
        "-v",
        "error",
        "-i",
        path,
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-vf",
        "scale=64:64:flags=area",
    ]
    done = subprocess.run([*map(str, argv), "-f", "rawvideo", "-pix_fmt", "gray", "-"], check=True, capture_output=True)
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, 64, 64)
    centres = frames[:, 8::16, 8::16]
    return [int((frame.reshape(-1) > 127) @ BITS) for frame in upright(centres, look)]


def upright(frames: np.ndarray, look: str) -> np.ndarray:
    """What was shown before it got a display matrix: ffmpeg turns counterclockwise, and mirrors what comes of that."""
    angle, is_mirrored = TURNS.get(look, (0, False))
    frames = frames[:, :, ::-1] if is_mirrored else frames
    return np.rot90(frames, -angle // 90, axes=(1, 2))


def runs_of(found: list[int]) -> list[tuple[int, int]]:
    """Pictures that follow each other in the source: the first of each run, and the one behind its last."""
    runs: list[tuple[int, int]] = []
    for number in found:
        if runs and number == runs[-1][1]:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


def judge_pictures(runs: list[tuple[int, int]], ranges: Ranges, one: Combination) -> Iterator[str]:
    """The kept ranges have to be runs of pictures without a hole, as long as it was, and where it was, to one picture.

    A recording begins with whatever track begins first, so all of them may be early by the same few pictures.
    """
    wanted = [(round(begin * RATE), round(end * RATE)) for begin, end in ranges]
    if len(runs) != len(wanted):
        yield f"{len(runs)} runs of pictures instead of {len(wanted)}: {runs[:8]}"
        return
    shift = runs[0][0] - wanted[0][0]
    if abs(shift) > MOST_SHIFTED and one[0] != "ts, begun late":
        yield f"begins with picture {runs[0][0]} instead of {wanted[0][0]}"
    for (begin, end), (first, last) in zip(wanted, runs, strict=True):
        if abs(first - shift - begin) > 1 or abs(last - first - end + begin) > 1:
            yield f"pictures {first} to {last} instead of {begin} to {end}"


def shown(path: Path) -> list[float]:
    """When each picture comes on show, seconds after the start."""
    with av.open(str(path)) as container:
        begin = (container.start_time or 0) / av.time_base
        return [float(frame.pts * frame.time_base) - begin for frame in container.decode(video=0)]


def samples(path: Path) -> np.ndarray:
    argv = [ffmpeg.program(), "-v", "error", "-i", str(path), "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0"]
    done = subprocess.run([*argv, "-ac", "1", "-ar", "16000", "-f", "f32le", "-"], check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.float32)


def judge_sound(path: Path, runs: list[tuple[int, int]], one: Combination, faults: list[str]) -> float | None:
    """Speech has to be heard where its pictures are. Returns by how many milliseconds it is late at most."""
    heard, truth = samples(path), signal(one[4])[::3]
    length = sum(last - first for first, last in runs) / RATE
    if abs(len(heard) / 16000 - length) > 0.15:
        faults.append(f"{len(heard) / 16000:.2f} s of sound instead of {length:.2f}")
    if not one[4].startswith("speech"):
        return None
    lags, times = [], shown(path)
    for first, last in runs:
        for number in range(first + 3, last - RATE // 2, 8):
            piece = heard[int(times[number - first] * 16000) :][:6400]
            lags.append(lag_seconds(piece, truth, number / RATE))
        times = times[last - first :]
    late = [lag for lag in lags if lag is None or abs(lag) > LATE_SECONDS]
    if len(late) > len(lags) // 5:
        faults.append(f"sound is elsewhere in {len(late)} of {len(lags)} places: {late[:4]}")
    return 1000 * max((lag for lag in lags if lag is not None), key=abs, default=0)


def lag_seconds(piece: np.ndarray, truth: np.ndarray, at: float) -> float | None:
    """By how much a piece comes later than it should; None where it is another sound."""
    reach = 3200
    around = truth[max(0, int(at * 16000) - reach) :][: len(piece) + 2 * reach]
    # Without what is below speech: hum looks the same everywhere.
    piece, around = np.diff(piece), np.diff(around)
    if len(around) <= len(piece) or not piece.any():
        return None
    product = np.correlate(around, piece, "valid")
    place = int(np.argmax(product))
    likeness = product[place] / (np.linalg.norm(around[place : place + len(piece)]) * np.linalg.norm(piece) + 1e-9)
    return (min(reach, int(at * 16000)) - place) / 16000 if likeness > 0.3 else None


def tried(one: Combination, folder: Path) -> Verdict:
    source = make(one, folder)
    argv = [sys.executable, __file__, "--work", source, one[5], folder / "out", json.dumps(ranges(one[0]))]
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    if done.returncode:
        return Verdict([f"the process ended with {done.returncode}: {done.stderr[-400:]}"])
    answer = json.loads(done.stdout.splitlines()[-1])
    verdict = Verdict(answer["faults"])
    wanted = {"silence-cut": ranges(one[0]), "trim": ((1.2, 5.8),), "convert": ((0, SECONDS),)}
    for slug, paths in answer["results"].items():
        if not all(Path(path).stat().st_size for path in paths):
            verdict.faults.append(f"{slug}: an empty result")
        if slug in wanted and not (slug == "convert" and one[0] == "ts, begun late"):
            runs = runs_of(numbers(Path(paths[0]), one[3]))
            faults = list(judge_pictures(runs, wanted[slug], one))
            if one[2] != "none":
                verdict.lag_ms = judge_sound(Path(paths[0]), runs, one, faults)
            verdict.faults += [f"{slug}: {fault}" for fault in faults]
    return verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=240, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="which of the many combinations")
    parser.add_argument("--only", nargs="*", default=[], help="properties that must occur, such as avi mpeg4")
    parser.add_argument("--keep", type=Path, help="a folder to keep the files in which something went wrong")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        source, more, out, keep = options.work
        print(json.dumps(work(Path(source), more, Path(out), keep)))
        return
    print(f"| {' | '.join(FACTORS)} | sound off, ms | faults |")
    print("|" + "---|" * (len(FACTORS) + 2))
    verdicts = {}
    for place, one in enumerate(chosen(options.files, options.seed, options.only)):
        with tempfile.TemporaryDirectory() as folder:
            verdicts[one] = verdict = tried(one, Path(folder))
            if verdict.faults and options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                next(Path(folder).glob("source.*")).rename(options.keep / f"{place}-{'-'.join(one)}".replace("/", "_"))
        lag = "-" if verdict.lag_ms is None else f"{verdict.lag_ms:.1f}"
        print(
            f"| {' | '.join(one)} | {lag} | {'; '.join(verdict.faults).splitlines()[0] if verdict.faults else ''} |",
            flush=True,
        )
    summarise(verdicts)
    sys.exit(any(verdict.faults for verdict in verdicts.values()))


def summarise(verdicts: dict[Combination, Verdict]) -> None:
    print("\n| kind | files | wrong |\n|---|--:|--:|")
    tried_, wrong = collections.Counter[str](), collections.Counter[str]()
    for one, verdict in verdicts.items():
        tried_.update(one)
        wrong.update(one if verdict.faults else ())
    for kind in [kind for factor in FACTORS.values() for kind in factor]:
        print(f"| {kind} | {tried_[kind]} | {wrong[kind]} |")
    print(f"\n{len(verdicts)} files, {sum(bool(verdict.faults) for verdict in verdicts.values())} with faults")
    for one, verdict in verdicts.items():
        for fault in verdict.faults:
            print(f"- {', '.join(one)}: {fault}")


if __name__ == "__main__":
    main()
