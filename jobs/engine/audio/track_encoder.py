"""How audio is encoded for a container: AAC, Opus, or without loss as FLAC; each in an MP4 file of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
from av.audio.stream import AudioStream

from jobs.engine.audio import aac_encoder
from jobs.engine.audio.aac_encoder import AudioEncoder
from jobs.engine.audio.decoder import output_rate
from jobs.engine.container import audio_files
from jobs.engine.container.muxers import AudioCoding
from jobs.engine.model.audio_layout import LAYOUTS
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.runtime import libav_errors

OPUS_RATE = 48_000
"""The one that Opus plays at, whatever went in."""
ENCODERS = {"opus": "libopus", "flac": "flac", "flac24": "flac"}


def rate_of(track: AudioTrack, coding: AudioCoding) -> int:
    """Samples a second of the track as it is encoded."""
    return OPUS_RATE if coding == "opus" else output_rate(track)


@contextlib.contextmanager
def encoder(
    output: Path, track: AudioTrack, rate: int, channels: int, coding: AudioCoding, *, dual_mono: bool = False
) -> Iterator[AudioEncoder]:
    """Write an MP4 file of one track; it is whole when the block ends well. Raises ToolError, ResourceError.

    `dual_mono` says that both channels are the same; only for AAC.
    """
    if coding == "aac":
        with aac_encoder.encoder(output, rate, channels, dual_mono=dual_mono) as made:
            yield made
        return
    with libav_errors.errors("sound"), av.open(f"file:{output}", "w", format="mp4") as container:
        stream = container.add_stream(ENCODERS[coding], rate=rate, layout=LAYOUTS[channels])
        assert isinstance(stream, AudioStream)
        if coding == "opus":
            stream.bit_rate = audio_files.FORMATS["opus"].usual_kbps(channels) * 1000
        else:
            is_deep = coding == "flac24" or audio_files.may_have_over_16_bits(track)
            stream.codec_context.format = "s32" if is_deep else "s16"
        made = AudioEncoder(container, stream)
        yield made
        made.finish()
