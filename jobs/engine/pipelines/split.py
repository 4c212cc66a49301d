"""A recording in parts, one after the other, which together hold every frame and every sample of it once.

What tells how it is stored is read once for all parts: when its frames are shown, how its pictures are coded, which
packets its audio has. Each part is then a timeline of one segment, rendered and checked like any other result. It
begins and ends on the exact frame, so that what lies between that and the next keyframe is encoded, or on keyframes,
and then nothing is. Its audio is copied where that can be done.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis import peak_levels, vad
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.decoder import output_channels, output_rate
from jobs.engine.audio.packet_table import CannotCopy as CannotCopyAudio
from jobs.engine.audio.packet_table import PacketTable
from jobs.engine.container import audio_files
from jobs.engine.container.muxers import Container
from jobs.engine.edit import cut_plan
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.model.report import counted
from jobs.engine.model.share import percent
from jobs.engine.model.timeline import Range, Timeline
from jobs.engine.model.told import Told
from jobs.engine.pipelines import source_reading, split_points
from jobs.engine.pipelines.source_reading import Reading
from jobs.engine.pipelines.split_options import SplitOptions, check, require_few
from jobs.engine.pipelines.split_points import Part, Point, Snap, StoredSizes
from jobs.engine.pipelines.timeline_render import RenderOptions, TimelineResult, render_timeline
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.all_intra import IntraPictures
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video.source import Source
from jobs.errors import InputError

MAXIMUM_TRIES = 3
"""How often a part is made that comes out larger than asked, before it is made as small as it can be."""
READING_SHARE, MEASURING_SHARE = 0.1, 0.1
"""Of the time that all takes: reading how it is stored, and looking for pauses where that is asked for."""
COPIED = RenderOptions(audio=AudioOptions("copy"))
ENCODED_AUDIO_EXCESS = 1.1
"""How many times its usual bit rate encoded audio is expected to take at most."""


@dataclasses.dataclass(frozen=True)
class MadePart:
    """One part as a file, and how it was made and checked."""

    path: Path
    part: Part
    made: TimelineResult

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def fact(self, number: int) -> tuple[str, str]:
        """Which part it is, and from when to when it goes, and how it was made, in words."""
        made, title = self.made, f": {self.part.title}" if self.part.title else ""
        encoded = made.frames - made.frames_copied
        how = f", {counted(encoded, 'frame')} encoded" if encoded else ", copied" if made.frames else ""
        return f"Part {number}{title}", f"{_clock(self.part.start)} to {_clock(self.part.end)}{how}"

    def to_json(self) -> dict[str, Any]:
        """When it begins and ends in the recording, in seconds, and what a trim tells of its result."""
        facts = self.made.to_json()
        # Of which it is a part is no length before and after.
        length = facts.pop("output_duration")
        return {
            "start": round(float(self.part.start), 6),
            "end": round(float(self.part.end), 6),
            "duration": length,
            "title": self.part.title,
            "larger_than_asked": self.part.is_too_large,
            **{key: value for key, value in facts.items() if key not in ("source_duration", "notes")},
        }


def _clock(time: Fraction) -> str:
    """Hours, minutes, seconds and milliseconds: "0:01:05.500"."""
    milliseconds = round(time * 1000)
    whole = milliseconds // 1000
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds % 1000:03d}"


@dataclasses.dataclass(frozen=True)
class SplitResult:
    """The parts in order, and what there is to say about how they came to be, in sentences."""

    parts: tuple[MadePart, ...]
    notes: tuple[str, ...]

    @property
    def told(self) -> Told:
        """What is said of all parts together."""
        results = [one.made for one in self.parts]
        frames, copied = sum(one.frames for one in results), sum(one.frames_copied for one in results)
        facts = [counted(frames, "frame")] if frames else []
        drift = max((one.report.drift_ms for one in results if one.report.drift_ms is not None), default=None)
        if drift is not None:
            facts.append(f"drift {drift:.0f} ms")
        reason = f"{percent(copied / frames)} of the picture is untouched." if copied else results[0].reason
        return Told(
            summary=counted(len(results), "part") if len(results) > 1 else "One part, there was nowhere to split it",
            reason=reason or None,
            checked=f"checked: {', '.join([counted(len(results), 'part'), *facts])}",
            notes=self.notes,
            facts=tuple(one.fact(number) for number, one in enumerate(self.parts, 1)),
        )


def split(source: Source, options: SplitOptions, folder: Path, container: Container, work: Workspace) -> SplitResult:
    """Write the parts of `source` to files in `folder`, each of which appears when it is whole and has been checked.

    Raises InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    check(source.info, options)
    seen = source.audio_only if container.audio_only else source
    reading = source_reading.read(seen, container, work.share(0, READING_SHARE))
    measured = READING_SHARE + (MEASURING_SHARE if options.by == "silences" else 0)
    splitter = Splitter(reading, options, container, work.share(READING_SHARE, measured))
    planned, notes = splitter.planned()
    require_few(len(planned), "Choose fewer or larger parts.")
    made: list[MadePart] = []
    rest = work.share(measured, 1)
    while planned:
        part, number = planned[0], len(made) + 1
        total = len(made) + len(planned)
        path = folder / f"part-{number:03d}{container.suffix}"
        one = _made(reading, part, path, _of_all(rest, part, reading.last, number, total))
        if again := splitter.smaller(one):
            path.unlink()
            planned = again
            require_few(len(made) + len(planned), "Choose larger parts.")
            continue
        made.append(one)
        planned = planned[1:]
    return SplitResult(tuple(made), (*notes, *splitter.size_notes(made), *_notes_of(made)))


def _made(reading: Reading, part: Part, path: Path, work: Workspace) -> MadePart:
    timeline = Timeline((part.segment,), (reading.last,), continued=True)
    made = render_timeline(reading.source, timeline, path, work, COPIED, reading.readings)
    return MadePart(path, part, made)


def _of_all(work: Workspace, part: Part, last: Fraction, number: int, total: int) -> Workspace:
    """The share of a part in the work, by its length; its stage says which part it is."""
    share = work.share(float(part.start / last), float(part.end / last))

    def progress(fraction: float, stage: str) -> None:
        share.progress(fraction, f"Part {number} of {total}")

    return dataclasses.replace(share, progress=progress)


def _notes_of(made: Sequence[MadePart]) -> tuple[str, ...]:
    """What is said of any of the parts, once."""
    return tuple(dict.fromkeys(note for one in made for note in one.made.notes))


class Splitter:
    """Decides where a recording is split."""

    def __init__(self, reading: Reading, options: SplitOptions, container: Container, work: Workspace) -> None:
        self._reading = reading
        self._options = options
        self._container = container
        self._work = work
        self._sizes: StoredSizes | None = None
        self._tries: Counter[Fraction] = Counter()

    def planned(self) -> tuple[list[Part], tuple[str, ...]]:
        """The parts, and what there is to say about them. Raises InputError."""
        reading, options = self._reading, self._options
        if options.by == "megabytes":
            self._sizes = self._stored_sizes()
            return self._sizes.parts(options.maximum_bytes), ()
        if options.at == "keyframe":
            self._require_copied_picture()
        points, index = self._points(), reading.source.index
        begin = max(Fraction(0), Fraction(int(index.start_ticks[0]), index.clock_hz)) if index else Fraction(0)
        found = split_points.parts(points, self._snap(), begin, reading.last)
        together = 1 + sum(point.time >= split_points.MINIMUM_PART_SECONDS for point in points) - len(found)
        if together <= 0:
            return found, ()
        return found, (
            f"{counted(together, 'place')} to split at came next to another one or to an end, and fell away.",
        )

    def smaller(self, made: MadePart) -> list[Part] | None:
        """What to make instead of a part that came out larger than asked, and of all behind; None where it did not."""
        sizes, maximum = self._sizes, self._options.maximum_bytes
        if sizes is None or made.part.is_too_large or made.size_bytes <= maximum:
            return None
        # Now it is known what goes around the packets, also of the parts that follow.
        self._sizes = sizes = sizes.measured(made.part, made.size_bytes)
        start = made.part.start
        first = sizes.instants.index(start)
        self._tries[start] += 1
        if self._tries[start] < MAXIMUM_TRIES:
            return sizes.parts(maximum, first)
        least = Part(start, sizes.instants[first + 1], is_too_large=True)
        return [least, *sizes.parts(maximum, first + 1)]

    def size_notes(self, made: Sequence[MadePart]) -> tuple[str, ...]:
        if self._sizes is None:
            return ()
        larger = [number for number, one in enumerate(made, 1) if one.size_bytes > self._options.maximum_bytes]
        if not larger:
            return ()
        named = ", ".join(map(str, larger[:10])) + (" and others" if len(larger) > 10 else "")
        parts = "Part" if len(larger) == 1 else "Parts"
        return (f"{parts} {named} could not be smaller: there is no keyframe within to split at.",)

    def _points(self) -> list[Point]:
        options, reading = self._options, self._reading
        if options.by == "times":
            return [Point(time) for time in options.times]
        if options.by == "chapters":
            return split_points.of_chapters(reading.source, reading.last)
        if options.by == "silences":
            return split_points.of_pauses(self._pauses(), options.pauses.minimum_part_seconds, reading.last)
        return split_points.every(options.seconds, reading.last)

    def _require_copied_picture(self) -> None:
        """Raise InputError where there is a picture that would have to be encoded although nobody asked for that."""
        if why := self._why_encoded:
            raise InputError(
                f"The picture of this recording has to be encoded, because {why}. Let parts begin on the exact frame, "
                "or convert it to MP4 first.",
                code="cannot_copy",
            )

    @property
    def _why_encoded(self) -> str:
        """Why the picture cannot be copied; empty where it can be, or there is none."""
        coded, intra = self._reading.coded, self._reading.intra
        is_encoded = self._reading.source.index and isinstance(coded, CannotCopy) and isinstance(intra, CannotCopy)
        return str(coded) if is_encoded else ""

    def _pauses(self) -> list[Range]:
        source, wanted = self._reading.source, self._options.pauses
        measure = vad.measure if wanted.detector == "voice" else peak_levels.measure
        heard = measure(
            source.path,
            source.info,
            wanted.track,
            cache_dir=self._work.cache,
            progress=lambda done: self._work.progress(done, "Looking for pauses"),
        )
        try:
            plan = cut_plan.plan(heard, heard.duration, wanted.cut_params)
        except InputError as error:
            if error.code != "no_silence":
                raise
            return []
        return [(end, start) for (_, end), (start, _) in zip(plan.keep, plan.keep[1:], strict=False)]

    def _snap(self) -> Snap:
        source = self._reading.source
        if self._options.on_keyframes and (instants := self._instants()):
            return split_points.to_instants(instants)
        return (
            split_points.to_frames(source.index)
            if source.index
            else split_points.to_samples(output_rate(source.info.audio[0]))
        )

    def _instants(self) -> list[Fraction]:
        """Where nothing has to be encoded when parts begin there: keyframes, or packets of audio alone."""
        reading, index = self._reading, self._reading.source.index
        if index is None:
            table = next(iter(reading.tables.values()), None)
            if not isinstance(table, PacketTable):
                return []
            return [table.time(number) for number in range(len(table.sums)) if table.time(number) > 0]
        if isinstance(reading.intra, IntraPictures):
            return [Fraction(tick, index.clock_hz) for tick in index.start_ticks.tolist() if tick > 0]
        assert isinstance(reading.coded, CodedPictures)
        entries = split_points.closed_entries(reading.coded)
        return split_points.instants_of(entries, reading.coded, index)

    def _stored_sizes(self) -> StoredSizes:
        """Raises InputError where the picture, or audio alone, has to be encoded: nobody knows what it takes then."""
        reading, source = self._reading, self._reading.source
        if why := self._why_encoded:
            raise _unsized("picture", why)
        instants = [Fraction(0), *self._instants(), reading.last]
        if source.index is None:
            for found in reading.tables.values():
                if isinstance(found, CannotCopyAudio):
                    raise _unsized("sound", str(found))
        tables = [
            found if isinstance(found, PacketTable) else _bytes_a_second(track, self._container)
            for track, found in ((track, reading.tables[track.index]) for track in source.info.audio)
        ]
        if source.index is None:
            return split_points.stored_sizes(instants, None, tables)
        return split_points.stored_sizes(instants, self._picture_totals(len(instants)), tables)

    def _picture_totals(self, count: int) -> NDArray[np.int64]:
        """Bytes of pictures up to each of so many instants."""
        reading, index = self._reading, self._reading.source.require_index()
        if isinstance(reading.intra, IntraPictures):
            entries = np.flatnonzero(np.isin(reading.intra.pts, index.pts[index.start_ticks > 0]))
            if len(entries) == count - 2:
                return split_points.picture_totals(entries, reading.intra.sizes)
        if not isinstance(reading.coded, CodedPictures):
            raise _unsized("picture", str(reading.coded))
        return split_points.picture_totals(split_points.closed_entries(reading.coded), reading.coded.sizes)


def _bytes_a_second(track: AudioTrack, container: Container) -> float:
    """What a track takes that is not copied: encoded, or kept without loss, and then FLAC takes no more than PCM."""
    if audio_files.is_lossless(track) and container.audio_coding == "aac" and container.holds_audio("flac"):
        return track.sample_rate * track.channels * (3 if audio_files.has_over_16_bits(track) else 2)
    kbps = audio_files.FORMATS["m4a"].usual_kbps(output_channels(track))
    return kbps * 1000 / 8 * ENCODED_AUDIO_EXCESS


def _unsized(what: str, why: str) -> InputError:
    return InputError(
        f"The {what} of this recording has to be encoded, because {why}, so nobody knows how large parts will be. "
        "Split it by minutes, or convert it to MP4 first.",
        code="cannot_copy",
    )
