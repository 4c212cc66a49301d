"""How long encoding all of a recording's picture takes: in chunks beside each other, against one encoder for all.

    python benchmarks/whole_encode.py --media talk.mp4 [--loops 3] [--keyframe-every 250] [--runs 3]

Prints a table: seconds on the clock and of processor (the best of the runs, which take turns), how much of the clock's
time each of the cores was busy for it, the result's size, and the mean PSNR of luma to the source: of all pictures, and
of the first eight of each chunk.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from unittest import mock

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.cut_recordings import Recipe, encoded, looped
from benchmarks.silence_cut import Row, timed
from jobs.engine.model.segment import Segment
from jobs.engine.probe.inspection import inspect
from jobs.engine.video import chunked_encoder, frame_index, frame_schedule
from jobs.engine.video.encoding_threads import maximum_threads
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.source import Source

STARTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="a recording with a picture")
    parser.add_argument("--loops", type=int, default=1, help="repeat the recording this often, without encoding")
    parser.add_argument("--keyframe-every", type=int, help="encode the recording anew first, a keyframe every N frames")
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = looped(encoded(arguments.media, Recipe(arguments.keyframe_every), folder), arguments.loops, folder)
        compare(source, arguments.runs, folder)


def compare(source: Path, runs: int, folder: Path) -> None:
    info = inspect(source)
    index = frame_index.index_frames(source, info)
    wanted = frame_schedule.schedule(index, [Segment(Fraction(0), Fraction(index.end_tick, index.clock_hz))])
    threads = maximum_threads(info.require_video())
    chunks = chunked_encoder.chunks(wanted, index, threads)
    ways = {"one encoder": [(0, len(wanted.source_pts))], "chunks": chunks}
    rows: dict[str, list[Row]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, parts in ways.items():
            output = folder / f"{name}.mp4"
            with mock.patch.object(chunked_encoder, "chunks", lambda *_, parts=parts: parts):
                rows[name].append(timed(name, lambda output=output: encode(source, index, wanted, output), output))
    print(f"{len(wanted.source_pts)} pictures, {len(chunks)} chunks, {threads} threads\n")
    print("| | seconds | processor | cores busy | size MB | dB | dB at starts |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    starts = {first + step for first, _ in chunks for step in range(STARTS)}
    for name, timings in rows.items():
        row = min(timings, key=lambda row: row.seconds)
        likeness = np.array(list(likenesses(source, folder / f"{name}.mp4")))
        first = likeness[[place for place in range(len(likeness)) if place in starts]]
        print(
            f"| {name} | {row.seconds:.2f} | {row.processor:.2f} | {row.processor / row.seconds:.2f} "
            f"| {row.size / 1e6:.2f} | {likeness.mean():.2f} | {first.mean():.2f} |"
        )


def encode(source: Path, index: FrameIndex, wanted: Schedule, output: Path) -> None:
    indexed = Source(source, inspect(source), index)
    chunked_encoder.encode_frames(indexed, wanted, output, progress=lambda fraction: None)


def likenesses(source: Path, output: Path) -> Iterator[float]:
    """PSNR of luma in dB, picture by picture."""
    with av.open(str(source)) as left, av.open(str(output)) as right:
        for before, after in zip(left.decode(video=0), right.decode(video=0), strict=True):
            difference = before.to_ndarray(format="gray").astype(float) - after.to_ndarray(format="gray")
            yield 10 * float(np.log10(255**2 / max(1e-6, (difference**2).mean())))


if __name__ == "__main__":
    main()
