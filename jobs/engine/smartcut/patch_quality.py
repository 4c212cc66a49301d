"""How finely pictures between copied ones are encoded: a little finer than the source's, at its own rate.

A quantizer bounds what is lost of a picture, whatever it shows; so a join is not seen where ours is about the
source's, which its slice headers tell. What it takes in bytes they do not tell: encoders vary it within pictures, and
make more or less of the same one. So a few pictures are encoded on trial, with the quickest settings first, and the
finest quantizer is taken whose bytes the source's own leave room for.
"""

import contextlib
import functools
import math

import numpy as np
from av.video.frame import VideoFrame

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut import packet_reader
from jobs.engine.smartcut.codec import Coding, PatchSettings
from jobs.engine.smartcut.copy_plan import Decoding, Run
from jobs.engine.smartcut.packet_reader import RangeDecoder, Unsound
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.patch_encoder import encoded_packets, fitting_coding
from jobs.engine.video.encoder_settings import is_deep
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.source import Source

# What the pictures of a result may be larger than their share of the source's.
EXCESS_SHARE = 0.05
# Of the pictures to encode so many are tried: a twentieth, between what tells a rate and what tells it well.
TRIED_SHARE, MINIMUM_TRIED, MAXIMUM_TRIED = 1 / 20, 4, 32
PICTURES_IN_A_ROW = 8
# Decoded pictures that are held for it: eight of 4K with ten bits.
MAXIMUM_TRIED_BYTES = 200_000_000
# Runs that are looked at for one whose first pictures are quickly decoded.
CANDIDATES = 16


Sample = tuple[list[tuple[int, VideoFrame]], Run]
"""The first frames of an encode run with their times, and the run."""


def chosen_coding(
    source: Source, coded: CodedPictures, runs: list[Run], wanted: Schedule, token: CancellationToken | None = None
) -> Coding:
    """How to encode what is not copied. Raises CannotCopy, InputError."""
    steps = coded.codec.steps(coded.quantizer, source.info.require_video())
    if all(run.copied_from is not None for run in runs) or all(step.finest == step.coarsest for step in steps):
        return _coding(source, coded, steps[-1], steps[-1].finest)
    trial = Trial(source, coded, Decoding(coded, source.require_index(), wanted), runs)
    trial.decode(token or CancellationToken())
    step = next((step for step in steps[:-1] if trial.affords(step)), steps[-1])
    return _coding(source, coded, step, trial.finest_affordable(step))


def _coding(source: Source, coded: CodedPictures, step: PatchSettings, quantizer: int) -> Coding:
    return fitting_coding(coded, source.info.require_video(), source.require_index().clock_hz, step.at(quantizer))


class Trial:
    """Encodes a few of the pictures, and tells by them what all of them take."""

    def __init__(self, source: Source, coded: CodedPictures, decoding: Decoding, runs: list[Run]) -> None:
        self._source = source
        self._coded = coded
        self._decoding = decoding
        self._runs = runs
        self._encoded = [run for run in runs if run.copied_from is None]
        self._samples: list[Sample] = []
        self._rates: dict[PatchSettings, float] = {}

    def decode(self, token: CancellationToken) -> None:
        """Get the samples; none of what does not decode."""
        with packet_reader.opened(self._source, self._coded, token) as packets:
            decoder = RangeDecoder(packets, self._coded)
            for run, tried in self._chosen():
                with contextlib.suppress(Unsound):
                    self._samples.append((list(decoder.frames(self._decoding, tried)), run))

    def _chosen(self) -> list[tuple[Run, Run]]:
        """Runs from all over the result, and the first pictures of each."""
        count = min(max(sum(run.count for run in self._encoded) * TRIED_SHARE, MINIMUM_TRIED), MAXIMUM_TRIED)
        count = min(count, MAXIMUM_TRIED_BYTES / _frame_bytes(self._source.info.require_video()))
        in_a_row = max(1, min(round(count), PICTURES_IN_A_ROW))
        chosen = []
        for numbers in np.array_split(np.arange(len(self._encoded)), max(1, int(count // in_a_row))):
            some = numbers[:: max(1, len(numbers) // CANDIDATES)].tolist()
            pairs = [(run, Run(run.first, min(run.count, in_a_row))) for run in map(self._encoded.__getitem__, some)]
            chosen += sorted(pairs, key=lambda pair: (-pair[1].count, self._decoding.cost(pair[1])))[:1]
        return chosen

    def affords(self, step: PatchSettings) -> bool:
        """Whether these settings stay within the source's bytes, at the coarsest quantizer at least."""
        if step.bframes and not self._coded.reorder_pictures:
            return False
        return bool(self._samples) and self._rate(step, step.coarsest) <= self._room

    def finest_affordable(self, step: PatchSettings) -> int:
        """The quantizer whose bytes the source's leave room for; the coarsest when they do for none."""
        if not self._samples:
            return step.coarsest
        coarse, fine = (self._rate(step, quantizer) for quantizer in (step.coarsest, step.finest))
        # A few pictures tell the bytes of all to some percent: half of the excess is left for that.
        aim = (1 + self._room) / 2
        if fine <= aim:
            return step.finest
        if coarse >= aim:
            return step.coarsest
        # Bytes fall by about the same share with each step of the quantizer.
        steps = math.log(fine / aim) / math.log(fine / coarse) * (step.coarsest - step.finest)
        return min(step.finest + math.ceil(steps), step.coarsest)

    @functools.cached_property
    def _room(self) -> float:
        """How many times the source's bytes what is encoded may take for all pictures to stay near their share.

        Where what is copied has more than its share already, as much more than the source's there as of all.
        """
        shown = len(self._decoding.wanted.source_pts) / len(self._source.require_index().pts)
        bytes_there = float(self._coded.sizes.sum(dtype=np.int64))
        rest = (1 + EXCESS_SHARE) * shown * bytes_there - self._copied_bytes
        return max(1 + EXCESS_SHARE, rest / max(1.0, sum(map(self._decoding.source_bytes, self._encoded))))

    @functools.cached_property
    def _copied_bytes(self) -> float:
        """What is copied takes."""
        ranges = [one for run in self._runs for one in run.copied_ranges]
        return float(sum(self._coded.sizes[begin:end].sum(dtype=np.int64) for begin, end in ranges))

    def _rate(self, step: PatchSettings, quantizer: int) -> float:
        """How many times the source's bytes such encoded pictures take."""
        coding = _coding(self._source, self._coded, step, quantizer)
        if coding.settings not in self._rates:
            taken = sum(_bytes(coding, frames, run.count) for frames, run in self._samples)
            bytes_there = sum(self._decoding.source_bytes(run) for _, run in self._samples)
            self._rates[coding.settings] = taken / max(1.0, bytes_there)
        return self._rates[coding.settings]


def _bytes(coding: Coding, frames: list[tuple[int, VideoFrame]], count: int) -> float:
    """What so many pictures take of which these are the first."""
    key, *others = (len(data) for _, data, _ in encoded_packets(coding, iter(frames)))
    keys = 1 + (count - 1) // coding.gop_pictures
    return keys * key + (count - keys) * (sum(others) / len(others) if others else key)


def _frame_bytes(track: VideoTrack) -> float:
    """Of a decoded picture, 4:2:0 in one byte or two for each sample."""
    return track.width * track.height * 1.5 * (2 if is_deep(track.pixel_format) else 1)
