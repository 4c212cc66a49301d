"""Decoded audio that goes on without a gap, made inside libavfilter: Python sees blocks of seconds alone.

Frame by frame (`sample_clock`) every one costs several turns at the interpreter's lock, which other threads wait for as
well. What is not steady, or not understood, has to be read that way."""

import collections
from collections.abc import Iterator

import av.error
from av.filter import Graph

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.sample_clock import Positioned, Samples, samples_of
from jobs.engine.container import mp3_frames
from jobs.engine.model.audio_layout import HOLE_SECONDS, LAYOUTS
from jobs.engine.runtime.threads import CancellationToken


class NotGapless(Exception):
    """Raised where audio is missing, comes twice, or cannot be decoded."""


def decoded_gapless(
    audio: AudioSource, rate: int, channels: int, *, block: int, token: CancellationToken
) -> Iterator[Positioned]:
    """The audio of a track in blocks of `block` samples, fewer at the end.

    Raises NotGapless, after what was right up to there. A time stamp that is off for less than a block goes unnoticed.
    """
    # A block is right when the next one begins where it ends. After the last there is one of silence, which tells.
    waiting: collections.deque[Positioned] = collections.deque()
    position = count = 0
    for begin, samples in _pulled(_graph(audio, rate, channels, block), token):
        if not waiting:
            position = round(begin * rate)
        elif abs(begin * rate - position - count) > HOLE_SECONDS * rate:
            raise NotGapless
        waiting.append((position + count, samples))
        count += len(samples)
        # The silence reaches back into the last block but one.
        if len(waiting) > 2:
            yield waiting.popleft()
    end = position + count - block
    for begin, samples in waiting:
        if begin < end:
            yield begin, samples[: end - begin]


def _pulled(graph: Graph, token: CancellationToken) -> Iterator[tuple[float, Samples]]:
    """Blocks with their time stamps in seconds."""
    while True:
        token.check()
        try:
            frame = graph.pull()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            raise NotGapless from error
        if frame.pts is None or frame.time_base is None:
            raise NotGapless
        yield float(frame.pts * frame.time_base), samples_of(frame)


def _graph(audio: AudioSource, rate: int, channels: int, block: int) -> Graph:
    graph = Graph()
    options = {"protocol_whitelist": "file", **mp3_frames.skip_options(audio.path, audio.format)}
    try:
        graph.link_nodes(
            graph.add(
                "amovie",
                filename=f"file:{audio.path}",
                format_name=audio.format,
                stream_index=str(audio.track.index),
                format_opts=":".join(f"{key}={value}" for key, value in options.items()),
                dec_threads="1",
            ),
            graph.add("aresample", f"{rate}:osf=flt:ochl={LAYOUTS[channels]}"),
            graph.add("apad", f"pad_len={block}"),
            graph.add("asetnsamples", f"{block}:pad=0"),
            graph.add("abuffersink"),
        ).configure()
    except (av.error.FFmpegError, ValueError) as error:
        raise NotGapless from error
    return graph
