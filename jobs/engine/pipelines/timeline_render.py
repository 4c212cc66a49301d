"""From a timeline to a checked file: what a silence cut, a trim and a change of speed have in common."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.captions.transcript import Transcript
from jobs.engine.container import muxers
from jobs.engine.model.report import Report, counted
from jobs.engine.model.timeline import Timeline
from jobs.engine.render import checked_render, passthrough, sidetracks
from jobs.engine.render.audio_choice import NO_AUDIO, AudioResult, chosen_copies
from jobs.engine.render.passthrough import Captions
from jobs.engine.render.render import RenderRequest
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import all_intra
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.strategy import Render, Strategy
from jobs.engine.video import frame_schedule
from jobs.engine.video.source import Source

Survey = Callable[[], CodedPictures]
AS_USUAL = AudioOptions()


@dataclasses.dataclass(frozen=True)
class TimelineResult:
    """How a timeline was rendered, and what checking it before it was published has found.

    `seconds` is time on the clock for "analysis", "render" and "verify", `captions` are the text tracks inside the
    result, `notes` what there is to say about what was left out, in sentences.
    """

    strategy: Strategy
    report: Report
    seconds: dict[str, float]
    captions: Captions = ()
    notes: tuple[str, ...] = ()
    audio: AudioResult = NO_AUDIO


def render_timeline(
    source: Source,
    timeline: Timeline,
    output: Path,
    work: Workspace,
    *,
    way: Render = "smart",
    track: int | str = "all",
    transcript: Transcript | None = None,
    survey: Survey | None = None,
    audio: AudioOptions = AS_USUAL,
) -> TimelineResult:
    """Write the timeline of a source to `output`, which appears when it is whole and has been checked (`verify`).

    Its ending says what kind of file (`muxers`); in one for audio alone a picture is left out, and of several tracks
    all but `track`, "all" (the first) or its number among them. The timeline's boundaries are instants of the index's
    clock (`FrameIndex`), or samples where there is none. "smart" copies the source's compressed pictures where a
    segment runs at its own speed and that is quicker, "encode" encodes them all; `survey` tells how they are stored,
    where that is known already. A `transcript` of the source becomes captions of the result. Raises InputError,
    ToolError, ResourceError, and what `work.progress` raises.
    """
    container, whole_source = muxers.for_name(output), source
    if container.audio_only:
        source = source.audio_only
    seconds: dict[str, float] = {}
    with checked_render.timed(seconds, "analysis"):
        strategy = strategies.ENCODE_ALL
        if source.index:
            wanted = frame_schedule.schedule(source.index, timeline.segments)
            whole = functools.partial(all_intra.plan_intra_copy, source, wanted, container)
            survey = survey or functools.partial(strategies.survey_seekable, source)
            how = survey if way == "smart" else None
            strategy = strategies.choose(source, wanted, how, container, whole)
        kept = passthrough.read(source, timeline, transcript=transcript, log=work.log)
    if container.audio_file:
        source = source.with_audio(muxers.audio_track_of(source.info, track))
    with checked_render.timed(seconds, "analysis"):
        if way == "encode":
            audio = audio.encoding_unless_asked
        copies = chosen_copies(source, timeline, container, audio, CancellationToken())
    request = RenderRequest(source, timeline, kept, container, audio.loudness_lufs, copies)
    result = checked_render.publish(request, strategy, output, work)
    made = AudioResult(result.audio_copies or (None,) * len(source.info.audio), result.levellings)
    notes = [*made.notes, *sidetracks.left_out(whole_source, output)]
    if (left := len(whole_source.info.audio) - len(source.info.audio)) > 0:
        notes.append(f"{container.name} holds one track of sound: {counted(left, 'other')} left out.")
    return TimelineResult(
        result.strategy,
        result.report,
        {**seconds, **result.seconds},
        kept.captions,
        tuple(notes),
        made,
    )
