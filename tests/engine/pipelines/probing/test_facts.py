"""What probing finds out about ordinary recordings."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import probe
from jobs.engine.probe.inspection import inspect
from tests import media
from tests.engine.pipelines.probing.refusals import refusal


def test_the_facts_of_an_ordinary_recording_are_exact(mp4):
    info = inspect(mp4)
    assert info.format == "mov,mp4,m4a,3gp,3g2,mj2"
    assert info.kind == "video"
    assert info.duration == Fraction(120 * 1001, 30000)
    assert info.start == 0
    assert info.size_bytes == mp4.stat().st_size
    assert info.video is not None
    assert (info.video.codec, info.video.width, info.video.height) == ("h264", 160, 90)
    assert info.video.frame_rate == Fraction(30000, 1001)
    assert not info.video.variable_rate
    assert info.video.pixel_format == "yuv420p"
    assert (info.video.rotation, info.video.sample_aspect, info.video.hdr) == (0, 1, False)
    assert info.video.bit_rate > 10_000
    assert [(track.codec, track.sample_rate, track.channels) for track in info.audio] == [("aac", 44100, 1)]


def test_what_was_found_survives_json(mp4):
    info = inspect(mp4)
    assert MediaInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


@pytest.mark.parametrize("suffix", ["mkv", "mov", "ts", "flv", "avi", "mpg", "wmv", "mxf", "webm", "ogv"])
def test_it_takes_videos_of_every_usual_container(suffix, shelf):
    source = shelf / f"every.{suffix}"
    codecs = {
        "webm": ("-c:v", "libvpx", "-deadline", "realtime"),
        "ogv": ("-c:v", "mpeg4", "-f", "matroska"),
        "mxf": ("-c:v", "mpeg2video", "-ar", 48000),
    }
    media.run_ffmpeg(*media.picture(), *media.tone(), *codecs.get(suffix, ()), media.url(source))
    info = inspect(source)
    assert info.video is not None
    assert info.video.frame_rate == 25
    assert not info.video.variable_rate
    assert len(info.audio) == 1
    # Audio codecs add up to two blocks of their own (46 ms each) to the 4 s.
    assert abs(info.duration - 4) < Fraction(1, 10)


@pytest.mark.parametrize(
    "suffix",
    ["wav", "mp3", "flac", "aac", "m4a", "ogg", "opus", "aiff", "caf", "w64", "au", "ac3", "eac3", "wma", "wv"],
)
def test_it_takes_sound_of_every_usual_format(suffix, shelf):
    info = inspect(media.audio(shelf / f"tone.{suffix}"))
    assert info.kind == "audio"
    assert info.video is None
    assert len(info.audio) == 1
    assert abs(info.duration - 4) < Fraction(1, 10)


def test_later_openings_can_force_the_format_it_names(mp4, mkv):
    for path in (mp4, mkv):
        media.run_ffmpeg("-f", inspect(path).format, "-i", media.url(path), "-f", "null", "-")


def test_a_name_decides_nothing(mp4, shelf):
    renamed = shelf / "notes.txt"
    renamed.write_bytes(mp4.read_bytes())
    assert inspect(renamed).video is not None
    lie = shelf / "notes.mp4"
    lie.write_text("Nothing but words in here.\n" * 200)
    assert refusal(lie).code == "not_media"


@pytest.mark.parametrize(
    "name", ["-i.mp4", "new\nline.mp4", "http:x.mp4", "concat:a|b.mp4", "%d ünï 🎬.mp4", "'\"$(x).mp4"]
)
def test_odd_names_are_only_names(name, mp4, tmp_path, monkeypatch):
    (tmp_path / name).write_bytes(mp4.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe.probe(Path(name)).info.duration == Fraction(1001, 250)


def test_a_rotated_phone_video_is_known_as_upright(mp4, shelf):
    # ffmpeg counts the other way round: -90 there is a quarter turn clockwise.
    for turn, clockwise in ((-90, 90), (90, 270), (180, 180)):
        path = media.remuxed(mp4, shelf / "turned.mp4", before=("-display_rotation:v:0", turn))
        video = inspect(path).video
        assert video is not None
        assert video.rotation == clockwise
        assert (video.width, video.height) == (160, 90)
        assert video.display_size == ((160, 90) if turn == 180 else (90, 160))


def test_wide_samples_are_known(shelf):
    video = inspect(media.video(shelf / "wide.mp4", "-vf", "setsar=16/11", seconds=1)).video
    assert video is not None
    assert video.sample_aspect == Fraction(16, 11)
    assert video.display_size == (233, 90)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_known(transfer, shelf):
    mark = ("-vf", f"setparams=color_trc={transfer}", "-color_trc", transfer)
    video = inspect(media.video(shelf / "hdr.mp4", *mark, seconds=1)).video
    assert video is not None
    assert video.hdr


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_is_known(suffix, shelf):
    # All pictures of the first second, then every third.
    thin = ("-vf", "select='lt(n,25)+not(mod(n,3))'", "-fps_mode", "vfr")
    video = inspect(media.video(shelf / f"thin.{suffix}", *thin)).video
    assert video is not None
    assert video.variable_rate


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_rate_that_changes_late_is_known(suffix, shelf):
    # Beyond the stretch of 300 pictures that is looked at from the start.
    thin = ("-vf", "select='lt(n,350)+not(mod(n,2))'", "-fps_mode", "vfr", "-bf", 0)
    video = inspect(media.video(shelf / f"late.{suffix}", *thin, seconds=40)).video
    assert video is not None
    assert video.variable_rate


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv"])
def test_steady_rates_are_exact(rate, suffix, shelf):
    video = inspect(media.video(shelf / f"steady.{suffix}", rate=rate, seconds=5)).video
    assert video is not None
    assert video.frame_rate == Fraction(rate)
    assert not video.variable_rate


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_start_time_is_not_part_of_the_length(suffix, mp4, shelf):
    info = inspect(media.remuxed(mp4, shelf / f"offset.{suffix}", "-output_ts_offset", 10))
    assert 10 <= info.start < 12  # an MPEG transport stream starts 1.4 s in by itself
    assert abs(info.duration - 4) < Fraction(1, 10)


def test_tracks_subtitles_and_chapters_are_listed(mp4, shelf):
    words = shelf / "words.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    chapters = shelf / "chapters.txt"
    parts = ("[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\n".format(*part) for part in ((0, 2000), (2000, 4000)))
    chapters.write_text(";FFMETADATA1\n" + "".join(parts))
    inputs = [part for path in (mp4, mp4, words, chapters) for part in ("-i", media.url(path))]
    path = shelf / "many.mkv"
    marks = (
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Room"),
        *("-metadata:s:a:1", "language=deu", "-metadata:s:s:0", "language=fra"),
    )
    maps = ("-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "2", "-map_chapters", 3)
    media.run_ffmpeg(*inputs, *maps, "-c", "copy", "-c:s", "srt", *marks, media.url(path))
    info = inspect(path)
    assert [(track.index, track.language, track.title) for track in info.audio] == [(1, "eng", "Room"), (2, "deu", "")]
    assert info.subtitles == ("fra",)
    assert info.chapters == 2


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac"])
def test_sound_with_a_cover_is_sound(suffix, shelf):
    cover, path = media.still(shelf / "cover.jpg"), shelf / f"song.{suffix}"
    attach = ("-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v", "attached_pic")
    media.run_ffmpeg(*media.tone(), "-i", media.url(cover), *attach, media.url(path))
    info = inspect(path)
    assert info.kind == "audio"
    assert len(info.audio) == 1
