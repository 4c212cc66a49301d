"""What a recording is, found by opening it and decoding its first frame and audio."""

import contextlib
import dataclasses
from fractions import Fraction
from pathlib import Path

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.colour import HDR_TRANSFERS
from jobs.engine.model.mediainfo import NO_CROP, AudioTrack, MediaInfo, VideoTrack, title_of
from jobs.engine.probe import cropping, demuxer_allowlist, display_matrix, encryption, extent, frame_rate, mp4_boxes
from jobs.errors import InputError

MAXIMUM_TRACKS = 64
MAXIMUM_SIDE = 16384
MAXIMUM_PACKETS = 6000
DEPTH_UNTOLD = {"flac", "alac"}
"""Codecs without loss whose names do not tell how many bits a sample has."""
"""Within this many packets from the start every track has to show that it can be decoded."""
UNDECODABLE_NAMES = {"ac-4": "AC-4", **dict.fromkeys(("mha1", "mha2", "mhm1", "mhm2"), "MPEG-H")}
"""What MP4 calls audio that nothing here decodes, and what people call it."""


@dataclasses.dataclass
class DecodedStart:
    """What decoding the start of a recording brought: the first frame, the tracks with audio, frame times."""

    first_frame: VideoFrame | None = None
    decoded_audio: set[int] = dataclasses.field(default_factory=set)
    tracks_seen: set[int] = dataclasses.field(default_factory=set)
    frame_times: list[int] = dataclasses.field(default_factory=list)


def inspect(path: Path) -> MediaInfo:
    """The facts about a recording. Reads its headers, its first seconds, and as much more as its length needs.

    Raises InputError, with one of these codes, when it is not whole, known and playable: no_file, empty, not_media,
    image, encrypted, cut_off, damaged, no_streams, unknown_codec, too_many_tracks, picture_too_large, no_duration.
    Run it on strangers' files only in a bounded child process: see jobs.engine.pipelines.probe.
    """
    with demuxer_allowlist.opened(path) as container:
        demuxer_allowlist.refuse_external_references(path, container)
        encryption.refuse(path, container.format.name.partition(",")[0])
        video, audio = selected_tracks(container, path)
        kept = [*([video] if video else []), *audio]
        start, duration = extent.span(path, container, kept)
        decoded = decode_start(container, video, audio)
        early = leading_seconds(container, video, decoded, start)
        start, duration = start - early, duration + early
        audio = playable(path, video, audio, decoded)
        tracks = tuple(audio_track(track) for track in audio)
        size = path.stat().st_size
        total_rate = int(size * 8 / duration)
        audio_rate = sum(track.bit_rate for track in tracks)
        return MediaInfo(
            format=container.format.name,
            duration=duration,
            size_bytes=size,
            start=start,
            video=video_track(path, video, decoded, start + duration / 2, total_rate, audio_rate) if video else None,
            audio=tracks,
            subtitles=tuple(track.language or "und" for track in container.streams if is_subtitle(track)),
            chapters=len(container.chapters()),
            unread=undecodable_audio(container, path),
        )


def selected_tracks(container: InputContainer, path: Path) -> tuple[VideoStream | None, list[AudioStream]]:
    """The video track and the audio tracks that can be decoded."""
    if len(container.streams) > MAXIMUM_TRACKS:
        raise InputError(
            f"The recording has {len(container.streams)} tracks; at most {MAXIMUM_TRACKS} can be worked on. "
            "Export it with fewer.",
            detail=str(path),
            code="too_many_tracks",
        )
    videos = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    audios = list(container.streams.audio)
    if not videos and not audios:
        raise InputError(
            "There is neither picture nor sound in this file. Choose another one.", detail=str(path), code="no_streams"
        )
    video = max(videos, key=rank, default=None)
    known = [track for track in audios if has_decoder(track)]
    if (video and not has_decoder(video)) or not (video or known):
        raise InputError(
            f"The {'picture' if video and not has_decoder(video) else 'sound'} of this recording is in a format that "
            "is not known here. Export it as MP4 with H.264 and AAC and upload that.",
            detail=str(path),
            code="unknown_codec",
        )
    if video and max(video.codec_context.width, video.codec_context.height) > MAXIMUM_SIDE:
        raise InputError(
            f"The picture of {video.codec_context.width} x {video.codec_context.height} is too large; at most "
            f"{MAXIMUM_SIDE} pixels a side can be worked on. Export it smaller.",
            detail=str(path),
            code="picture_too_large",
        )
    return video, known


def rank(track: VideoStream) -> tuple[bool, bool, int]:
    """The one to show among several video tracks: marked as default, then the largest."""
    known = has_decoder(track)
    pixels = track.codec_context.width * track.codec_context.height if known else 0
    return known, bool(track.disposition & Disposition.default), pixels


def has_decoder(track: Stream) -> bool:
    # PyAV's stubs leave out that a track without a decoder has no codec context.
    return track.codec_context is not None


def undecodable_audio(container: InputContainer, path: Path) -> tuple[str, ...]:
    """What each audio track without a decoder is stored as, as far as its container tells."""
    tracks = [track for track in container.streams.audio if not has_decoder(track)]
    entries = mp4_boxes.sample_entries(path) if tracks and container.format.name.startswith("mov") else {}
    return tuple(UNDECODABLE_NAMES.get("".join(entries.get(track.id, ())), "an unknown format") for track in tracks)


def is_subtitle(track: Stream) -> bool:
    return isinstance(track, SubtitleStream) or track.type == "subtitle"


def decode_start(container: InputContainer, video: VideoStream | None, audio: list[AudioStream]) -> DecodedStart:
    """Decode until every track has given something, and the times of a run of frames are known."""
    decoded = DecodedStart()
    kept = [*([video] if video else []), *audio]
    for track in kept:
        # One thread: many would multiply the memory of a single frame.
        track.codec_context.thread_count = 1
    # What comes before damage may be enough; when it is not, `playable` says so.
    for count, packet in enumerate(demuxing.packets(container, *kept)):
        take_packet(packet, decoded)
        has_frames = not video or (decoded.first_frame and len(decoded.frame_times) >= frame_rate.SAMPLED_FRAMES)
        if count >= MAXIMUM_PACKETS or (has_frames and len(decoded.decoded_audio) == len(audio)):
            break
    decoded.frame_times = frame_rate.in_order(decoded.frame_times)
    return decoded


def leading_seconds(
    container: InputContainer, video: VideoStream | None, decoded: DecodedStart, start: Fraction
) -> Fraction:
    """For how long frames are shown before the first one that is stored, from which containers tell their start."""
    frame = decoded.first_frame
    if video is None or frame is None or frame.pts is None or frame.time_base is None:
        return Fraction(0)
    if demuxing.is_untimed(container, video):
        return Fraction(0)
    return max(Fraction(0), start - frame.pts * frame.time_base)


def take_packet(packet: Packet, decoded: DecodedStart) -> None:
    index = packet.stream_index
    if packet.size:
        decoded.tracks_seen.add(index)
    is_video = isinstance(packet.stream, VideoStream)
    if is_video and packet.pts is not None and len(decoded.frame_times) < frame_rate.SAMPLED_FRAMES:
        decoded.frame_times.append(packet.pts)
    if (is_video and decoded.first_frame) or index in decoded.decoded_audio:
        return
    # A recording may start in the middle of a group of pictures (GOP): broken ones at first are no damage.
    with contextlib.suppress(av.error.FFmpegError):
        for frame in packet.decode():
            if not is_video:
                decoded.decoded_audio.add(index)
            elif isinstance(frame, VideoFrame) and not frame.is_corrupt:
                decoded.first_frame = decoded.first_frame or frame


def playable(
    path: Path, video: VideoStream | None, audio: list[AudioStream], decoded: DecodedStart
) -> list[AudioStream]:
    """The audio tracks with audio in them. Raises InputError when video or audio are there but do not decode."""
    broken = [track.index for track in audio if track.index in decoded.tracks_seen - decoded.decoded_audio]
    if (video and not decoded.first_frame) or broken:
        raise demuxer_allowlist.damaged(f"{path}: track {broken or 'of pictures'} does not decode")
    decoded_tracks = [track for track in audio if track.index in decoded.decoded_audio]
    if not video and not decoded_tracks:
        raise demuxer_allowlist.damaged(f"{path}: no sound in the first {MAXIMUM_PACKETS} packets")
    return decoded_tracks


def video_track(
    path: Path, track: VideoStream, decoded: DecodedStart, middle: Fraction, total_rate: int, audio_rate: int
) -> VideoTrack:
    frame = decoded.first_frame
    assert frame is not None
    rotation, is_mirrored = display_matrix.orientation_of(frame)
    crop = cropping.container_crop(track)
    if not crop.fits(frame.width, frame.height):
        crop = NO_CROP
    base = track.time_base or Fraction(1, 1000)
    rate = frame_rate.mean_rate(decoded.frame_times, base)
    stated = track.codec_context.bit_rate or 0
    return VideoTrack(
        index=track.index,
        codec=track.codec_context.codec.canonical_name,
        width=frame.width - crop.left - crop.right,
        height=frame.height - crop.top - crop.bottom,
        crop=crop,
        rotation=rotation,
        mirrored=is_mirrored,
        sample_aspect=sample_aspect(track),
        frame_rate=frame_rate.nominal_rate(track, rate),
        variable_rate=is_variable(path, track, decoded.frame_times, middle),
        pixel_format=frame.format.name,
        hdr=frame.color_trc in HDR_TRANSFERS,
        # MPEG-1 and -2 state the rate of their buffer, which can be ten times that of the file.
        bit_rate=stated if 0 < stated <= total_rate else max(0, total_rate - audio_rate),
    )


def sample_aspect(track: VideoStream) -> Fraction:
    """Width of a sample over its height; 1 when it is not given or absurd."""
    aspect = Fraction(track.sample_aspect_ratio or 1)
    return aspect if Fraction(1, 16) <= aspect <= 16 else Fraction(1)


def is_variable(path: Path, track: VideoStream, times: list[int], middle: Fraction) -> bool:
    """Whether frames come unevenly: at the start, in the middle, or anywhere by a full index."""
    base = track.time_base or Fraction(1, 1000)
    if frame_rate.is_uneven(times, base) or frame_rate.is_uneven(frame_rate.index_times(track), base):
        return True
    with demuxer_allowlist.opened(path) as container:
        later = frame_rate.frame_times(container, track.index, middle)
    rate, later_rate = frame_rate.mean_rate(times, base), frame_rate.mean_rate(later, base)
    changed = bool(rate and later_rate and len(later) > 30 and abs(rate - later_rate) > rate / 100)
    return changed or frame_rate.is_uneven(later, base)


def audio_track(track: AudioStream) -> AudioTrack:
    language, codec = track.language or "", track.codec_context.codec.canonical_name
    return AudioTrack(
        index=track.index,
        codec=codec,
        sample_rate=track.codec_context.sample_rate,
        channels=track.codec_context.channels,
        language="" if language == "und" else language,
        title=title_of(track.metadata),
        bit_rate=track.codec_context.bit_rate or 0,
        is_deep=codec in DEPTH_UNTOLD and (track.codec_context.format.bits if track.codec_context.format else 0) > 16,
    )
