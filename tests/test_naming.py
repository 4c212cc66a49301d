from fractions import Fraction

import pytest

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, VideoTrack
from jobs.services import naming


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("talk.mp4", "talk.mp4"),
        ("/etc/passwd", "passwd"),
        (r"C:\Users\ann\talk.mp4", "talk.mp4"),
        ("..", "recording"),
        ("", "recording"),
        (".hidden", "hidden"),
        ("a\r\nb\tc.mp4", "a b c.mp4"),
        ("gpj.\u202e4pm.exe", "gpj.4pm.exe"),
        ("nul\x00byte.mp4", "nulbyte.mp4"),
        ("\U0001f3a5 Kön\u0131g.mp4", "\U0001f3a5 Kön\u0131g.mp4"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
        ("x" * 300, "x" * 200),
        ("a." + "y" * 300, "a." + "y" * 198),
    ],
)
def test_file_names_are_made_safe(given: str, kept: str):
    assert naming.file_name(given) == kept


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("talk.mp4", "talk"),
        ("Team-Meeting_2024-05-01.mp4", "Team Meeting 2024-05-01"),
        ("2024-05-01-talk.mov", "2024-05-01 talk"),
        ("A well-known talk.mkv", "A well-known talk"),
        ("v1.2 final.mp4", "v1.2 final"),
        ("___.mp4", "recording"),
        ("", "recording"),
    ],
)
def test_titles_can_be_read(name: str, title: str):
    assert naming.title(name) == title


def info(demuxer: str, video: str = "", audio: str = "") -> MediaInfo:
    return MediaInfo(
        demuxer,
        Fraction(1),
        1,
        video=VideoTrack(0, video, 160, 90) if video else None,
        audio=(AudioTrack(1, audio, 48_000, 2),) if audio else (),
    )


@pytest.mark.parametrize(
    ("facts", "ending", "media_type"),
    [
        (info("mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac"), "mp4", "video/mp4"),
        (info("mov,mp4,m4a,3gp,3g2,mj2", "", "aac"), "m4a", "audio/mp4"),
        (info("matroska,webm", "vp9", "opus"), "webm", "video/webm"),
        (info("matroska,webm", "", "opus"), "weba", "audio/webm"),
        (info("matroska,webm", "h264", "aac"), "mkv", "video/x-matroska"),
        (info("mp3", "", "mp3"), "mp3", "audio/mpeg"),
        (info("something new", "h264"), "bin", "application/octet-stream"),
    ],
)
def test_the_ending_follows_from_the_content(facts: MediaInfo, ending: str, media_type: str):
    assert naming.ending(facts) == ending
    assert naming.media_type(f"videos/x/source.{ending}") == media_type
