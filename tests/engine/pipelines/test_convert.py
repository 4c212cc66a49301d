"""Recordings converted: copied where they fit, encoded where not, and how it ends."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.model.mediainfo import demuxer
from jobs.engine.pipelines.convert import conversion
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.probe.inspection import inspect
from jobs.engine.render.stored_packets import is_audio, stored_tracks
from jobs.engine.runtime.threads import CancellationToken
from jobs.errors import Cancelled, InputError
from tests.clips import Picture, Sound, heard, lag, make, seen
from tests.engine.pipelines.converting import LOUD, SHORT, SOUND, noisy, run
from tests.media import run_ffmpeg, url

VP9 = Picture(seconds=2, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


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
            stored_tracks(path, demuxer(inspect(path)), is_audio, CancellationToken()) for path in (output, source)
        )
        assert [(one.count, one.digest) for one in ours] == [(one.count, one.digest) for one in theirs]
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
