"""What a recording is, found by opening it and decoding its first picture and sounds."""

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
from jobs.engine.model.mediainfo import WHOLE, AudioTrack, MediaInfo, VideoTrack, title_of
from jobs.engine.probe import cropping, demuxer_allowlist, display_matrix, encryption, extent, frame_rate, mp4_boxes
from jobs.errors import InputError

MAX_TRACKS = 64
MAX_SIDE = 16384
MAX_PACKETS = 6000
"""Within this many packets from the start every track has to show that it can be decoded."""
UNREAD = {"ac-4": "AC-4", **dict.fromkeys(("mha1", "mha2", "mhm1", "mhm2"), "MPEG-H")}
"""What MP4 calls sound that nothing here decodes, and what people call it."""
HDR_TRANSFERS = (16, 18)
"""PQ (SMPTE ST 2084) and HLG (ARIB STD-B67)."""


@dataclasses.dataclass
class Start:
    """What decoding the start of a recording brought: the first picture, the tracks with sound, picture times."""

    picture: VideoFrame | None = None
    sounding: set[int] = dataclasses.field(default_factory=set)
    seen: set[int] = dataclasses.field(default_factory=set)
    times: list[int] = dataclasses.field(default_factory=list)


def inspect(path: Path) -> MediaInfo:
    """The facts about a recording. Reads its headers, its first seconds, and as much more as its length needs.

    Raises InputError, with one of these codes, when it is not whole, known and playable: no_file, empty, not_media,
    image, encrypted, cut_off, damaged, no_streams, unknown_codec, too_many_tracks, picture_too_large, no_duration.
    Run it on strangers' files only in a bounded child process: see jobs.engine.pipelines.probe.
    """
    with demuxer_allowlist.opened(path) as container:
        demuxer_allowlist.refuse_pointers(path, container)
        encryption.refuse(path, container.format.name.partition(",")[0])
        video, audio = chosen(container, path)
        kept = [*([video] if video else []), *audio]
        start, duration = extent.span(path, container, kept)
        begin = decode_start(container, video, audio)
        early = leading(container, video, begin, start)
        start, duration = start - early, duration + early
        audio = playable(path, video, audio, begin)
        tracks = tuple(audio_track(track) for track in audio)
        size = path.stat().st_size
        total_rate = int(size * 8 / duration)
        spoken_for = sum(track.bit_rate for track in tracks)
        return MediaInfo(
            format=container.format.name,
            duration=duration,
            size_bytes=size,
            start=start,
            video=video_track(path, video, begin, start + duration / 2, total_rate, spoken_for) if video else None,
            audio=tracks,
            subtitles=tuple(track.language or "und" for track in container.streams if is_subtitle(track)),
            chapters=len(container.chapters()),
            unread=unread(container, path),
        )


def chosen(container: InputContainer, path: Path) -> tuple[VideoStream | None, list[AudioStream]]:
    """The picture track and the sound tracks that can be decoded."""
    if len(container.streams) > MAX_TRACKS:
        raise InputError(
            f"The recording has {len(container.streams)} tracks; at most {MAX_TRACKS} can be worked on. Export it with "
            "fewer.",
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
    if video and max(video.codec_context.width, video.codec_context.height) > MAX_SIDE:
        raise InputError(
            f"The picture of {video.codec_context.width} x {video.codec_context.height} is too large; at most "
            f"{MAX_SIDE} pixels a side can be worked on. Export it smaller.",
            detail=str(path),
            code="picture_too_large",
        )
    return video, known


def rank(track: VideoStream) -> tuple[bool, bool, int]:
    """The one to show among several picture tracks: marked as default, then the largest."""
    known = has_decoder(track)
    pixels = track.codec_context.width * track.codec_context.height if known else 0
    return known, bool(track.disposition & Disposition.default), pixels


def has_decoder(track: Stream) -> bool:
    # PyAV's stubs leave out that a track without a decoder has no codec context.
    return track.codec_context is not None


def unread(container: InputContainer, path: Path) -> tuple[str, ...]:
    """What each sound track without a decoder is stored as, as far as its container tells."""
    tracks = [track for track in container.streams.audio if not has_decoder(track)]
    entries = mp4_boxes.sample_entries(path) if tracks and container.format.name.startswith("mov") else {}
    return tuple(UNREAD.get("".join(entries.get(track.id, ())), "an unknown format") for track in tracks)


def is_subtitle(track: Stream) -> bool:
    return isinstance(track, SubtitleStream) or track.type == "subtitle"


def decode_start(container: InputContainer, video: VideoStream | None, audio: list[AudioStream]) -> Start:
    """Decode until every track has given something, and the times of a stretch of pictures are known."""
    begin = Start()
    kept = [*([video] if video else []), *audio]
    for track in kept:
        # One thread: many would multiply the memory of a single picture.
        track.codec_context.thread_count = 1
    # What comes before damage may be enough; when it is not, `playable` says so.
    for count, packet in enumerate(demuxing.packets(container, *kept)):
        take(packet, begin)
        pictured = not video or (begin.picture and len(begin.times) >= frame_rate.STRETCH)
        if count >= MAX_PACKETS or (pictured and len(begin.sounding) == len(audio)):
            break
    begin.times = frame_rate.in_order(begin.times)
    return begin


def leading(container: InputContainer, video: VideoStream | None, begin: Start, start: Fraction) -> Fraction:
    """For how long pictures are shown before the first one that is stored, from which containers tell their start."""
    picture = begin.picture
    if video is None or picture is None or picture.pts is None or picture.time_base is None:
        return Fraction(0)
    if demuxing.is_untimed(container, video):
        return Fraction(0)
    return max(Fraction(0), start - picture.pts * picture.time_base)


def take(packet: Packet, begin: Start) -> None:
    index = packet.stream_index
    if packet.size:
        begin.seen.add(index)
    is_video = isinstance(packet.stream, VideoStream)
    if is_video and packet.pts is not None and len(begin.times) < frame_rate.STRETCH:
        begin.times.append(packet.pts)
    if (is_video and begin.picture) or index in begin.sounding:
        return
    # A recording may start in the middle of a group of pictures: broken ones at first are no damage.
    with contextlib.suppress(av.error.FFmpegError):
        for frame in packet.decode():
            if not is_video:
                begin.sounding.add(index)
            elif isinstance(frame, VideoFrame) and not frame.is_corrupt:
                begin.picture = begin.picture or frame


def playable(path: Path, video: VideoStream | None, audio: list[AudioStream], begin: Start) -> list[AudioStream]:
    """The sound tracks with sound in them. Raises InputError when picture or sound are there but do not decode."""
    broken = [track.index for track in audio if track.index in begin.seen - begin.sounding]
    if (video and not begin.picture) or broken:
        raise demuxer_allowlist.damaged(f"{path}: track {broken or 'of pictures'} does not decode")
    sounding = [track for track in audio if track.index in begin.sounding]
    if not video and not sounding:
        raise demuxer_allowlist.damaged(f"{path}: no sound in the first {MAX_PACKETS} packets")
    return sounding


def video_track(
    path: Path, track: VideoStream, begin: Start, middle: Fraction, total_rate: int, spoken_for: int
) -> VideoTrack:
    picture = begin.picture
    assert picture is not None
    rotation, is_mirrored = display_matrix.told(picture)
    crop = cropping.told(track)
    if not crop.fits(picture.width, picture.height):
        crop = WHOLE
    base = track.time_base or Fraction(1, 1000)
    rate = frame_rate.mean_rate(begin.times, base)
    stated = track.codec_context.bit_rate or 0
    return VideoTrack(
        index=track.index,
        codec=track.codec_context.codec.canonical_name,
        width=picture.width - crop.left - crop.right,
        height=picture.height - crop.top - crop.bottom,
        crop=crop,
        rotation=rotation,
        mirrored=is_mirrored,
        sample_aspect=sample_aspect(track),
        frame_rate=frame_rate.nominal_rate(track, rate),
        variable_rate=is_variable(path, track, begin.times, middle),
        pixel_format=picture.format.name,
        hdr=picture.color_trc in HDR_TRANSFERS,
        # MPEG-1 and -2 state the rate of their buffer, which can be ten times that of the file.
        bit_rate=stated if 0 < stated <= total_rate else max(0, total_rate - spoken_for),
    )


def sample_aspect(track: VideoStream) -> Fraction:
    """Width of a sample over its height; 1 when it is not given or absurd."""
    aspect = Fraction(track.sample_aspect_ratio or 1)
    return aspect if Fraction(1, 16) <= aspect <= 16 else Fraction(1)


def is_variable(path: Path, track: VideoStream, times: list[int], middle: Fraction) -> bool:
    """Whether pictures come unevenly: at the start, in the middle, or anywhere by a full index."""
    base = track.time_base or Fraction(1, 1000)
    if frame_rate.is_uneven(times, base) or frame_rate.is_uneven(frame_rate.index_times(track), base):
        return True
    with demuxer_allowlist.opened(path) as container:
        later = frame_rate.picture_times(container, track.index, middle)
    rate, later_rate = frame_rate.mean_rate(times, base), frame_rate.mean_rate(later, base)
    changed = bool(rate and later_rate and len(later) > 30 and abs(rate - later_rate) > rate / 100)
    return changed or frame_rate.is_uneven(later, base)


def audio_track(track: AudioStream) -> AudioTrack:
    language = track.language or ""
    return AudioTrack(
        index=track.index,
        codec=track.codec_context.codec.canonical_name,
        sample_rate=track.codec_context.sample_rate,
        channels=track.codec_context.channels,
        language="" if language == "und" else language,
        title=title_of(track.metadata),
        bit_rate=track.codec_context.bit_rate or 0,
    )
