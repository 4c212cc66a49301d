"""Conversions of made recordings: each picture identified and at its time, the sound in step, the colours known."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.model.colour import HLG, PQ
from jobs.engine.pipelines.convert import conversion
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import Converted, convert
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import replace_video
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.video import still, tonemap
from jobs.errors import Cancelled, InputError
from tests.clips import Picture, Sound, heard, lag, make, painted, seen
from tests.media import run_ffmpeg, url
from tests.picture_clips import clip

LOUD = [(0.3, 0.8), (1.2, 1.7)]
SHORT = Picture(seconds=2)
SOUND = Sound(LOUD, seconds=2)
VP9 = Picture(seconds=2, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})


def run(source: Path, options: ConvertOptions | None = None, **more) -> tuple[Converted, Path]:
    options = options or ConvertOptions()
    scratch = source.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    output = source.parent / f"converted{options.kind.suffix}"
    made = convert(source, output, inspect(source), options, scratch=scratch, **more)
    assert list(scratch.iterdir()) == []
    return made, output


def noisy(path: Path) -> Path:
    """Three seconds that are hard to compress, with a tone."""
    picture = "testsrc2=size=160x96:rate=25:duration=3,noise=alls=40:allf=t"
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    run_ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=3", *coding, url(path))
    return path


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def picture_of(path: Path, place: int = 0) -> np.ndarray:
    """A picture as RGB, turned as the file says."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return frames[place].to_ndarray(format="rgb24").astype(int)


# Copying -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "target", "picture", "sound"),
    [
        ("a.mkv", "mp4", SHORT, SOUND),
        ("a.ts", "mp4", SHORT, SOUND),
        ("a.mp4", "mp4", dataclasses.replace(SHORT, rotation=90, sample_aspect=Fraction(4, 3)), SOUND),
        ("a.webm", "webm", VP9, dataclasses.replace(SOUND, codec="libopus")),
    ],
)
def test_what_already_fits_is_copied_bit_for_bit(name, target, picture, sound, tmp_path):
    source = make(tmp_path / name, picture, sound)
    made, output = run(source, ConvertOptions(target))
    assert made.summary == "Copied as it was"
    if name != "a.ts":
        assert packets(output) == packets(source)
        ours, theirs = (
            replace_video.sounds(path, inspect(path).format.split(",")[0], None, CancellationToken())
            for path in (output, source)
        )
        assert ours == theirs
    assert [one.number for one in seen(output)] == list(range(50))
    before, after = inspect(source).video, inspect(output).video
    assert (after.rotation, after.sample_aspect) == (before.rotation, before.sample_aspect)


def test_an_mp4_begins_with_its_index_so_that_it_plays_while_it_loads(tmp_path):
    _, output = run(make(tmp_path / "a.mp4", SHORT, SOUND))
    data = output.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_each_track_is_copied_or_encoded_by_itself(tmp_path):
    source = make(tmp_path / "a.mkv", SHORT, dataclasses.replace(SOUND, codec="libopus", language="deu"), SOUND)
    made, output = run(source)
    assert (made.summary, made.plan.framing) == ("Picture copied, sound encoded", None)
    assert [kbps is None for kbps in made.plan.audio_kbps] == [False, True]
    assert [(track.codec, track.language) for track in inspect(output).audio] == [("aac", "deu"), ("aac", "")]
    assert packets(output) == packets(source)


def test_a_chosen_quality_encodes_what_would_fit(tmp_path):
    source = noisy(tmp_path / "a.mp4")
    sizes = {}
    for quality in ("high", "small"):
        made, output = run(source, ConvertOptions(quality=quality))
        assert made.summary == "H.264, 160 × 96, sound copied"
        sizes[quality] = sum(map(len, packets(output)))
    assert sizes["small"] < 0.8 * sizes["high"]


def test_a_copy_that_fails_is_encoded(tmp_path, monkeypatch):
    source = make(tmp_path / "a.mkv", VP9, SOUND)
    monkeypatch.setattr(conversion, "holds", lambda info, track, options: True)
    made, output = run(source, ConvertOptions("webm"))
    # AAC does not go into WebM.
    assert made.summary == "VP9, 160 × 96"
    assert inspect(output).audio[0].codec == "opus"


# Encoding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "codec", "sound", "tick"),
    [
        ("mp4", "h264", "aac", 0),
        ("hevc", "hevc", "aac", 0),
        ("av1", "av1", "aac", 0),
        ("webm", "vp9", "opus", Fraction(1, 1000)),
    ],
)
def test_every_picture_and_sound_keeps_its_time(target, codec, sound, tick, tmp_path):
    uneven = [Fraction(number, 25) + Fraction(number * 7 % 11, 600) for number in range(50)]
    source = make(
        tmp_path / "a.mp4",
        # No target takes 4:4:4 as it is.
        Picture(times=uneven, pixel_format="yuv444p", start=Fraction(1, 10)),
        dataclasses.replace(SOUND, codec="libmp3lame"),
    )
    made, output = run(source, ConvertOptions(target))
    info = inspect(output)
    assert (info.video.codec, info.audio[0].codec, made.frames, made.lost) == (codec, sound, 50, 0)
    before, after = seen(source), seen(output)
    assert [one.number for one in after] == [one.number for one in before]
    assert max(abs(a.time - b.time) for a, b in zip(after, before, strict=True)) <= tick
    result, rate = heard(output)
    original, _ = heard(make(tmp_path / "truth.wav", None, Sound(LOUD, seconds=2, codec="pcm_s16le", bit_rate=0)))
    for at in (0.35, 1.3):
        assert abs(lag(result, original, round(at * rate), round(at * rate))) <= 2


def test_chapters_names_and_captions_come_along(tmp_path):
    plain = make(tmp_path / "plain.mkv", VP9, dataclasses.replace(SOUND, language="eng", title="Talk"))
    (tmp_path / "a.srt").write_text("1\n00:00:00,500 --> 00:00:01,200\nHello\n")
    (tmp_path / "chapters").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=2000\ntitle=Second\n")
    source = tmp_path / "a.mkv"
    inputs = ["-i", url(plain), "-i", url(tmp_path / "a.srt"), "-i", url(tmp_path / "chapters")]
    run_ffmpeg(
        *inputs, "-map", 0, "-map", 1, "-c", "copy", "-map_chapters", 2, "-metadata", "title=A talk", url(source)
    )
    for target in ("mp4", "webm"):
        _, output = run(source, ConvertOptions(target))
        info = inspect(output)
        assert (info.audio[0].language, info.audio[0].title, len(info.subtitles)) == ("eng", "Talk", 1)
        with av.open(str(output)) as container:
            assert container.metadata["title"] == "A talk"
            told = container.streams.audio[0].metadata
            assert told["handler_name" if target == "mp4" else "title"] == "Talk"
            assert [chapter["metadata"]["title"] for chapter in container.chapters()][-1] == "Second"


def test_full_range_and_colour_tags_survive(tmp_path):
    source = tmp_path / "a.mp4"
    tags = "setparams=range=full:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    levels = "geq=lum='if(lt(X,80),0,255)':cb=128:cr=128"
    run_ffmpeg(
        *("-f", "lavfi", "-i", f"color=size=160x96:duration=1,format=yuvj420p,{levels},{tags}"),
        *("-c:v", "libx264", url(source)),
    )
    _, output = run(source, ConvertOptions(quality="high"))
    with av.open(str(output)) as container:
        frame = next(container.decode(video=0))
    assert (frame.color_range, frame.color_primaries, frame.color_trc, frame.colorspace) == (2, 1, 1, 1)
    luma = frame.to_ndarray(format="gray" if frame.format.name == "gray" else frame.format.name)[:96]
    assert (luma[40, 20], luma[40, 140]) == (pytest.approx(0, abs=3), pytest.approx(255, abs=3))


def test_interlaced_pictures_become_whole_ones(tmp_path):
    source = tmp_path / "a.mp4"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=50:duration=1", "-vf", "interlace,setparams=field_mode=tff"),
        *("-c:v", "libx264", "-flags", "+ildct+ilme", url(source)),
    )
    made, output = run(source)
    assert made.plan.framing is not None
    with av.open(str(output)) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))
    assert made.frames == 25


# Shape ---------------------------------------------------------------------------------------------------------------


def test_a_phone_recording_comes_out_upright(tmp_path):
    source = make(tmp_path / "a.mp4", dataclasses.replace(SHORT, rotation=90), SOUND)
    _, output = run(source, ConvertOptions(quality="high"))
    track = inspect(output).video
    assert (track.width, track.height, track.rotation) == (96, 160, 0)
    truth = np.rot90(painted(21, (160, 96)), -1)
    assert np.abs(picture_of(output, 21).mean(2) - truth).mean() < 12


def test_pixels_that_are_not_square_stay_or_become_square_when_measured(tmp_path):
    source = make(tmp_path / "a.mp4", dataclasses.replace(SHORT, sample_aspect=Fraction(4, 3)))
    _, output = run(source, ConvertOptions(quality="small"))
    track = inspect(output).video
    assert (track.width, track.height, track.sample_aspect) == (160, 96, Fraction(4, 3))
    _, output = run(source, ConvertOptions(shape=Shape(resolution=72)))
    track = inspect(output).video
    assert (track.width, track.height, track.sample_aspect) == (160, 72, 1)


def test_it_enlarges_only_when_asked(tmp_path):
    source = make(tmp_path / "a.mp4", SHORT)
    made, _ = run(source, ConvertOptions(shape=Shape(resolution=192)))
    assert made.summary == "Copied as it was"
    made, output = run(source, ConvertOptions(shape=Shape(resolution=192, enlarge=True)))
    assert inspect(output).video.display_size == (320, 192)


@pytest.mark.parametrize(
    ("crop", "box"), [("80x40+20+10", (20, 10, 100, 50)), ("1:1", (32, 0, 128, 96)), ("2:1", (0, 8, 160, 88))]
)
def test_the_kept_part_is_the_one_asked_for_then_turned(crop, box, tmp_path):
    def corners(frame: int) -> np.ndarray:
        rows, columns = np.mgrid[:96, :160]
        return np.stack([columns, rows * 2, (columns + rows) % 64], axis=-1).astype(np.uint8)

    source = clip(tmp_path / "a.mp4", 3, corners, options={"crf": "2"}, tags={"colorspace": 6})
    _, output = run(source, ConvertOptions(quality="high", shape=Shape(crop=crop, rotate=90)))
    whole = picture_of(source)
    truth = np.rot90(whole[box[1] : box[3], box[0] : box[2]], -1)
    found = picture_of(output)
    assert found.shape == truth.shape
    assert np.abs(found - truth)[..., :2].mean() < 4


def test_another_frame_rate_shows_what_was_on_show_then(tmp_path):
    source = make(tmp_path / "a.mp4", SHORT, SOUND)
    _, output = run(source, ConvertOptions(shape=Shape(frame_rate=Fraction(10))))
    found = seen(output)
    assert [one.time for one in found] == [Fraction(number, 10) for number in range(20)]
    # fps takes the picture nearest to each instant; 25 a second has one every 40 ms.
    assert all(abs(Fraction(one.number, 25) - one.time) <= Fraction(1, 10) for one in found)
    assert len({one.number for one in found}) == 20


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (Shape(crop="80x40+100+10"), "outside"),
        (Shape(crop="8x8+0+0"), "too_small"),
        (Shape(crop="0:1"), "bad_crop"),
        (Shape(crop="9:9000"), "too_small"),
        (Shape(crop="160x16+0+0", resolution=4000, enlarge=True), "too_large"),
    ],
)
def test_a_shape_that_cannot_be_had_is_refused_before_any_work(shape, code, tmp_path):
    with pytest.raises(InputError) as refused:
        conversion.check(inspect(make(tmp_path / "a.mp4", SHORT)), ConvertOptions(shape=shape))
    assert refused.value.code == code


# Colours -------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["smpte2084", "arib-std-b67"])
def hdr(request, tmp_path):
    """Bars from black to several times paper white, and strong colours, as HDR in BT.2020."""
    transfer = {"smpte2084": PQ, "arib-std-b67": HLG}[request.param]
    colours = [
        [0, 0, 0],
        [0.3] * 3,
        [0.5] * 3,
        [0.6] * 3,
        [0.75] * 3,
        [0.6, 0.2, 0.2],
        [0.2, 0.55, 0.3],
        [0.3, 0.3, 0.6],
    ]

    def bars(frame: int) -> np.ndarray:
        return np.repeat((np.array(colours) * 65535).astype(np.uint16)[None], 96, axis=0).repeat(20, axis=1)

    params = f"log-level=none:bframes=0:colorprim=bt2020:colormatrix=bt2020nc:transfer={request.param}"
    return clip(
        tmp_path / "a.mp4",
        3,
        bars,
        codec="libx265",
        pixels="yuv420p10le",
        matrix=9,
        options={"crf": "4", "x265-params": params},
        tags={"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1},
    )


def test_hdr_looks_as_its_thumbnails_do(hdr):
    made, output = run(hdr, ConvertOptions(quality="high"))
    assert made.tone_mapped
    assert "HDR brought to usual colours" in made.summary
    track = inspect(output).video
    assert (track.hdr, track.pixel_format) == (False, "yuv420p")
    pictures = []
    for path in (hdr, output):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
        pictures.append(np.asarray(still.drawn(frame, inspect(path).video, 160), int))
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)
    # The middles of the bars: chroma has half the resolution.
    middles = np.abs(pictures[0] - pictures[1])[40:56, 10::20]
    assert middles.max() <= 4
    assert np.ptp(pictures[0][48, 10:100:20, 0]) > 150


def test_hdr_is_kept_when_asked_or_never_in_h264(hdr):
    made, output = run(hdr, ConvertOptions("hevc", keep_hdr=True))
    assert made.summary == "Copied as it was"
    made, output = run(hdr, ConvertOptions("av1", keep_hdr=True))
    assert (inspect(output).video.hdr, inspect(output).video.pixel_format) == (True, "yuv420p10le")
    assert not made.tone_mapped
    made, output = run(hdr, ConvertOptions("mp4", keep_hdr=True))
    assert not inspect(output).video.hdr


def test_a_colour_table_says_what_thumbnails_are_made_by(tmp_path):
    path = tmp_path / "a.cube"
    tonemap.write_cube(path, PQ, 9, size=5)
    table = np.loadtxt(path, skiprows=1).reshape(5, 5, 5, 3)
    # Blue changes slowest: the place of (red 0.5, green 0.25, blue 0).
    signal = np.array([[[0.5, 0.25, 0]]], np.float32)
    assert table[0, 1, 2] == pytest.approx(tonemap.srgb_of(signal, PQ, 9)[0, 0], abs=1e-5)


# Size ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["mp4", "hevc", "av1", "webm"])
def test_the_file_is_under_its_limit_and_not_far(target, tmp_path):
    source = noisy(tmp_path / "a.mp4")
    assert source.stat().st_size > 400_000
    told: list[float] = []
    made, output = run(
        source, ConvertOptions(target, limit_bytes=150_000), progress=lambda done, stage: told.append(done)
    )
    assert 90_000 < output.stat().st_size <= 150_000
    assert made.frames == 75
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_file_that_is_small_enough_is_copied(tmp_path):
    source = make(tmp_path / "a.mp4", SHORT, SOUND)
    made, _ = run(source, ConvertOptions(limit_bytes=source.stat().st_size + 2000))
    assert made.summary == "Copied as it was"


def test_a_miss_is_tried_again_with_less(tmp_path, monkeypatch):
    source = noisy(tmp_path / "a.mp4")
    limit = source.stat().st_size // 3
    honest = conversion.plan_within

    def rosy(info, options, limit_bytes, **more):
        plan = honest(info, options, limit_bytes, **more)
        return dataclasses.replace(plan, rate=dataclasses.replace(plan.rate, kbps=4 * plan.rate.kbps))

    monkeypatch.setattr(conversion, "plan_within", rosy)
    log = CommandLog()
    _, output = run(source, ConvertOptions(limit_bytes=limit), log=log)
    assert output.stat().st_size <= limit
    assert len(log.commands) > 2


def test_a_picture_that_would_fall_apart_becomes_smaller(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=2, size=(1280, 720)), SOUND)
    _, output = run(source, ConvertOptions(limit_bytes=20_000))
    assert inspect(output).video.height < 720
    assert output.stat().st_size <= 20_000


def test_a_limit_that_cannot_be_met_is_refused_with_one_that_can(tmp_path):
    info = dataclasses.replace(inspect(make(tmp_path / "a.mp4", SHORT, SOUND)), duration=Fraction(36_000))
    info = dataclasses.replace(info, size_bytes=10**9)
    with pytest.raises(InputError, match="Allow at least") as refused:
        conversion.check(info, ConvertOptions(limit_bytes=10**6))
    least = float(refused.value.message.split("at least ")[1].split(" MB")[0])
    conversion.check(info, ConvertOptions(limit_bytes=round(least * 10**6)))


# Ends ----------------------------------------------------------------------------------------------------------------


def test_sound_alone_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        run(make(tmp_path / "a.m4a", None, SOUND))
    assert refused.value.code == "no_picture"


def damaged(path: Path, count: int) -> Path:
    """Pictures from the thirtieth on with nothing but zeros in them."""
    make(path, Picture(seconds=8), Sound(LOUD, seconds=8))
    with av.open(str(path)) as container:
        spots = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for place, size in spots[30 : 30 + count]:
        data[place + 4 : place + size] = bytes(size - 4)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("shape", [Shape(), Shape(frame_rate=Fraction(10))])
def test_a_damaged_recording_is_refused(shape, tmp_path):
    with pytest.raises(InputError) as refused:
        run(damaged(tmp_path / "a.mp4", 60), ConvertOptions(quality="small", shape=shape))
    assert refused.value.code == "damaged"
    assert not (tmp_path / "converted.mp4").exists()


def test_little_damage_is_told(tmp_path):
    made, _ = run(damaged(tmp_path / "a.mp4", 3), ConvertOptions(quality="small"))
    assert made.lost == 3
    assert made.summary.endswith("3 frames of the recording damaged")


def test_stopping_it_leaves_nothing(tmp_path):
    def stop(done: float, stage: str) -> None:
        if stage.startswith("Encoding") and done > 0:
            raise Cancelled("Stopped.")

    source = make(tmp_path / "a.mp4", Picture(seconds=20), Sound(LOUD, seconds=20))
    with pytest.raises(Cancelled):
        run(source, ConvertOptions(quality="high"), progress=stop)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "scratch"}
    assert list((tmp_path / "scratch").iterdir()) == []
