"""What a recording holds beside picture and sound, and what its tracks are called; moved with a cut, for the result."""

import contextlib
import dataclasses
from collections.abc import Mapping

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition, Stream

from jobs.engine.captions import cues, embedded_tracks, line_breaking
from jobs.engine.captions.cues import Caption
from jobs.engine.captions.embedded_tracks import CaptionTrack
from jobs.engine.captions.transcript import Transcript, iso_639_2
from jobs.engine.container import demuxing
from jobs.engine.edit.exports import timecode
from jobs.engine.model.mediainfo import demuxer, one_line, title_of
from jobs.engine.model.timeline import Timeline
from jobs.engine.render import chapters
from jobs.engine.render.chapters import Chapter
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.video.source import Source

COVERS = {"mjpeg": ".jpg", "png": ".png"}
"""Codecs of cover pictures that MP4 takes, and what their files end in."""
KIND = {"major_brand", "minor_version", "compatible_brands"}
APPLES_PLACE = "com.apple.quicktime.location.ISO6709"
LARGEST_COVER = 20_000_000
Captions = tuple[tuple[CaptionTrack, list[Caption]], ...]
OF_TRANSCRIPT = -1
"""Stands for the stream index of captions that are not in the source."""
UNKEPT = Disposition.default | Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent


@dataclasses.dataclass(frozen=True)
class TrackLabel:
    """What a track is called and is for.

    `handler` is what MP4 calls who wrote it, which many players show. `roles` are libavformat's, such as "forced".
    """

    language: str = ""
    title: str = ""
    handler: str = ""
    is_default: bool = False
    roles: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Cover:
    """A cover picture as it is stored; `suffix` is that of its kind of file."""

    data: bytes
    suffix: str


@dataclasses.dataclass(frozen=True)
class Extras:
    """All times are those of the result. `tags` are the source's names and dates, `labels` go by its stream index.

    `timecode` is that of the first picture, where all that is kept follows without a gap.
    """

    chapters: tuple[Chapter, ...] = ()
    captions: Captions = ()
    cover: Cover | None = None
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    labels: Mapping[int, TrackLabel] = dataclasses.field(default_factory=dict)
    timecode: str = ""

    def label(self, index: int) -> TrackLabel:
        return self.labels.get(index, TrackLabel())


NO_EXTRAS = Extras()


def read(
    source: Source,
    timeline: Timeline,
    *,
    transcript: Transcript | None = None,
    log: CommandLog | None = None,
    stored: embedded_tracks.Stored | None = None,
) -> Extras:
    """What `timeline` keeps of them, and of a transcript as one more text track.

    `stored` are the source's text tracks, where they were read already.

    What cannot be read is left out: it is no reason to lose a cut.
    """
    extras = Extras()
    path, info = source.path, source.info
    with contextlib.suppress(av.error.FFmpegError, ValueError), demuxing.opened(path, demuxer(info)) as container:
        extras = Extras(
            chapters=tuple(chapters.retime(chapters.read(container, info.start), timeline)),
            cover=_cover(container),
            tags=_tags(container.metadata),
            labels={stream.index: _label(stream) for stream in container.streams},
        )
    if transcript:
        spoken = TrackLabel(language=iso_639_2(transcript.language), is_default=True)
        extras = dataclasses.replace(extras, labels={**extras.labels, OF_TRANSCRIPT: spoken})
    moved = moved_captions(source, timeline, transcript=transcript, log=log, stored=stored)
    return dataclasses.replace(extras, captions=moved, timecode=_timecode(source, timeline))


def _timecode(source: Source, timeline: Timeline) -> str:
    label, rate = "", timecode.timeline_rate(source.info)
    if len(timeline.segments) == 1 and timeline.segments[0].speed == 1:
        label = timecode.of_recording(source.path, source.info)
    with contextlib.suppress(ValueError):
        first = timecode.to_frames(label, rate) + round(timeline.segments[0].start * rate)
        return timecode.to_text(first, rate, timecode.is_drop(label))
    return ""


def moved_captions(
    source: Source,
    timeline: Timeline,
    *,
    transcript: Transcript | None = None,
    log: CommandLog | None = None,
    stored: embedded_tracks.Stored | None = None,
) -> Captions:
    """The text tracks, and the captions of a transcript, of which the timeline keeps anything."""
    embedded = embedded_tracks.all_of(source.path, source.info, log=log) if stored is None else stored
    moved = [(track, cues.retime(captions, timeline)) for track, captions in embedded]
    if transcript:
        track = CaptionTrack(OF_TRANSCRIPT, "subrip", iso_639_2(transcript.language))
        moved.append((track, line_breaking.captions_of(transcript.retimed(timeline))))
    return tuple((track, kept) for track, kept in moved if kept)


def _tags(told: Mapping[str, str]) -> dict[str, str]:
    """Names and dates of the whole; not of what kind the file is, for the result is of another."""
    tags = {key: text for key, text in told.items() if key not in KIND}
    if location := tags.get(APPLES_PLACE):
        # So that it is there, too, where others look for it, or when Apple's names cannot be kept.
        tags.setdefault("location", location)
    return tags


def _label(stream: Stream) -> TrackLabel:
    kept = stream.disposition & ~UNKEPT
    return TrackLabel(
        language=embedded_tracks.language_of(stream.metadata.get("language")),
        title=title_of(stream.metadata),
        handler=one_line(stream.metadata.get("handler_name", "")),
        is_default=bool(stream.disposition & Disposition.default),
        roles=tuple(role.name for role in Disposition if role.name and role in kept),
    )


def _cover(container: InputContainer) -> Cover | None:
    for stream in container.streams.video:
        context = stream.codec_context
        suffix = COVERS.get(context.codec.canonical_name) if context else None
        if suffix and stream.disposition & Disposition.attached_pic:
            # The demuxer has it at hand, and gives it before it reads anything else.
            packet = next(demuxing.packets(container, stream), None)
            if packet and 0 < packet.size <= LARGEST_COVER:
                return Cover(bytes(packet), suffix)
    return None
