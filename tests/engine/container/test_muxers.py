"""Results in other containers than MP4: every picture and sound in its place, and copied where it can be."""

from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.engine.container import muxers
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests.clips import Picture, Sound, heard, lag, make, number_of, seen
from tests.media import remuxed

KEPT = ((Fraction(2, 5), Fraction(6, 5)), (Fraction(47, 25), Fraction(13, 5)))
NUMBERS = [*range(10, 30), *range(47, 65)]
LOUD = Sound([(0, 4)])
INTRA = [
    ("prores_ks", "yuv422p10le", "mov"),
    ("prores_ks", "yuv422p10le", "mkv"),
    ("dnxhd", "yuv422p", "mov"),
    ("mjpeg", "yuvj420p", "avi"),
    ("libx264", "yuv422p10le", "mov"),
    ("libx265", "yuv420p", "mkv"),
]


def intra(tmp_path, codec, pixel_format, suffix):
    options = {"dnxhd": {"profile": "dnxhr_hq"}, "libx265": {"g": "1", "x265-params": "log-level=none"}}
    base = Fraction(1, 25) if suffix == "avi" else Fraction(1, 90_000)
    picture = Picture(
        codec=codec,
        pixel_format=pixel_format,
        size=(256, 128),
        time_base=base,
        options=options.get(codec, {"g": "1"} if codec in ("libx264", "ffv1") else {}),
    )
    return make(tmp_path / f"take.{suffix}", picture, Sound([(0, 4)], codec="pcm_s16le", bit_rate=0))


def packets(path):
    """The packets of pictures by the numbers that their pictures carry."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = {}
        for packet in container.demux(stream):
            data = bytes(packet)
            for frame in packet.decode():
                found.setdefault(number_of(frame), data)
        return found


def assert_in_place(source, made, start=Fraction(0), within_seconds=0.001):
    """The sound of the result lies where it was in the source, to a millisecond unless told otherwise."""
    result, rate = heard(made)
    original, source_rate = heard(source)
    assert rate == source_rate
    for at, old in ((0.1, 0.5), (0.5, 0.9), (1.0, 2.08)):
        late = lag(result, original, round((at + float(start)) * rate), round(old * rate))
        assert abs(late) <= within_seconds * rate, late


@pytest.mark.parametrize(
    ("suffix", "codec", "sound"),
    [(".mov", "h264", "aac"), (".mkv", "h264", "aac"), (".webm", "vp9", "opus"), (".m4v", "h264", "aac")],
)
def test_the_ending_says_what_kind_of_file_a_cut_is(tmp_path, suffix, codec, sound):
    source, output = make(tmp_path / "talk.mp4", Picture(), LOUD), tmp_path / f"cut{suffix}"
    result = cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    made = inspect(output)
    assert made.format == ("matroska,webm" if suffix in (".mkv", ".webm") else "mov,mp4,m4a,3gp,3g2,mj2")
    assert (made.video.codec, [track.codec for track in made.audio]) == (codec, [sound])
    assert result.render == ("encode" if suffix == ".webm" else "smart")
    shown = seen(output)
    assert [picture.number for picture in shown] == NUMBERS
    for place, picture in enumerate(shown):
        assert abs(picture.time - Fraction(place, 25)) <= Fraction(1, 1000)
    assert_in_place(source, output)
    assert list(tmp_path.iterdir()) in ([source, output], [output, source])


def test_webm_stands_upright(tmp_path):
    """It cannot say which way is up, so its pictures are turned."""
    source = make(tmp_path / "phone.mp4", Picture(rotation=90, size=(160, 96)), LOUD)
    output = tmp_path / "cut.webm"
    cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    made = inspect(output).video
    assert (made.width, made.height, made.rotation) == (96, 160, 0)
    with av.open(str(output)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="gray")
    with av.open(str(source)) as container:
        frames = container.decode(video=0)
        wanted = np.rot90([next(frames).to_ndarray(format="gray") for _ in range(11)][10], -1)
    assert np.abs(first.astype(int) - wanted).mean() < 8


@pytest.mark.parametrize("suffix", [".m4a", ".mka", ".mp3", ".wav", ".flac", ".opus"])
def test_a_name_of_sound_leaves_the_picture_out(tmp_path, suffix):
    source, output = make(tmp_path / "talk.mp4", Picture(), LOUD), tmp_path / f"cut{suffix}"
    result = cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    made = inspect(output)
    assert made.video is None
    assert result.frames == 0
    assert abs(made.duration - Fraction(38, 25)) < Fraction(1, 20)
    is_copied = any(result.audio.copies)
    assert is_copied == (suffix in (".m4a", ".mka"))
    # A file of MP3 begins with what its encoder put in front, and tells so. Copied ranges lie within half a packet.
    begins = made.start if suffix == ".mp3" else Fraction(0)
    assert_in_place(source, output, begins, result.audio.within_ms / 1000 if is_copied else 0.001)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_flac_of_24_bits_stays_so(suffix, tmp_path):
    take = make(tmp_path / "take.wav", None, Sound([(0, 4)], codec="pcm_s24le", bit_rate=0))
    source = remuxed(take, tmp_path / "take.flac", "-c:a", "flac", "-sample_fmt", "s32")
    cut(Source(source, inspect(source)), CutParams(keep=KEPT), tmp_path / f"cut{suffix}", Workspace(tmp_path))
    (original, rate), (result, _) = heard(take), heard(tmp_path / f"cut{suffix}")
    begin, there = round(0.1 * rate), round(0.5 * rate)
    assert (result[begin : begin + 9600] == original[there : there + 9600]).all()


@pytest.mark.parametrize(("codec", "bits"), [("pcm_s16le", 16), ("pcm_s24le", 24)])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sound_without_loss_stays_without(tmp_path, codec, bits, suffix):
    source = make(tmp_path / "take.wav", None, Sound([(0, 4)], codec=codec, bit_rate=0))
    output = tmp_path / f"cut{suffix}"
    cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    (original, rate), (result, _) = heard(source), heard(output)
    for at, old in ((0.1, 0.5), (1.0, 2.08)):
        begin, there = round(at * rate), round(old * rate)
        assert (result[begin : begin + 9600] == original[there : there + 9600]).all()
    with av.open(str(output)) as container:
        told = container.streams.audio[0].codec_context.format
        assert told.bits >= bits


def test_a_file_of_one_track_has_the_one_that_was_listened_to(tmp_path):
    other = Sound([(0, 4)], seed=7)
    source, output = make(tmp_path / "two.mp4", Picture(), LOUD, other), tmp_path / "cut.flac"
    cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path), RenderOptions(track=1))
    result, rate = heard(output)
    original, _ = heard(source, track=1)
    assert abs(lag(result, original, rate // 10, rate // 2)) <= 1


def test_a_name_that_stands_for_nothing_says_what_does(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.mp4, .* or \.wav\.$"):
        muxers.for_name(tmp_path / "cut.avi")


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix", "container"),
    [
        *((*one, container) for one in INTRA for container in (".mov", ".mkv")),
        ("ffv1", "yuv420p", "mkv", ".mkv"),
        ("huffyuv", "yuv422p", "avi", ".mkv"),
    ],
)
def test_pictures_that_stand_for_themselves_are_copied_whole(tmp_path, codec, pixel_format, suffix, container):
    source, output = intra(tmp_path, codec, pixel_format, suffix), tmp_path / f"cut{container}"
    result = cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    assert (result.render, result.frames, result.frames_copied) == ("smart", len(NUMBERS), len(NUMBERS))
    theirs, ours = packets(source), packets(output)
    assert list(ours) == NUMBERS
    assert all(ours[number] == theirs[number] for number in NUMBERS)
    assert [picture.number for picture in seen(output)] == NUMBERS


def test_pauses_run_faster_without_encoding_where_pictures_stand_for_themselves(tmp_path):
    source, output = intra(tmp_path, "prores_ks", "yuv422p10le", "mov"), tmp_path / "cut.mov"
    params = CutParams(keep=((0, 1), (3, 4)), pauses="speed", speed=4)
    result = cut(Source(source, inspect(source)), params, output, Workspace(tmp_path))
    assert result.frames_copied == result.frames
    numbers = [picture.number for picture in seen(output)]
    assert numbers[:25] == list(range(25))
    assert numbers[-25:] == list(range(75, 100))
    assert len(numbers) in range(62, 64)


def test_mp4_gets_pictures_that_players_know(tmp_path):
    source, output = intra(tmp_path, "prores_ks", "yuv422p10le", "mov"), tmp_path / "cut.mp4"
    result = cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    assert result.render == "encode"
    assert "MP4 does not hold it" in result.reason
    assert inspect(output).video.codec == "hevc"


def test_a_copy_that_is_not_the_source_s_is_found(tmp_path, monkeypatch):
    """Every picture is compared: one that changed on the way makes the whole be encoded."""
    from jobs.engine.smartcut import all_intra as engine

    source, output = intra(tmp_path, "mjpeg", "yuvj420p", "avi"), tmp_path / "cut.mov"
    whole = engine.plan_intra_copy

    def wrong(*args, **more):
        found = whole(*args, **more)
        found.checksums[7] ^= 1
        return found

    monkeypatch.setattr(engine, "plan_intra_copy", wrong)
    result = cut(Source(source, inspect(source)), CutParams(keep=KEPT), output, Workspace(tmp_path))
    assert (result.render, result.frames_copied) == ("encode", 0)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.mov", ["-c", "copy", "-f", "mov"], ".mov"),
        ("a.mp4", ["-c", "copy"], ".mp4"),
        ("a.mkv", ["-c", "copy"], ".mkv"),
        ("a.webm", ["-c:v", "libvpx-vp9", "-c:a", "libopus"], ".webm"),
        ("a.ts", ["-c", "copy"], ".mp4"),
        ("a.wav", ["-vn", "-c:a", "pcm_s16le"], ".wav"),
        ("a.mp3", ["-vn", "-c:a", "libmp3lame"], ".mp3"),
        ("a.opus", ["-vn", "-c:a", "libopus"], ".opus"),
        ("a.mka", ["-vn", "-c:a", "copy"], ".mka"),
        ("a.m4a", ["-vn", "-c:a", "copy"], ".m4a"),
    ],
)
def test_the_recording_s_own_container_is_known_by_its_content(tmp_path, name, options, expected):
    source = make(tmp_path / "talk.mp4", Picture(seconds=1), Sound([(0, 1)], 1))
    made = remuxed(source, tmp_path / name, *options)
    bare = made.rename(tmp_path / "bare")
    assert muxers.chosen_container("source", bare, inspect(bare)).suffix == expected
