"""Spliced AV1: each picture the right one, in place to the tick, copied bit for bit, and the same for two decoders."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import silence_cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.bitstream import av1
from jobs.engine.video.source import Source
from tests import av1_clips
from tests.clips import Sound, make, seen
from tests.judge import expected_pictures
from tests.splices import assert_faithful, spliced, spliced_again

NTSC = Fraction(30_000, 1001)
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(110)]
RECORDINGS = {
    "mp4": ("a.mp4", av1_clips.av1(NTSC)),
    "webm": ("a.webm", av1_clips.av1(NTSC)),
    "10 bit matroska that starts at five seconds": (
        "a.mkv",
        av1_clips.av1(start=Fraction(5), pixel_format="yuv420p10le"),
    ),
    "variable rate": ("a.mp4", av1_clips.av1(times=UNEVEN)),
    "each frame a keyframe": ("a.mp4", av1_clips.av1(g=1)),
    "rotated, narrow pixels": ("a.mp4", av1_clips.av1(Fraction(24), rotation=90, sample_aspect=Fraction(3, 4))),
}
KEEP = ((Fraction("0.31"), Fraction("2.5")), (Fraction("2.7"), Fraction(4)))


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_is_the_right_one_and_in_place(name, tmp_path):
    filename, picture = RECORDINGS[name]
    result = spliced(make(tmp_path / filename, picture))
    assert_faithful(result)
    assert result.splice.copied >= 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_what_another_encoder_made_is_copied_and_can_be_cut_again(name, tmp_path):
    """Its sequence header allows other tools than ours; both stand in the packets."""
    result = spliced(av1_clips.by_libaom(tmp_path, name))
    assert_faithful(result)
    assert result.splice.copied >= 30
    assert len(sequences_of(result.output)) == 2
    again = spliced_again(result)
    assert len(again.splice.coded.parameter_sets) == 2
    assert_faithful(again)


def sequences_of(path: Path) -> set[bytes]:
    """The sequence headers in the packets; each keyframe has to have one, all with what `av1C` says of the track."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        (told,) = av1.obus(av1.config_obus(stream.codec_context.extradata))
        found = set()
        for packet in container.demux(stream):
            units = list(av1.obus(bytes(packet)))
            headers = [unit for unit in units if unit.obu_type == av1.SEQUENCE_HEADER]
            assert len(headers) == packet.is_keyframe
            found |= {bytes(unit.whole) for unit in headers}
        for header in found:
            (unit,) = av1.obus(header)
            assert av1.parse_sequence(unit.payload).fits(av1.parse_sequence(told.payload))
        return found


@pytest.mark.parametrize("suffix", ["webm", "mkv", "mp4"])
def test_a_recording_is_cut_as_what_it_is(suffix, tmp_path):
    source = make(tmp_path / "a.webm", av1_clips.av1(Fraction(30)), Sound([(0, 4)], codec="libopus"))
    output = tmp_path / f"cut.{suffix}"
    result = silence_cut.cut(Source(source, inspect(source)), CutParams(keep=KEEP), output, Workspace(tmp_path))
    assert result.render == "smart"
    assert result.report.ok
    assert result.frames_copied >= 60
    expected, found = expected_pictures(source, result.plan), seen(output)
    assert [one.number for one in found] == [one.number for one in expected]
    assert all(abs(one.time - other.time) < Fraction(1, 1000) for one, other in zip(found, expected, strict=True))
    assert inspect(output).video.codec == "av1"


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("-pix_fmt", "yuv444p"), "colours are stored in a rare way"), (("-pix_fmt", "gray"), "rare way")],
)
def test_what_the_encoder_does_not_make_is_encoded_as_a_whole(options, reason, tmp_path):
    source = av1_clips.by_libaom(tmp_path, "a.mp4", *options, seconds=2)
    output = tmp_path / "cut.mp4"
    keep = ((Fraction("0.3"), Fraction("1.9")),)
    result = silence_cut.cut(Source(source, inspect(source)), CutParams(keep=keep), output, Workspace(tmp_path))
    assert result.render == "encode"
    assert reason in result.reason
