"""Spliced MPEG-2: each picture the right one, in place to the tick, and copied bit for bit."""

import contextlib
import re
from fractions import Fraction

import av
import pytest

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import silence_cut
from jobs.engine.pipelines.join import JoinOptions, join
from jobs.engine.probe.inspection import inspect
from jobs.engine.render.joined_parts import Part
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.bitstream import mpeg2
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make, seen
from tests.judge import expected_pictures
from tests.media import run_ffmpeg
from tests.splices import assert_faithful, chosen, spliced, spliced_again

NTSC = Fraction(30_000, 1001)
OPTIONS = {"g": "12", "bf": "2", "qmin": "2", "qmax": "2"}
INTERLACED = {"flags": "+ildct+ilme"}
CLOSED = {"flags": "+cgop", "sc_threshold": "1000000000"}


def mpeg2_picture(rate=Fraction(25), **options) -> Picture:
    return Picture(
        rate,
        codec="mpeg2video",
        time_base=1 / rate,
        **{**options, "options": {**OPTIONS, **options.get("options", {})}},
    )


RECORDINGS = {
    "transport stream": ("a.ts", mpeg2_picture()),
    "matroska": ("a.mkv", mpeg2_picture(NTSC)),
    "mp4": ("a.mp4", mpeg2_picture()),
    "closed groups": ("a.ts", mpeg2_picture(options=CLOSED)),
    "no B-pictures": ("a.ts", mpeg2_picture(options={"bf": "0"})),
    "interlaced": ("a.ts", mpeg2_picture(options=INTERLACED)),
    "4:2:2": ("a.mkv", mpeg2_picture(pixel_format="yuv422p")),
    "narrow pixels": ("a.mkv", mpeg2_picture(sample_aspect=Fraction(16, 15))),
    "long groups": ("a.ts", mpeg2_picture(options={"g": "40"})),
}
KEEP = ((Fraction("0.31"), Fraction("2.5")), (Fraction("2.7"), Fraction(4)))


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_is_the_right_one_and_in_place(name, tmp_path):
    filename, picture = RECORDINGS[name]
    result = spliced(make(tmp_path / filename, picture))
    assert_faithful(result)
    assert result.splice.copied >= 24
    assert_faithful(spliced_again(result))


def coded_pictures(path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("suffix", ["ts", "mpg", "vob", "mkv"])
def test_a_recording_is_cut_as_what_it_is(suffix, tmp_path):
    sound = Sound([(0, 4)], codec="mp2" if suffix != "mkv" else "ac3")
    whole = make(tmp_path / "whole.ts", mpeg2_picture(), sound)
    source = tmp_path / f"a.{suffix}"
    run_ffmpeg("-i", whole, "-c", "copy", source)
    output = tmp_path / "cut.mp4"
    result = silence_cut.cut(Source(source, inspect(source)), CutParams(keep=KEEP), output, Workspace(tmp_path))
    assert result.report.ok
    assert result.render == "smart", result.reason
    assert result.frames_copied >= 48
    # No browser plays it.
    assert result.to_json()["everywhere_seconds"] > 0
    expected, found = expected_pictures(source, result.plan), seen(output)
    assert [one.number for one in found] == [one.number for one in expected]
    assert all(abs(one.time - other.time) < Fraction(1, 1000) for one, other in zip(found, expected, strict=True))
    with av.open(str(output)) as container:
        assert container.streams.video[0].codec_context.name == "mpeg2video"


@pytest.mark.parametrize("kind", ["mpeg", "mpegts"])
def test_far_cuts_are_found_where_few_pictures_have_times_of_their_own(kind, tmp_path):
    """In a program stream a packet of several pictures tells one time, and a transport stream made of it no more."""
    whole = make(tmp_path / "whole.ts", mpeg2_picture(seconds=16, options={"qmin": "3", "qmax": "3"}))
    program, source = tmp_path / "a.mpg", tmp_path / ("a.ts" if kind == "mpegts" else "a.mpg")
    run_ffmpeg("-i", whole, "-vf", "scale=480:288", "-c:v", "mpeg2video", "-q:v", "4", "-g", "12", "-bf", "2", program)
    if kind == "mpegts":
        run_ffmpeg("-i", program, "-c", "copy", source)
    # Within one group a stretch ends and the next begins, so that reading goes back.
    keep = (("0.3", "1.5"), ("6.1", "8.03"), ("8.2", "8.31"), ("8.37", "13.9"))
    result = spliced(source, keep)
    assert result.splice.copied > 150
    assert_faithful(result)


def test_interlaced_pictures_stay_so_where_they_are_encoded(tmp_path):
    fields = tmp_path / "a.ts"
    progressive = make(tmp_path / "p.mkv", Picture(Fraction(50), seconds=4))
    run_ffmpeg(
        "-i", progressive, "-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "mpeg2video",
        "-flags", "+ildct+ilme", "-qmin", "2", "-qmax", "2", "-g", "12", "-bf", "2", fields,
    )  # fmt: skip
    result = spliced(fields)
    with av.open(str(result.output)) as container:
        kinds = {(frame.interlaced_frame, frame.opaque) for frame in container.decode(video=0)}
    assert {is_interlaced for is_interlaced, _ in kinds} == {True}
    headers = [mpeg2.parse_picture(packet) for packet in coded_pictures(result.output)]
    assert len(headers) == len(result.splice.wanted.source_pts)


def test_each_copy_and_each_encoded_run_brings_its_own_matrices(tmp_path):
    """A sequence header tells the matrices of all pictures behind it."""
    flat = ",".join(["16"] * 64)
    steep = ",".join(str(8 + number) for number in range(64))
    whole = make(tmp_path / "whole.mkv", mpeg2_picture())
    source = tmp_path / "a.mkv"
    run_ffmpeg(
        "-i", whole, "-c:v", "mpeg2video", "-qmin", "2", "-qmax", "2", "-g", "12", "-bf", "2",
        "-intra_matrix", steep, "-inter_matrix", flat, source,
    )  # fmt: skip
    result = spliced(source)
    assert_faithful(result)
    headers = [found for packet in coded_pictures(result.output) if (found := mpeg2.parse_picture(packet).sequence)]
    assert len({len(header) for header in headers}) == 2
    # One track with two kinds of matrices is not entered once more.
    assert "changes on the way" in chosen(result.output).reason


def test_a_copy_that_leaves_leading_pictures_out_says_that_its_link_is_broken(tmp_path):
    result = spliced(make(tmp_path / "a.ts", mpeg2_picture()))
    packets = coded_pictures(result.output)
    flags = []
    for packet in packets:
        at = mpeg2.parse_picture(packet).group_at
        if at is not None:
            flags.append(packet[at + mpeg2.GROUP_FLAGS_BYTE] & (mpeg2.CLOSED_GOP | mpeg2.BROKEN_LINK))
    copies = [run for run in result.splice.runs if run.leading_skipped]
    assert copies
    assert flags.count(mpeg2.BROKEN_LINK) == len(copies)


def rewritten(source, output, change) -> None:
    """The same track with other bytes: `change` gets the number of a packet and what is in it."""
    with av.open(str(source)) as before, av.open(str(output), "w") as after:
        target = after.add_stream_from_template(before.streams.video[0])
        for number, packet in enumerate(packet for packet in before.demux(video=0) if packet.size):
            copy = av.Packet(change(number, bytes(packet)))
            copy.stream, copy.pts, copy.dts, copy.time_base = target, packet.pts, packet.dts, packet.time_base
            copy.is_keyframe = packet.is_keyframe
            after.mux_one(copy)


def with_coding(byte: int, bits: int, value: int):
    """Other bits in a byte of each picture's coding extension."""

    def change(number: int, packet: bytes) -> bytes:
        at = re.search(b"\x00\x00\x01\xb5[\x80-\x8f]", packet).start() + byte
        return packet[:at] + bytes([packet[at] & ~bits | value]) + packet[at + 1 :]

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [((7, 0x02, 0x02), "its fields are repeated"), ((6, 0x03, 0x01), "its fields are coded apart")],
    ids=["pulldown", "field pictures"],
)
def test_what_is_not_handled_says_why(change, reason, tmp_path):
    source = make(tmp_path / "a.mkv", mpeg2_picture())
    rewritten(source, tmp_path / "same.mkv", with_coding(7, 0, 0))
    assert chosen(tmp_path / "same.mkv").splice
    rewritten(source, tmp_path / "b.mkv", with_coding(*change))
    assert reason in chosen(tmp_path / "b.mkv").reason


def test_the_end_of_a_sequence_is_left_out_within_a_result(tmp_path):
    source = make(tmp_path / "a.mkv", mpeg2_picture(options={"bf": "0"}))
    rewritten(source, tmp_path / "b.mkv", lambda number, packet: packet + b"\0\0\1\xb7" * (number == 35))
    result = spliced(tmp_path / "b.mkv", (("0.5", "3"),))
    assert result.splice.copied > 24
    assert_faithful(result)
    assert not any(b"\0\0\1\xb7" in packet for packet in coded_pictures(result.output))


@pytest.mark.parametrize("data", [b"", b"\0\0\1", b"\0\0\1\0", b"\0\0\1\xb3" + b"\0" * 3, b"\0\0\1\1" * 80, bytes(200)])
def test_what_makes_no_sense_is_no_picture(data):
    with pytest.raises((ValueError, IndexError)):
        mpeg2.parse_picture(data)


def test_every_front_of_a_packet_is_a_picture_or_an_error(tmp_path):
    packet = coded_pictures(make(tmp_path / "a.mkv", mpeg2_picture()))[0]
    assert mpeg2.parse_sequence(mpeg2.parse_picture(packet).sequence).size == (160, 96)
    for end in range(100):
        with contextlib.suppress(ValueError, IndexError):
            mpeg2.parse_sequence(mpeg2.parse_picture(packet[:end]).sequence)


def test_recordings_of_mpeg_2_are_joined_without_encoding_them(tmp_path):
    paths = [
        make(tmp_path / f"{number}.ts", mpeg2_picture(seconds=2), Sound([(0, 2)], 2, seed=number)) for number in (1, 2)
    ]
    output = tmp_path / "joined.mp4"
    parts = [Part(Source(path, inspect(path)), path.stem) for path in paths]
    result = join(parts, output, Workspace(tmp_path), JoinOptions())
    assert result.frames_copied == 100
    assert [one.number for one in seen(output)] == [*range(50), *range(50)]
