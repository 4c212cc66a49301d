"""Encoding frames so that they fit between copied pictures of the same track."""

from collections.abc import Iterator
from fractions import Fraction

import av.error
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.smartcut.codec import CannotCopy, Coding, PatchSettings
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video.encoded_packets import EncodedPacket, packets
from jobs.errors import ToolError


def fitting_coding(coded: CodedPictures, track: VideoTrack, clock_hz: int, quality: PatchSettings) -> Coding:
    """How to encode what is to stand between coded pictures. Raises CannotCopy when one header cannot hold both."""
    # As they say, or as it is found.
    reorder_pictures = max(coded.reorder_pictures, *(sps.max_num_reorder or 0 for sps in coded.all_sps))
    coding = Coding(coded.codec, coded.parameter_sets, reorder_pictures, track, clock_hz, quality, coded.quantizer)
    try:
        coded.codec.decoder_configuration(coding)
    except (av.error.FFmpegError, ToolError) as error:
        raise CannotCopy("no encoder fits its coding") from error
    return coding


def encoded_packets(coding: Coding, frames: Iterator[tuple[int, VideoFrame]]) -> Iterator[EncodedPacket]:
    """Encode frames with their times; the packets come in decoding order."""

    def stored(packet: Packet) -> EncodedPacket:
        assert packet.pts is not None
        is_key = packet.is_keyframe
        return packet.pts, coding.codec.stored_packet(coding, memoryview(packet), is_key=is_key), is_key

    def placed() -> Iterator[VideoFrame]:
        for number, (at, frame) in enumerate(frames):
            # The decoder may give the same frame twice; the encoder keeps what is set here with a reference of its own.
            frame.pts, frame.time_base = at, Fraction(1, coding.clock_hz)
            # The source's frame types must not be forced on the encoder, nor a B-frame on who does without.
            is_free = coding.settings.bframes or number % coding.gop_pictures == 0
            frame.pict_type = PictureType.NONE if is_free else PictureType.P
            yield frame

    yield from map(stored, packets(coding.codec.open_encoder(coding), placed()))
