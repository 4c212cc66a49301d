"""What else is in a recording and goes through the cut with it: chapters, captions, names, dates and the cover."""

from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from jobs.engine.edit.cut_plan import CutParams, CutPlan
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import chapters, passthrough
from jobs.engine.render.chapters import Chapter
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make
from tests.media import run_ffmpeg, still, url

LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5)]
KEEP = CutParams(
    keep=((Fraction("0.4"), Fraction("1.2")), (Fraction("2"), Fraction("2.4")), (Fraction("3"), Fraction(4)))
)
"""Becomes 0 to 0.8, 0.8 to 1.2 and 1.2 to 2.2."""
PLAN = CutPlan(
    Fraction(20), ((Fraction(1), Fraction(4)), (Fraction(6), Fraction(9)), (Fraction(12), Fraction(20)))
).timeline
"""Old seconds 1 to 4, 6 to 9 and 12 to 20 become 0 to 3, 3 to 6 and 6 to 14."""
PICTURE = Picture(options={"preset": "ultrafast", "g": "5", "bf": "2"})
CHAPTERS = (
    ("0.2", "0.6", "Start"),
    ("0.6", "1.3", "One = 1; # \\ two"),
    ("1.3", "1.9", "Gone"),
    ("1.9", "4", "Ende ä"),
)
SRT = """1
00:00:00,500 --> 00:00:00,900
Hello <i>there</i>

2
00:00:01,400 --> 00:00:01,800
in the cut

3
00:00:02,200 --> 00:00:03,500
across
"""


def chapter(start: object, end: object, title: str = "") -> Chapter:
    return Chapter(Fraction(str(start)), Fraction(str(end)), title)


def test_a_chapter_lasts_for_what_was_kept_of_it_and_goes_when_nothing_was():
    told = [chapter(0, 3, "a"), chapter(3, 5, "b"), chapter(5, 10, "c"), chapter(10, 11, "d"), chapter(11, 20, "e")]
    assert chapters.retime(told, PLAN) == [
        chapter(0, 2, "a"),
        chapter(2, 3, "b"),
        chapter(3, 6, "c"),
        chapter(6, 14, "e"),
    ]


def test_of_nested_chapters_the_innermost_are_told_and_nonsense_is_not():
    told = [chapter(6, 20, "part"), chapter(6, 8, "one"), chapter(8, 20, "two"), chapter(9, 7, "backwards")]
    assert chapters.retime(told, PLAN) == [chapter(3, 5, "one"), chapter(5, 14, "two")]


def test_a_chapter_that_outlasts_the_recording_ends_with_the_result():
    assert chapters.retime([chapter(-5, 100, "all")], PLAN) == [chapter(0, 14, "all")]


def recording(folder: Path, name: str, *, picture: Picture | None = PICTURE, cover: bool = False) -> Path:
    """Four seconds with chapters, captions, a date, names, and two tracks of sound, the second of them the default."""
    sounds = [Sound(LOUD), Sound(LOUD, seed=2, layout="mono")]
    plain = make(folder / "plain.mkv", picture, *sounds)
    (folder / "captions.srt").write_text(SRT)
    marks = "\n".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={float(start) * 1000:.0f}\nEND={float(end) * 1000:.0f}\n"
        f"title={title.translate(str.maketrans({c: chr(92) + c for c in '=;#' + chr(92)}))}"
        for start, end, title in CHAPTERS
    )
    (folder / "chapters.txt").write_text(f";FFMETADATA1\ntitle=Lecture 7\nartist=Ada\n{marks}\n")
    inputs = [
        "-i",
        url(plain),
        "-i",
        url(folder / "captions.srt"),
        "-f",
        "ffmetadata",
        "-i",
        url(folder / "chapters.txt"),
    ]
    options = ["-map", "0", "-map", "1:0", "-map_metadata", "2", "-map_chapters", "2"]
    if cover:
        inputs += ["-i", url(still(folder / "cover.png"))]
        options += ["-map", "3:0", f"-disposition:v:{int(picture is not None)}", "attached_pic"]
    options += ["-metadata", "creation_time=2024-05-06T07:08:09Z"]
    options += ["-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Talk"]
    options += [
        "-metadata:s:a:1",
        "language=deu",
        "-disposition:a:0",
        "0",
        "-disposition:a:1",
        "default+visual_impaired",
    ]
    options += ["-metadata:s:s:0", "language=fra", "-metadata:s:s:0", "title=Mots", "-disposition:s:0", "forced"]
    # What many players show of MP4, whose titles of tracks they do not read.
    options += ["-metadata:s:a:0", "handler_name=Talk", "-metadata:s:s:0", "handler_name=Mots"]
    codec = "mov_text" if name.endswith(("mp4", "m4a", "mov")) else "srt"
    run_ffmpeg(*inputs, *options, "-c", "copy", "-c:s", codec, url(folder / name))
    return folder / name


@pytest.mark.parametrize("way", ["smart", "encode"])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_everything_in_the_container_goes_through_the_cut(name, way, tmp_path):
    source = recording(tmp_path, name, cover=name == "a.mp4")
    result = cutting.cut(
        Source(source, inspect(source)), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path), RenderOptions(way=way)
    )
    assert result.render == way
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert told_chapters(container) == [
            (Fraction("0"), Fraction("0.2"), "Start"),
            (Fraction("0.2"), Fraction("0.8"), "One = 1; # \\ two"),
            (Fraction("0.8"), Fraction("2.2"), "Ende ä"),
        ]
        assert container.metadata["title"] == "Lecture 7"
        assert container.metadata["artist"] == "Ada"
        assert container.metadata["creation_time"].startswith("2024-05-06T07:08:09")
        first, second = container.streams.audio
        assert [track.metadata["language"] for track in (first, second)] == ["eng", "deu"]
        assert first.metadata["handler_name"] == "Talk"
        assert not first.disposition & Disposition.default
        assert second.disposition & Disposition.default
        text = container.streams.subtitles[0]
        assert (text.metadata["language"], text.metadata["handler_name"]) == ("fra", "Mots")
        pictures = [track.codec_context.name for track in container.streams.video]
        assert pictures == ["h264", "png"] if name == "a.mp4" else ["h264"]
    again = passthrough.read(Source(tmp_path / "cut.mp4", inspect(tmp_path / "cut.mp4")), whole(Fraction("2.2")))
    assert [(one.start, one.end, one.text) for _, track in again.captions for one in track] == [
        (Fraction("0.1"), Fraction("0.5"), "Hello <i>there</i>"),
        (Fraction("1.0"), Fraction("1.7"), "across"),
    ]
    assert [track.language for track, _ in result.captions] == ["fra"]


def test_names_come_along_whatever_is_in_them(tmp_path):
    """They pass through a file whose lines, brackets and signs mean something."""
    told = {
        "title": "[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=1\ntitle=no",
        "artist": "a = b; c # d \\ e \\",
        "comment": "\r\n;\n\n[STREAM]\nlanguage=deu",
    }
    source = make(tmp_path / "a.mkv", PICTURE, Sound(LOUD), metadata=told)
    cutting.cut(Source(source, inspect(source)), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path))
    with av.open(str(source)) as before, av.open(str(tmp_path / "cut.mp4")) as container:
        # Matroska writes the names of its fields large.
        assert {key.lower(): text for key, text in before.metadata.items()}.items() >= told.items()
        assert {key: container.metadata[key].removesuffix(" ") for key in told} == told
        assert container.chapters() == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_titles_of_tracks_are_there_again_in_the_result(name, tmp_path):
    source = titled(tmp_path, name)
    result = cutting.cut(Source(source, inspect(source)), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path))
    assert result.report.ok
    found = inspect(tmp_path / "cut.mp4")
    assert [track.title for track in found.audio] == ["Talk", "Zimmer ä"]
    labels = passthrough.read(Source(tmp_path / "cut.mp4", found), whole(Fraction("2.2"))).labels
    assert [label.title for label in labels.values()] == ["Slides", "Talk", "Zimmer ä", "Mots"]
    with av.open(str(tmp_path / "cut.mp4")) as container:
        told = [(track.metadata["name"], track.metadata["handler_name"]) for track in container.streams]
    assert told == [(label.title, label.title) for label in labels.values()]


def titled(folder: Path, name: str) -> Path:
    plain = make(folder / "plain.mkv", PICTURE, Sound(LOUD), Sound(LOUD, seed=2))
    (folder / "captions.srt").write_text(SRT)
    titles = {"v:0": "Slides", "a:0": "Talk", "a:1": "Zimmer ä", "s:0": "Mots"}
    options = [part for track, title in titles.items() for part in (f"-metadata:s:{track}", f"title={title}")]
    inputs = ["-i", url(plain), "-i", url(folder / "captions.srt"), "-map", "0", "-map", "1"]
    codec = "srt" if name.endswith("mkv") else "mov_text"
    run_ffmpeg(*inputs, *options, "-c", "copy", "-c:s", codec, url(folder / name))
    return folder / name


def test_a_track_without_a_title_keeps_what_mp4_calls_who_wrote_it(tmp_path):
    plain = make(tmp_path / "plain.mkv", PICTURE, Sound(LOUD))
    run_ffmpeg("-i", url(plain), "-c", "copy", "-metadata:s:a:0", "handler_name=Mixer", url(tmp_path / "a.mp4"))
    cutting.cut(
        Source(tmp_path / "a.mp4", inspect(tmp_path / "a.mp4")), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path)
    )
    with av.open(str(tmp_path / "cut.mp4")) as container:
        told = container.streams.audio[0].metadata
    assert told["handler_name"] == "Mixer"
    assert "name" not in told


PHONE = {
    "com.apple.photos.originating.signature": "AQ==",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15",
    "com.apple.quicktime.software": "17.1",
    "com.apple.quicktime.creationdate": "2024-05-06T09:08:09+0200",
    "com.apple.quicktime.location.ISO6709": "+52.5200+013.4000+034.000/",
}
DATE = {"creation_time": "2024-05-06T07:08:09.000000Z"}


def from_phone(path: Path, more: dict[str, str]) -> Path:
    plain = make(path.with_name("plain.mkv"), PICTURE, Sound(LOUD))
    told = [part for key, text in {**PHONE, **DATE, **more}.items() for part in ("-metadata", f"{key}={text}")]
    run_ffmpeg("-i", url(plain), "-c", "copy", *told, "-movflags", "use_metadata_tags", url(path))
    return path


def names_in(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return dict(container.metadata)


def test_what_a_phone_notes_down_goes_through_the_cut(tmp_path):
    source = from_phone(tmp_path / "a.mov", {})
    assert names_in(source).items() >= PHONE.items()
    cutting.cut(Source(source, inspect(source)), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path))
    told = names_in(tmp_path / "cut.mp4")
    assert told.items() >= PHONE.items()
    assert told["creation_time"].startswith("2024-05-06T07:08:09")
    assert told["location"].startswith("+52.5200+013.4000")
    data = (tmp_path / "cut.mp4").read_bytes()
    assert b"loci" in data
    assert mp4_date(data) == datetime(2024, 5, 6, 7, 8, 9)
    assert told["major_brand"] != names_in(source)["major_brand"]


def mp4_date(data: bytes) -> datetime:
    """As the header of an MP4 file tells it, in seconds since 1904."""
    at = data.index(b"mvhd") + 8
    return datetime(1904, 1, 1) + timedelta(seconds=int.from_bytes(data[at : at + 4]))


def test_a_title_comes_before_what_a_phone_notes_down(tmp_path):
    """Most players know it in one place only, where MP4 has no room for the others."""
    source = from_phone(tmp_path / "a.mov", {"title": "Holidays", "artist": "Ada"})
    cutting.cut(Source(source, inspect(source)), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path))
    told = names_in(tmp_path / "cut.mp4")
    assert (told["title"], told["artist"]) == ("Holidays", "Ada")
    assert told["creation_time"].startswith("2024-05-06T07:08:09")
    assert told["location"].startswith("+52.5200+013.4000")
    assert b"\xa9nam" in (tmp_path / "cut.mp4").read_bytes()


def whole(duration: Fraction) -> Timeline:
    return Timeline((Segment(Fraction(0), duration),), (duration,))


def told_chapters(container) -> list[tuple[Fraction, Fraction, str]]:
    return [
        (one["start"] * one["time_base"], one["end"] * one["time_base"], one["metadata"].get("title", ""))
        for one in container.chapters()
    ]


def test_a_first_chapter_that_begins_late_does_so_in_the_result(tmp_path):
    source = recording(tmp_path, "a.mkv")
    keep = CutParams(keep=((0, 1), (2, 3)))
    cutting.cut(Source(source, inspect(source)), keep, tmp_path / "cut.mp4", Workspace(tmp_path))
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert told_chapters(container)[:2] == [
            (Fraction(0), Fraction("0.2"), ""),
            (Fraction("0.2"), Fraction("0.6"), "Start"),
        ]


def test_sound_alone_keeps_its_chapters_and_its_cover(tmp_path):
    source = recording(tmp_path, "a.m4a", picture=None, cover=True)
    cutting.cut(Source(source, inspect(source)), KEEP, tmp_path / "cut.m4a", Workspace(tmp_path))
    with av.open(str(tmp_path / "cut.m4a")) as container:
        assert [title for _, _, title in told_chapters(container)] == ["Start", "One = 1; # \\ two", "Ende ä"]
        assert [track.disposition for track in container.streams.video] == [Disposition.attached_pic]
        cover = next(container.demux(container.streams.video[0]))
        assert bytes(cover) == (tmp_path / "cover.png").read_bytes()
    assert inspect(tmp_path / "cut.m4a").video is None


def test_a_recording_whose_extras_cannot_be_read_is_cut_without_them(tmp_path, monkeypatch):
    def unreadable(*args):
        raise av.error.InvalidDataError(1, "no")

    source = recording(tmp_path, "a.mkv")
    monkeypatch.setattr(passthrough.chapters, "read", unreadable)
    result = cutting.cut(Source(source, inspect(source)), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path))
    assert result.report.ok
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert container.chapters() == []
