"""What lies beside picture, sound and text in a recording comes along where it can, and is named where it cannot."""

import av
import pytest
from av.stream import Disposition

from jobs.engine.captions.cues import Caption
from jobs.engine.container import muxers
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import caption_video
from jobs.engine.pipelines.caption_video import TextTrack
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.watermark import Mark, watermark
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import replace_audio, sidetracks
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make
from tests.media import remuxed, run_ffmpeg, still, url

SENTENCES = {
    "telemetry.mp4": "Left out: the camera's telemetry (GoPro).",
    "timecode.mov": "Left out: the timecode.",
    "second.mp4": "Left out: another picture track.",
    "cover.mp4": "Left out: the cover picture.",
    "attached.mkv": "Left out: an attached file (font.ttf).",
    "pgs.mkv": "Left out: captions that are pictures (PGS eng).",
    "phone.mov": "Left out: what the camera noted down.",
}


@pytest.fixture
def recording(tmp_path):
    """recording(name) makes one of those above, with exactly one thing in it beside picture and sound."""
    base = make(tmp_path / "base.mp4", Picture(seconds=2), Sound([(0, 2)], 2))

    def recording(name):
        path = tmp_path / name
        texts = tmp_path / "texts.srt"
        texts.write_text("1\n00:00:00,500 --> 00:00:01,000\nHey\n", encoding="utf-8")
        if name == "telemetry.mp4":
            run_ffmpeg("-i", url(base), "-i", url(texts), "-c", "copy", "-c:s", "mov_text", url(path))
            # As GoPro stores it, as far as containers care.
            data = path.read_bytes().replace(b"sbtl", b"meta").replace(b"tx3g", b"gpmd")
            path.write_bytes(data)
        elif name in ("pgs.mkv", "torn.mkv"):
            run_ffmpeg(
                *("-i", url(base), "-i", url(texts), "-c", "copy", "-c:s", "srt"),
                "-metadata:s:s",
                "language=eng",
                url(path),
            )
            data = path.read_bytes().replace(b"S_TEXT/UTF8", b"S_HDMV/PGS\0")
            # The shortest there is: the end of a set of captions.
            path.write_bytes(data.replace(b"Hey", b"\x80\0\0") if name == "pgs.mkv" else data)
        elif name == "timecode.mov":
            remuxed(base, path, "-timecode", "01:00:00:00")
        elif name == "second.mp4":
            run_ffmpeg("-i", url(base), "-i", url(base), *("-map", "0", "-map", "1:v", "-c", "copy"), url(path))
        elif name == "cover.mp4":
            cover = still(tmp_path / "cover.jpg")
            maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
            run_ffmpeg("-i", url(base), "-i", url(cover), *maps, url(path))
        elif name == "attached.mkv":
            (tmp_path / "font.ttf").write_bytes(b"\0\1\0\0" + bytes(500))
            remuxed(
                base, path, "-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font"
            )
        else:
            remuxed(base, path, "-metadata", "com.apple.quicktime.model=Phone", "-movflags", "+use_metadata_tags")
        return path, inspect(path)

    return recording


def inside(path):
    """What is in a file, by kind; a timecode and notes by their text."""
    with av.open(str(path)) as container:
        kinds = [
            "cover" if track.disposition & Disposition.attached_pic else track.type
            for track in container.streams
            if "timecode" not in {key.lower() for key in track.metadata} or track.type == "video"
        ]
        told = [
            text
            for place in (container, *container.streams)
            for key, text in place.metadata.items()
            if key.lower() == "timecode" or key.startswith("com.")
        ]
        return sorted(kinds), sorted(set(told))


PLAIN = ["audio", "video"]
KEPT = {
    "telemetry.mp4": (["audio", "data", "video"], []),
    "timecode.mov": (PLAIN, ["01:00:00:00"]),
    "second.mp4": (["audio", "video", "video"], []),
    "cover.mp4": (["audio", "cover", "video"], []),
    "attached.mkv": (["attachment", "audio", "video"], []),
    "pgs.mkv": (["audio", "subtitle", "video"], []),
    "phone.mov": (PLAIN, ["Phone"]),
}


def container_of(path, info):
    return muxers.of_recording(path, info)


@pytest.mark.parametrize("name", KEPT)
def test_all_comes_along_where_the_container_holds_it_and_nothing_is_cut(recording, name, tmp_path):
    source, info = recording(name)
    container = container_of(source, info)
    marked, joined, texted = (tmp_path / f"{way}{container.suffix}" for way in ("marked", "joined", "texted"))
    watermark(Source(source, info), Mark(text="x"), OverlayOptions(), marked, Workspace(tmp_path))
    replace_audio.join(Source(source, info), info.audio, joined, progress=lambda done: None)
    shown = [Caption(0, 1, "Hi")]
    caption_video.attach(
        Source(source, info), TextTrack(shown, "en"), texted, Workspace(tmp_path, progress=lambda done, stage: None)
    )
    assert sidetracks.left_out(Source(source, info), marked) == []
    kinds, told = KEPT[name]
    assert inside(marked) == inside(joined) == (kinds, told)
    assert inside(texted) == (sorted([*kinds, "subtitle"]), told)


@pytest.mark.parametrize("name", KEPT)
def test_a_cut_says_what_it_left_out(recording, name, tmp_path):
    source, info = recording(name)
    output = tmp_path / "cut.mp4"
    result = cut(Source(source, info), CutParams(keep=((0, 0.5), (1, 2))), output, Workspace(tmp_path))
    there = name in ("cover.mp4", "phone.mov")
    assert result.notes == (() if there else (SENTENCES[name],))
    assert result.to_json()["notes"] == list(result.notes)
    assert inside(output) == (KEPT[name] if there else (PLAIN, []))


def test_what_cannot_be_copied_after_all_is_left_out_and_said(recording, tmp_path):
    """Captions that are no captions make ffmpeg lose count of the pictures."""
    source, info = recording("torn.mkv")
    output = tmp_path / "joined.mkv"
    assert replace_audio.join(Source(source, info), info.audio, output, progress=lambda done: None) == 50
    assert inside(output) == (PLAIN, [])
    assert sidetracks.left_out(Source(source, info), output) == [SENTENCES["pgs.mkv"]]


def test_one_stretch_keeps_the_timecode_of_its_first_picture(recording, tmp_path):
    source, info = recording("timecode.mov")
    for suffix in (".mov", ".mp4", ".mkv"):
        result = cut(Source(source, info), CutParams(keep=((1, 2),)), tmp_path / f"cut{suffix}", Workspace(tmp_path))
        assert result.notes == ()
        assert inside(tmp_path / f"cut{suffix}") == (PLAIN, ["01:00:01:00"])


def test_a_cut_keeps_attached_files_in_matroska(recording, tmp_path):
    source, info = recording("attached.mkv")
    output = tmp_path / "cut.mkv"
    result = cut(Source(source, info), CutParams(keep=((0, 0.5), (1, 2))), output, Workspace(tmp_path))
    assert result.notes == ()
    assert inside(output) == KEPT["attached.mkv"]
    with av.open(str(output)) as container:
        (font,) = container.streams.attachments
        assert (font.metadata["filename"], len(font.data)) == ("font.ttf", 504)


def test_a_file_of_one_track_says_that_there_were_others(tmp_path):
    source = make(tmp_path / "two.mp4", Picture(seconds=2), Sound([(0, 2)], 2), Sound([(0, 2)], 2, seed=3))
    result = cut(Source(source, inspect(source)), CutParams(keep=((0, 1),)), tmp_path / "cut.flac", Workspace(tmp_path))
    assert result.notes == ("FLAC holds one track of sound: 1 other left out.",)


@pytest.mark.parametrize("name", KEPT)
def test_converting_says_copied_as_it_was_only_when_all_came_along(recording, name, tmp_path):
    source, info = recording(name)
    output = tmp_path / "made.mp4"
    made = convert(Source(source, info), ConvertOptions("mp4"), output, Workspace(tmp_path))
    if name in ("attached.mkv", "pgs.mkv"):
        assert (made.summary, made.notes) == ("Picture and sound copied", (SENTENCES[name],))
    else:
        assert (made.summary, made.notes) == ("Copied as it was", ())
        assert inside(output) == KEPT[name]


def test_several_of_a_kind_are_counted_and_named():
    found = [
        sidetracks.SideTrack(3, "captions", "hdmv_pgs_subtitle", "eng"),
        sidetracks.SideTrack(4, "captions", "dvd_subtitle", "deu"),
        sidetracks.SideTrack(5, "attachment", name="a.ttf"),
        sidetracks.SideTrack(6, "timecode"),
    ]
    assert sidetracks.note(found, []) == (
        "Left out: 2 tracks of captions that are pictures (PGS eng, VobSub deu), an attached file (a.ttf), "
        "the timecode."
    )
    assert sidetracks.note(found, found) == ""
