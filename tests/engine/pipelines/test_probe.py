"""What a file is, and which files are turned away: hostile, broken and ordinary ones, all made here."""

import errno
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import zipfile
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import av.error
import pytest
from PIL import Image

from jobs.engine.container import demuxing, ffmpeg
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import probe
from jobs.engine.probe import inspection, mp4_boxes
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.errors import Busy, InputError, ResourceError
from tests import media


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        inspect(path)
    message = caught.value.message
    assert message.endswith("."), "a sentence"
    assert str(path) not in message, "the owner does not know the server's paths"
    assert "!" not in message
    return caught.value


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def mp4(shelf) -> Path:
    """4 s at 29.97, index at the end."""
    return media.video(shelf / "talk.mp4", rate="30000/1001")


@pytest.fixture(scope="module")
def front(mp4, shelf) -> Path:
    return media.remuxed(mp4, shelf / "front.mp4", "-movflags", "+faststart")


@pytest.fixture(scope="module")
def mkv(mp4, shelf) -> Path:
    return media.remuxed(mp4, shelf / "talk.mkv")


@pytest.fixture(scope="module")
def webm(shelf) -> Path:
    return media.video(shelf / "talk.webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")


# Ordinary recordings


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


def test_a_length_that_no_header_tells_is_measured(webm, shelf):
    # A browser's recorder writes into a pipe and never goes back to fill in the length.
    live = shelf / "live.webm"
    with live.open("wb") as out:
        command = [ffmpeg.program(), "-v", "error", "-i", media.url(webm), "-c", "copy", "-f", "webm", "-"]
        subprocess.run(command, stdout=out, check=True)
    info = inspect(live)
    assert abs(info.duration - 4) < Fraction(1, 20)


def test_the_length_of_bare_aac_is_measured(shelf):
    # Half silence, half noise: the bit rate of its start says nothing about its length.
    path = shelf / "uneven.aac"
    noise = ("-f", "lavfi", "-i", "anoisesrc=duration=20:amplitude=0.5", "-af", "volume=0:enable='lt(t,10)'")
    media.run_ffmpeg(*noise, "-b:a", "128k", media.url(path))
    assert abs(inspect(path).duration - 20) < Fraction(1, 10)


def test_a_recorder_that_stopped_in_the_middle_of_a_fragmented_file_is_taken(mp4, shelf):
    # Recorders write fragments exactly so that what was recorded can be used.
    pieces = media.remuxed(mp4, shelf / "pieces.mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
    assert abs(inspect(pieces).duration - 4) < Fraction(1, 10)
    assert 1 < inspect(media.cut_bytes(pieces, shelf / "stopped.mp4", 0.7)).duration < 4


def test_a_track_that_shows_up_late_hides_no_other(shelf):
    # Picture alone, then with sound, then alone again; libavformat looks for tracks in the first 5 MB and at the end.
    alone = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=15", *media.FAST_X264, "-muxrate", "4M")
    first, last, both = shelf / "first.ts", shelf / "last.ts", shelf / "both.ts"
    media.run_ffmpeg(*alone, media.url(first))
    media.run_ffmpeg(*alone, "-output_ts_offset", 19, media.url(last))
    middle = media.video(shelf / "middle.ts", "-output_ts_offset", 15)
    both.write_bytes(b"".join(part.read_bytes() for part in (first, middle, last)))
    with av.open(media.url(both)) as container:
        assert len(container.streams) == 1, "the sound is not found at the start"
    info = inspect(both)
    assert info.video is not None
    assert abs(info.duration - 34) < Fraction(1, 5)


def test_reading_goes_on_behind_a_packet_of_an_unexpected_track():
    # Whether PyAV stumbles over one is a matter of chance: it looks at memory that is not its own.
    class Stumbling:
        format = SimpleNamespace(name="mpegts")
        parts = iter(([1, 2], [3]))

        def demux(self, tracks):
            assert tracks == ("picture", "sound")
            part = next(self.parts)
            yield from part
            if part == [1, 2]:
                raise IndexError

    assert list(demuxing.packets(Stumbling(), "picture", "sound")) == [1, 2, 3]


def test_a_sound_track_that_nobody_can_decode_hides_no_other(mp4, shelf):
    two = media.remuxed(mp4, shelf / "two.mkv")
    media.run_ffmpeg("-i", media.url(mp4), "-map", "0", "-map", "0:a", "-c", "copy", media.url(two))
    data = two.read_bytes()
    assert data.count(b"A_AAC") == 2
    first = data.index(b"A_AAC")
    two.write_bytes(data[:first] + b"A_XYZ" + data[first + 5 :])
    assert [track.index for track in inspect(two).audio] == [2]


# Files that are turned away


@pytest.mark.parametrize(
    "content",
    [
        b"just words, again and again\n" * 500,
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n" * 50,
        b"<!doctype html><video src=http://example.org/a.mp4></video>" * 20,
        b"\0" * 100_000,
        b"\xff" * 100_000,
        b"1\n00:00:00,000 --> 00:00:02,000\nOnly subtitles\n",
        b"x",
    ],
    ids=["text", "pdf", "html", "zeros", "ones", "subtitles", "one byte"],
)
@pytest.mark.parametrize("name", ["file", "file.mp4", "file.mp3"])
def test_what_is_no_recording_is_refused(content, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path).code == "not_media"


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_are_refused(seed, tmp_path):
    path = tmp_path / "noise.mp3"
    path.write_bytes(random.Random(seed).randbytes(300_000))
    assert refusal(path).code in ("not_media", "damaged")


def test_an_archive_is_refused(mp4, tmp_path):
    path = tmp_path / "talk.mp4"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(mp4, "talk.mp4")
    assert refusal(path).code == "not_media"


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refusal(path).code == "empty"
    assert refusal(tmp_path).code == "no_file"


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp", "tiff", "avif"])
def test_pictures_are_refused_as_pictures(suffix, tmp_path):
    path = media.still(tmp_path / f"still.{suffix}")
    assert refusal(path).code == "image"
    disguised = path.rename(tmp_path / "still.mp4")
    assert refusal(disguised).code == "image"


def test_pictures_of_phones_are_refused_as_pictures(tmp_path):
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(1000))
    assert refusal(path).code == "image"


@pytest.fixture
def listener():
    """A server on this machine, and a list that grows with every connection to it."""
    connections: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    done = threading.Event()

    def accept() -> None:
        while not done.is_set():
            try:
                connection, peer = server.accept()
            except TimeoutError:
                continue
            connections.append(peer)
            connection.close()

    thread = threading.Thread(target=accept)
    thread.start()
    yield server.getsockname()[1], connections
    done.set()
    thread.join()
    server.close()


def pointers(port: int, target: Path) -> dict[str, str]:
    web = f"http://127.0.0.1:{port}/a.ts"
    return {
        "m3u8 to a file": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{target}\n#EXT-X-ENDLIST\n",
        "m3u8 to passwd": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "m3u8 to the web": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{web}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile 'file:{target}'\n",
        "ffconcat to the web": f"ffconcat version 1.0\nfile '{web}'\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{web}</BaseURL></MPD>',
    }


@pytest.mark.parametrize("kind", pointers(0, Path("x")))
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list.ffconcat", "list"])
def test_files_that_point_elsewhere_are_refused_and_not_followed(kind, name, listener, mp4, tmp_path):
    port, connections = listener
    path = tmp_path / name
    path.write_text(pointers(port, mp4)[kind])
    error = refusal(path)
    assert error.code == "not_media"
    assert "points" in error.message
    assert connections == []


def test_the_listener_of_these_tests_would_notice(listener):
    port, connections = listener
    command = [ffmpeg.program(), "-v", "quiet", "-i", f"http://127.0.0.1:{port}/a.ts", "-f", "null", "-"]
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    assert connections


def referring(mp4: Path, path: Path, target: str) -> Path:
    """The recording with every track's data said to lie in another file: `url ` entries, not self-contained."""
    data = mp4.read_bytes()
    inside = struct.pack(">I4sI", 12, b"url ", 1)
    assert data.count(inside) == 2
    place = target.encode() + b"\0"
    outside = struct.pack(">I4sI", 12 + len(place), b"url ", 0) + place
    grown = data
    while (at := grown.find(inside)) >= 0:
        # Every box around the entry grows with it.
        for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
            box = grown.rfind(kind, 0, at) - 4
            (size,) = struct.unpack_from(">I", grown, box)
            grown = grown[:box] + struct.pack(">I", size + len(place)) + grown[box + 4 :]
        at = grown.find(inside)
        grown = grown[:at] + outside + grown[at + len(inside) :]
    path.write_bytes(grown)
    return path


def test_a_movie_whose_data_lies_in_another_file_is_refused(mp4, shelf):
    error = refusal(referring(mp4, shelf / "reference.mov", "file:///etc/passwd"))
    assert error.code == "not_media"
    assert "self-contained" in error.message


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


# The child process


def test_probing_finds_the_same_in_a_child(mp4):
    log = subprocess_runner.CommandLog()
    found = probe.probe(mp4, log=log)
    assert found.info == inspect(mp4)
    assert found.poster is None
    assert len(found.sha256) == 64
    assert found.sha256 == probe.sha256(mp4)
    assert "jobs.engine.pipelines.probe" in log.commands[0]


def test_a_long_ordinary_recording_passes(shelf):
    path = media.video(shelf / "long.mp4", seconds=42)
    assert probe.probe(path).info.duration == 42


def test_a_refusal_comes_through_from_the_child(mkv, tmp_path):
    path = media.cut_bytes(mkv, tmp_path / "half.mkv", 0.5)
    with pytest.raises(InputError) as caught:
        probe.probe(path)
    assert caught.value.code == "cut_off"
    assert caught.value.message == refusal(path).message


def stand_in(monkeypatch, code: str, **bounds: object) -> None:
    """Let the child run `code` instead of probing."""
    monkeypatch.setattr(probe, "command", lambda path, poster: [sys.executable, "-c", code])
    if bounds:
        monkeypatch.setattr(probe, "limits", lambda size: subprocess_runner.Limits(**bounds))


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        ("import os; os.kill(os.getpid(), 11)", {}),
        ("while True: pass", {"seconds": 1}),
        ("b'x' * 10**11", {}),
        ("raise SystemExit('Cannot allocate memory')", {}),
        ("import numpy; numpy.ones(10**10)", {}),
        ("print('not json')", {}),
        ("print('[]')", {}),
        ("print('{}')", {}),
    ],
    ids=["crash", "spin", "memory", "libav's memory", "numpy's memory", "no json", "a list", "no answer"],
)
def test_a_child_that_fails_makes_the_recording_unreadable(code, bounds, mp4, monkeypatch):
    stand_in(monkeypatch, code, **bounds)
    with pytest.raises(InputError) as caught:
        probe.probe(mp4)
    assert caught.value.code == "unreadable"
    assert "could not be read" in caught.value.message


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        ("import time; time.sleep(600)", {"wall_seconds": 0.5}),
        ("import sys; sys.exit('unshare failed: Resource temporarily unavailable')", {}),
        ("import jobs_that_are_not_there", {}),
    ],
    ids=["the clock", "no process to be had", "no program"],
)
def test_what_is_the_servers_fault_says_nothing_about_the_recording(code, bounds, mp4, monkeypatch):
    stand_in(monkeypatch, code, **bounds)
    with pytest.raises(Busy, match="Try again"):
        probe.probe(mp4)


def test_what_nobody_thought_of_is_told_apart_by_who_said_it(capsys):
    def broken(error: Exception) -> sandbox.Answer:
        def work() -> sandbox.Answer:
            raise error

        return sandbox.answered(work)

    assert "broken" in broken(IndexError("a parser of ours")), "the bytes' fault: it happens every time"
    assert "broken" in broken(av.error.OSError(errno.EIO, "Input/output error")), "libav means the bytes"
    with pytest.raises(OSError, match="disk"):
        broken(OSError(errno.EIO, "the disk"))


def test_boxes_in_boxes_without_end_are_not_followed(tmp_path):
    count = 20_000
    nested = b"".join((8 * (count - level)).to_bytes(4) + b"moov" for level in range(count))
    path = tmp_path / "nested.mp4"
    path.write_bytes(nested)
    assert not mp4_boxes.is_fragmented(path)
    with path.open("rb") as file:
        assert len(list(mp4_boxes.tree(file, 0, len(nested)))) == mp4_boxes.MAXIMUM_DEPTH + 1
    assert refusal(path)


def test_a_child_that_was_killed_says_nothing_about_the_recording(mp4, monkeypatch):
    """As the kernel does when memory runs out; its own limit on memory is another thing."""
    stand_in(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ResourceError):
        probe.probe(mp4)


def test_the_child_knows_no_secrets(mp4, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    monkeypatch.setenv("DATABASE_URL", "hidden")
    assert "hidden" not in json.dumps(sandbox.environment())


def test_the_limits_let_ten_gigabytes_through():
    bounds = probe.limits(10 << 30)
    assert bounds.seconds is not None and bounds.seconds > 120
    assert bounds.wall_seconds is not None and bounds.wall_seconds > 400
    assert not bounds.network


def test_a_4k_recording_fits_into_the_limits(shelf):
    path = shelf / "4k.mp4"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none")
    media.run_ffmpeg(*media.picture("0.2", size="3840x2160"), *codec, media.url(path))
    video = probe.probe(path).info.video
    assert video is not None
    assert (video.width, video.height, video.codec) == (3840, 2160, "hevc")


def test_it_runs_from_a_shell(mp4, tmp_path):
    command = [sys.executable, "-m", "jobs.engine.pipelines.probe", "--", os.fspath(mp4)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=sandbox.ROOT)
    answer = json.loads(done.stdout)
    assert done.stdout.count(b"\n") == 1
    assert answer["sha256"] == ""
    assert MediaInfo.from_json(answer["info"]) == inspect(mp4)


def test_a_poster_that_cannot_be_made_fails_nothing(mp4, tmp_path):
    found = probe.probe(mp4, poster=tmp_path / "missing" / "poster.jpg")
    assert found.poster is None
    assert found.info.video is not None


def test_a_poster_is_an_upright_picture(mp4, shelf, tmp_path):
    path = media.remuxed(mp4, shelf / "portrait.mp4", before=("-display_rotation:v:0", -90))
    found = probe.probe(path, poster=tmp_path / "poster.jpg")
    assert found.poster == tmp_path / "poster.jpg"
    with Image.open(found.poster) as image:
        assert image.format == "JPEG"
        assert (image.width, image.height) == (90, 160), "upright, and no larger than the recording"
        assert max(high for _, high in image.getextrema()) > 100, "not black"


def test_sound_has_no_poster(shelf, tmp_path):
    assert probe.probe(media.audio(shelf / "plain.wav"), poster=tmp_path / "poster.jpg").poster is None
    assert not (tmp_path / "poster.jpg").exists()
