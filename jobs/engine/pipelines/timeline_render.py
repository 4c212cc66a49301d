"""From a timeline to a checked file: what a silence cut, a trim and a change of speed have in common."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jobs.engine.audio import packet_table
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.packet_copy import AudioCopy
from jobs.engine.audio.packet_table import CannotCopy, PacketSurvey
from jobs.engine.captions import embedded_tracks
from jobs.engine.captions.transcript import Transcript
from jobs.engine.container import muxers
from jobs.engine.model.report import Report, counted
from jobs.engine.model.timeline import Timeline
from jobs.engine.model.told import Told
from jobs.engine.render import checked_render, passthrough, sidetracks
from jobs.engine.render.audio_choice import NO_AUDIO, AudioResult, WantedCopy, chosen_copies
from jobs.engine.render.checked_render import Proven
from jobs.engine.render.passthrough import Captions
from jobs.engine.render.render import RenderRequest
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import all_intra
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.all_intra import IntraSurvey
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.strategy import Render, Strategy
from jobs.engine.video import frame_schedule
from jobs.engine.video.source import Source

Survey = Callable[[], CodedPictures]
AS_USUAL = AudioOptions()
FAILED_COPY = "a first result with copied packets did not pass its check"
INDEX_SHARE = 0.02
"""Of the time that the whole takes, for those who read nothing of the source before but when its frames are shown."""


@dataclasses.dataclass(frozen=True)
class RenderOptions:
    """How a timeline is rendered.

    "smart" copies the source's compressed pictures where a segment runs at its own speed and that is quicker, "encode"
    encodes them all. `track` is the audio track that counts where one does: in a file for one track it is kept, and a
    silence cut listens to it; "all" (there the first) or its number among the audio tracks. A `transcript` of the
    source becomes captions of the result.
    """

    way: Render = "smart"
    track: int | str = "all"
    transcript: Transcript | None = None
    audio: AudioOptions = AS_USUAL


USUAL = RenderOptions()


@dataclasses.dataclass(frozen=True)
class Readings:
    """What else would be read of a source by itself, for who has read it already, or makes several results of it.

    `coded` tells how its compressed pictures are stored, `intra` which ones stand for themselves, `packets` how its
    audio is stored, and `captions` are its text tracks.
    """

    coded: Survey | None = None
    intra: IntraSurvey = all_intra.survey
    packets: PacketSurvey = packet_table.survey
    captions: embedded_tracks.Stored | None = None


NOTHING_READ = Readings()


@dataclasses.dataclass(frozen=True)
class TimelineResult:
    """How a timeline was rendered, and what checking it before it was published has found.

    `seconds` is time on the clock for "analysis", "render" and "verify", `captions` are the text tracks inside the
    result, `notes` what there is to say about what was left out, in sentences.
    """

    timeline: Timeline
    strategy: Strategy
    report: Report
    seconds: dict[str, float]
    captions: Captions = ()
    notes: tuple[str, ...] = ()
    audio: AudioResult = NO_AUDIO

    @property
    def frames(self) -> int:
        return self.report.frames

    @property
    def frames_copied(self) -> int:
        """How many are the source's own, bit for bit."""
        return self.strategy.copied

    @property
    def render(self) -> Render:
        """ "smart" where any of it is the source's own: of the picture, or of audio where there is none."""
        copies_audio_alone = not self.report.frames and any(self.audio.copies)
        return "smart" if copies_audio_alone else self.strategy.render

    @property
    def reason(self) -> str:
        """Why it was rendered like that, in a sentence; empty when there is no picture."""
        return self.strategy.reason

    @property
    def told(self) -> Told:
        return dataclasses.replace(
            lengths(self.timeline),
            reason=self.reason,
            checked=self.report.summary,
            notes=self.notes,
            facts=self.audio.facts or None,
            everywhere_seconds=self.strategy.everywhere_seconds(self.seconds["render"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **self.told.to_json(),
            "frames": self.frames,
            "frames_copied": self.frames_copied,
            "render": self.render,
            **self.audio.to_json(),
            "report": self.report.to_json(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def lengths(timeline: Timeline) -> Told:
    """How long a timeline's only source is, and its result."""
    (duration,) = timeline.source_durations
    return Told(source_seconds=round(float(duration), 6), output_seconds=round(float(timeline.duration), 6))


def render_timeline(
    source: Source,
    timeline: Timeline,
    output: Path,
    work: Workspace,
    options: RenderOptions = USUAL,
    readings: Readings = NOTHING_READ,
) -> TimelineResult:
    """Write the timeline of a source to `output`, which appears when it is whole and has been checked (`verify`).

    Its ending says what kind of file (`muxers`); in one for audio alone a picture is left out. The timeline's
    boundaries are instants of the index's clock (`FrameIndex`), or samples where there is none. Raises InputError,
    ToolError, ResourceError, and what `work.progress` raises.
    """
    container, given = muxers.for_name(output), source
    if container.audio_only:
        source = source.audio_only
    seconds: dict[str, float] = {}
    with checked_render.timed(seconds, "analysis"):
        strategy = strategies.ENCODE_ALL
        if source.index:
            wanted = frame_schedule.schedule(source.index, timeline.segments)
            whole = functools.partial(all_intra.plan_intra_copy, source, wanted, container, readings.intra)
            survey = readings.coded or functools.partial(strategies.survey_seekable, source)
            how = survey if options.way == "smart" else None
            strategy = strategies.choose(source, wanted, how, container, whole)
        kept = passthrough.read(source, timeline, transcript=options.transcript, log=work.log, stored=readings.captions)
    if container.audio_file:
        source = source.with_audio(muxers.audio_track_of(source.info, options.track))
    audio = options.audio.encoding_unless_asked if options.way == "encode" else options.audio
    with checked_render.timed(seconds, "analysis"):
        wanted_copy = WantedCopy.of(source, timeline, container, audio)
        chosen = chosen_copies(source, wanted_copy, CancellationToken(), readings.packets)
    copies = tuple(None if isinstance(one, CannotCopy) else one for one in chosen)
    request = RenderRequest(
        source, timeline, kept, container, audio.loudness_lufs, copies, audio.handover, audio.way == "copy"
    )
    proven = checked_render.publish(request, strategy, output, work)
    made = _audio_result(request, proven, chosen)
    notes = [*made.notes, *sidetracks.left_out(given, output)]
    if (left := len(given.info.audio) - len(source.info.audio)) > 0:
        notes.append(f"{container.name} holds one track of sound: {counted(left, 'other')} left out.")
    seconds |= proven.seconds
    return TimelineResult(timeline, proven.strategy, proven.report, seconds, kept.captions, tuple(notes), made)


def _audio_result(request: RenderRequest, proven: Proven, chosen: Sequence[AudioCopy | CannotCopy]) -> AudioResult:
    """What became of the tracks: of copies that were wanted and are none, why."""
    tracks = request.source.info.audio
    copies = proven.audio_copies or (None,) * len(tracks)
    lossless = tuple(request.keeps(track, proven.strategy) for track in tracks)

    def reason(number: int) -> str:
        if not request.keeps_lossless or copies[number] or lossless[number]:
            return ""
        why = chosen[number]
        return str(why) if isinstance(why, CannotCopy) else FAILED_COPY

    return AudioResult(copies, proven.levellings, lossless, tuple(map(reason, range(len(tracks)))))
