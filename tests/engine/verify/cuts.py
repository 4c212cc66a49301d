"""Right results of cuts, and ways to spoil them."""

import dataclasses
import functools
from fractions import Fraction
from pathlib import Path

import av

from jobs.engine.edit.cut_plan import CutParams, CutPlan
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import Report
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import render
from jobs.engine.render.render import RenderRequest
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import strategy
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.verify.packet_checksums import Sums
from jobs.engine.verify.verify import Claims, verify
from jobs.engine.video import frame_index, frame_schedule
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make

LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5), (4.4, 5.6)]
KEEP = ((0.4, 1.2), (1.92, 2.4), (3.0, 3.6), (4.4, 5.6))
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(180)]


@dataclasses.dataclass(frozen=True)
class Cut:
    """A recording, its plan and a right result."""

    source: Path
    output: Path
    info: MediaInfo
    plan: CutPlan
    index: FrameIndex | None
    splice: Splice | None = None
    sounds: tuple[Sums, ...] | None = None

    def check(self, output: Path | None = None, progress=lambda done: None, **more) -> Report:
        """Of the result, or of an altered one; then by what is heard alone, unless the packets of sound are told."""
        claims = Claims(**{"splice": self.splice, "sounds": None if output else self.sounds, **more})
        source = Source(self.source, self.info, self.index)
        return verify(source, output or self.output, self.plan.timeline, claims, progress)


def cut_of(folder: Path, name: str, pictures: Picture | None, *sounds: Sound, keep=KEEP, way="encode") -> Cut:
    source = make(folder / name, pictures, *sounds)
    info = inspect(source)
    params = CutParams(keep=keep)
    plan = cutting.plan_only(Source(source, info), params)
    index = frame_index.index_frames(source, info) if info.video else None
    output = folder / "cut.mp4"
    found, recording = strategy.ENCODE_ALL, Source(source, info, index)
    if index:
        order = functools.partial(strategy.survey_seekable, recording) if way == "smart" else None
        found = strategy.choose(recording, frame_schedule.schedule(index, plan.timeline.segments), order)
        assert found.render == way
    made = render.render(RenderRequest(recording, plan.timeline), output, Workspace(folder), found)
    return Cut(source, output, info, plan, index, found.splice, made.sounds)


def codes(report: Report) -> set[str]:
    return {fault.code for fault in report.faults}


def remuxed(output: Path, altered: Path, *, pictures=lambda packets: packets, sounds=lambda packets: packets) -> Path:
    """The packets of `output` in another file; `pictures` and `sounds` turn what is there into what is written."""
    with av.open(str(output)) as before, av.open(str(altered), "w", format="mp4") as after:
        streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        packets = [packet for packet in before.demux() if packet.size]
        of = {kind: [packet for packet in packets if packet.stream.type == kind] for kind in ("video", "audio")}
        for packet in sorted(
            [*pictures(of["video"]), *sounds(of["audio"])], key=lambda packet: packet.dts * packet.time_base
        ):
            packet.stream = streams[packet.stream.index]
            after.mux(packet)
    return altered


def moved(packets: list, by: Fraction) -> list:
    for packet in packets:
        packet.pts += round(by / packet.time_base)
        packet.dts += round(by / packet.time_base)
    return packets
