"""Recordings that are cut off, damaged or of no use."""

import random
import re
import struct
from fractions import Fraction
from pathlib import Path

import pytest

from jobs.engine.probe import inspection
from jobs.engine.probe.inspection import inspect
from tests import media
from tests.engine.pipelines.probing.refusals import refusal


@pytest.fixture(scope="module")
def front(mp4, shelf) -> Path:
    return media.remuxed(mp4, shelf / "front.mp4", "-movflags", "+faststart")


def test_a_recording_without_its_index_is_cut_off(mp4, shelf):
    assert refusal(media.cut_bytes(mp4, shelf / "noindex.mp4", 0.6)).code == "cut_off"


@pytest.mark.parametrize(
    "suffix", ["mp4", "mkv", "webm", "wav", "avi", "flv", "flac", "mp3", "caf", "aiff", "w64", "au", "mov", "wmv"]
)
def test_a_cut_off_recording_says_how_much_is_there(suffix, shelf):
    whole = shelf / f"whole.{suffix}"
    if suffix in ("wav", "flac", "mp3", "caf", "aiff", "w64", "au"):
        media.audio(whole, seconds=10)
    elif suffix in ("mp4", "mov", "mkv", "flv"):
        media.video(whole, *(["-movflags", "+faststart"] if suffix in ("mp4", "mov") else []), seconds=10)
    else:
        codec = ("-c:v", "libvpx", "-deadline", "realtime") if suffix == "webm" else ()
        media.run_ffmpeg(*media.picture(10), *media.tone(10), *codec, media.url(whole))
    assert abs(inspect(whole).duration - 10) < Fraction(1, 5)
    error = refusal(media.cut_bytes(whole, shelf / f"half.{suffix}", 0.5))
    assert error.code == "cut_off"
    found = re.search(r"of 10 s only the first (\d+) s are there", error.message)
    assert found, error.message
    # A moving picture and a tone take about the same bytes each second.
    assert 3 <= int(found[1]) <= 7


def test_a_recording_cut_off_in_its_first_second_is_refused(front, mkv, shelf):
    for whole in (front, mkv):
        error = refusal(media.cut_bytes(whole, shelf / f"stub{whole.suffix}", 0.05))
        assert error.code == "cut_off", whole.name


def test_garbage_in_place_of_pictures_is_damage(front, shelf):
    data = front.read_bytes()
    at = data.index(b"mdat") + 4
    path = shelf / "garbage.mp4"
    path.write_bytes(data[:at] + random.Random(1).randbytes(len(data) - at))
    assert refusal(path).code == "damaged"


def test_an_unknown_codec_is_said(mp4, shelf):
    path = shelf / "unknown.mp4"
    data = mp4.read_bytes()
    assert data.count(b"avc1") > 0
    at = data.rindex(b"avc1", 0, data.rindex(b"avcC"))
    path.write_bytes(data[:at] + b"xyz1" + data[at + 4 :])
    assert refusal(path).code == "unknown_codec"


def test_subtitles_alone_are_no_recording(shelf):
    words, path = shelf / "alone.srt", shelf / "alone.mkv"
    words.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    media.run_ffmpeg("-i", media.url(words), media.url(path))
    assert refusal(path).code == "no_streams"


def test_too_many_tracks_are_refused(shelf):
    source, path = media.audio(shelf / "one.m4a", seconds=1), shelf / "crowd.mkv"
    maps = ["-map", "0:a"] * (inspection.MAXIMUM_TRACKS + 1)
    media.run_ffmpeg("-i", media.url(source), *maps, "-c", "copy", media.url(path))
    assert refusal(path).code == "too_many_tracks"


def test_too_large_a_picture_is_refused(shelf):
    path = shelf / "huge.mkv"
    codec = ("-c:v", "ffv1", "-frames:v", 1)
    media.run_ffmpeg(*media.picture(1, size="160x90"), "-vf", "scale=16400:2", *codec, media.url(path))
    assert refusal(path).code == "picture_too_large"


def test_no_length_is_refused(tmp_path):
    path = tmp_path / "nothing.wav"
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, 44100, 88200, 2, 16, b"data", 0)
    path.write_bytes(header)
    assert refusal(path).code == "no_duration"
