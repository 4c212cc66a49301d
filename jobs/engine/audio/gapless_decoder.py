"""Decoded sound that goes on without a hole, made inside libavfilter: Python sees blocks of seconds alone.

Frame by frame (`placed`) every one costs several turns at the interpreter's lock, which other threads wait for as well.
What is not steady, or not understood, has to be read that way.
"""

import collections
from collections.abc import Iterator
from pathlib import Path

import av.error
from av.filter import Graph

from jobs.engine.audio.sample_clock import Placed, Samples, samples_of
from jobs.engine.container import mp3_frames
from jobs.engine.model.audio_layout import HOLE_SECONDS, LAYOUTS
from jobs.engine.runtime.threads import Halt


class Unsteady(Exception):
    """Raised where sound is missing, comes twice, or cannot be decoded."""


def steady(
    path: Path, format: str, index: int, rate: int, channels: int, *, block: int, halt: Halt
) -> Iterator[Placed]:
    """The sound of stream number `index` of a file of this format, in blocks of `block` samples, fewer at the end.

    Raises Unsteady, after what was right up to there. A time stamp that is off for less than a block goes unnoticed.
    """
    # A block is right when the next one begins where it ends. After the last there is one of silence, which tells.
    waiting: collections.deque[Placed] = collections.deque()
    place = count = 0
    for begin, samples in _pulled(_graph(path, format, index, rate, channels, block), halt):
        if not waiting:
            place = round(begin * rate)
        elif abs(begin * rate - place - count) > HOLE_SECONDS * rate:
            raise Unsteady
        waiting.append((place + count, samples))
        count += len(samples)
        # The silence reaches back into the last block but one.
        if len(waiting) > 2:
            yield waiting.popleft()
    end = place + count - block
    for begin, samples in waiting:
        if begin < end:
            yield begin, samples[: end - begin]


def _pulled(graph: Graph, halt: Halt) -> Iterator[tuple[float, Samples]]:
    """Blocks with their time stamps in seconds."""
    while True:
        halt.check()
        try:
            frame = graph.pull()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            raise Unsteady from error
        if frame.pts is None or frame.time_base is None:
            raise Unsteady
        yield float(frame.pts * frame.time_base), samples_of(frame)


def _graph(path: Path, format: str, index: int, rate: int, channels: int, block: int) -> Graph:
    graph = Graph()
    options = {"protocol_whitelist": "file", **mp3_frames.skipping(path, format)}
    try:
        graph.link_nodes(
            graph.add(
                "amovie",
                filename=f"file:{path}",
                format_name=format,
                stream_index=str(index),
                format_opts=":".join(f"{key}={value}" for key, value in options.items()),
                dec_threads="1",
            ),
            graph.add("aresample", f"{rate}:osf=flt:ochl={LAYOUTS[channels]}"),
            graph.add("apad", f"pad_len={block}"),
            graph.add("asetnsamples", f"{block}:pad=0"),
            graph.add("abuffersink"),
        ).configure()
    except (av.error.FFmpegError, ValueError) as error:
        raise Unsteady from error
    return graph
