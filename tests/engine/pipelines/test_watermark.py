"""The mark where it should be, as strong as it should be, when it should be; and nothing else changed."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from jobs.engine.pipelines import painted_frames, watermark
from jobs.engine.pipelines.watermark import Mark
from jobs.engine.probe import inspection
from jobs.engine.render import replace_video
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import overlay, thumbnails
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import clips, media, pictures

RED = (255, 0, 0, 255)
GREY = 128


def grey(path, *sounds, seconds=2, rotation=0, size=(320, 192), **options):
    """A recording of nothing but one grey, so that whatever differs from it is the mark."""
    picture = clips.Picture(seconds=seconds, rotation=rotation, size=size, **options)
    return clips.make(path, picture, *sounds)


def flat(path, *options, seconds=2, size="320x192", rate=25, g=25):
    source = ("-f", "lavfi", "-i", f"color=gray:size={size}:rate={rate}:duration={seconds}")
    media.run_ffmpeg(*source, *media.tone(seconds), *media.FAST_X264, "-g", g, "-c:a", "aac", *options, media.url(path))
    return path


def logo(tmp_path, size=(40, 20), colour=RED):
    return Mark(image=pictures.written(tmp_path / "logo.png", pictures.logo(size, colour)))


def marked(tmp_path, source, mark, look, name="out"):
    info = inspection.inspect(source)
    out = tmp_path / f"{name}{replace_video.suffix_for(info)}"
    done = watermark.watermark(Source(source, info), mark, look, out, Workspace(tmp_path))
    return out, done


def seen(path, at, width=4000):
    """The picture as a viewer sees it, as numbers."""
    info = inspection.inspect(path)
    shown = next(thumbnails.grab(path, info, [Fraction(at)], width=width))
    return np.asarray(shown.image.convert("RGB"), np.int16)


def red_box(picture):
    """Left, top, right and bottom of what is red."""
    red = (picture[..., 0] - picture[..., 1]) > 100
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert len(rows), "there is no mark"
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def packets(path, kind):
    """Time of showing, seconds from the file's zero, and bytes of each packet of the first track of a kind."""
    with av.open(str(path)) as container:
        stream = container.streams.get(**{kind: 0})[0]
        found = [(packet.pts * stream.time_base, bytes(packet)) for packet in container.demux(stream) if packet.size]
    return sorted(found) if kind == "video" else found


# Where ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right", "center"])
def test_it_lies_where_a_viewer_looks_for_it_however_the_camera_was_held(tmp_path, rotation, corner):
    source = media.remuxed(
        flat(tmp_path / "flat.mp4", seconds=0.4), tmp_path / "a.mp4", before=("-display_rotation:v:0", -rotation)
    )
    width, height = (192, 320) if rotation in (90, 270) else (320, 192)
    look = OverlayOptions(corner=corner, x_offset=13, y_offset=7, scale=0.25)
    out, _ = marked(tmp_path, source, logo(tmp_path), look)
    assert inspection.inspect(out).video.rotation == rotation
    across, down = width // 4, width // 8
    left = {"left": 13, "right": width - across - 13}.get(corner.rpartition("-")[2], (width - across) // 2 + 13)
    top = {"top": 7, "bottom": height - down - 7}.get(corner.partition("-")[0], (height - down) // 2 + 7)
    assert np.abs(np.subtract(red_box(seen(out, 0)), (left, top, left + across, top + down))).max() <= 1


def test_oblong_pixels_do_not_stretch_it(tmp_path):
    source = flat(tmp_path / "a.mp4", "-vf", "setsar=2", seconds=0.4)
    out, _ = marked(tmp_path, source, logo(tmp_path, (40, 40)), OverlayOptions(scale=0.1, x_offset=20, y_offset=10))
    left, top, right, bottom = red_box(seen(out, 0))
    # 640 by 192 as seen: a tenth of the width, and square. Stored pixels are two of these wide.
    assert np.abs(np.subtract((left, top, right, bottom), (20, 10, 84, 74))).max() <= 2


def test_odd_places_and_sizes_are_met(tmp_path):
    mark = logo(tmp_path, (33, 17))
    out, _ = marked(
        tmp_path, flat(tmp_path / "a.mp4", seconds=0.4), mark, OverlayOptions(scale=33 / 320, x_offset=21, y_offset=9)
    )
    assert np.abs(np.subtract(red_box(seen(out, 0)), (21, 9, 54, 26))).max() <= 1


def test_a_mark_too_high_for_the_picture_becomes_smaller():
    assert overlay.upright_rectangle(OverlayOptions(scale=1, y_offset=10), (320, 180), (100, 200)) == (10, 10, 85, 170)


def test_distances_that_leave_no_room_are_refused(tmp_path):
    info = inspection.inspect(flat(tmp_path / "a.mp4", seconds=0.4))
    with pytest.raises(InputError, match="320 by 192 pixels"):
        watermark.check(info, OverlayOptions(x_offset=320))


# How strong ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opacity", [1.0, 0.5, 0.2])
def test_opacity_mixes_mark_and_picture(tmp_path, opacity):
    source = flat(tmp_path / "a.mp4", "-crf", 1, seconds=0.4)
    below = seen(source, 0)[40, 60].astype(float)
    white = logo(tmp_path, (64, 64), (255, 255, 255, 255))
    out, _ = marked(tmp_path, source, white, OverlayOptions(opacity=opacity))
    found = seen(out, 0)[40, 40].astype(float)
    assert np.abs(found - (below + opacity * (255 - below))).max() <= 3  # the encoder's noise


def test_the_image_keeps_its_own_alpha(tmp_path):
    source = flat(tmp_path / "a.mp4", seconds=0.4)
    image = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    image.paste((255, 255, 255, 128), (32, 0, 64, 64))
    mark = Mark(image=pictures.written(tmp_path / "logo.png", pictures.encoded(image)))
    out, _ = marked(tmp_path, source, mark, OverlayOptions(scale=0.4))
    before, after = seen(source, 0), seen(out, 0)
    assert np.abs(after[74, 30] - before[74, 30]).max() <= 3
    assert np.abs(after[74, 110] - (before[74, 110] + (255 - before[74, 110]) * 0.5)).max() <= 4


@pytest.mark.parametrize("full", [False, True])
def test_colours_are_right_in_either_range(tmp_path, full):
    tags = ("-color_range", "pc", "-pix_fmt", "yuvj420p") if full else ("-color_range", "tv")
    source = flat(tmp_path / "a.mp4", *tags, seconds=0.4)
    out, _ = marked(tmp_path, source, logo(tmp_path, (64, 64), (40, 160, 220, 255)), OverlayOptions(scale=0.4))
    assert np.abs(seen(out, 0)[60, 60] - (40, 160, 220)).max() <= 5
    with av.open(str(source)) as one, av.open(str(out)) as other:
        for name in ("color_range", "colorspace", "color_trc", "color_primaries"):
            assert getattr(one.streams.video[0].codec_context, name) == getattr(
                other.streams.video[0].codec_context, name
            )


# When ----------------------------------------------------------------------------------------------------------------


def test_nothing_shows_outside_of_its_time_and_these_pictures_are_copied(tmp_path):
    source = clips.make(
        tmp_path / "a.mp4", clips.Picture(seconds=8, size=(320, 192)), clips.Sound(loud=[(0, 8)], seconds=8)
    )
    out, done = marked(tmp_path, source, logo(tmp_path), OverlayOptions(start=Fraction(3), end=Fraction(4)))
    assert done.strategy.render == "smart"
    assert done.strategy.copied >= 150
    before, after = packets(source, "video"), packets(out, "video")
    assert [at for at, _ in before] == [at for at, _ in after]
    same = [one == other for one, other in zip(before, after, strict=True)]
    assert sum(same) == done.strategy.copied
    share = round(100 * sum(same) / len(same))
    assert done.to_json()["summary"] == f"{share} % of the picture is untouched"
    for at in (Fraction(74, 25), Fraction(100, 25), Fraction(5)):
        assert np.abs(seen(source, at) - seen(out, at)).max() <= 20, f"something is drawn at {float(at)} s"
    for at in (Fraction(75, 25), Fraction(99, 25)):
        left, top, right, bottom = red_box(seen(out, at))
        assert np.abs(np.subtract((left, top, right, bottom), (10, 10, 74, 42))).max() <= 1


def test_a_copied_picture_that_changed_on_the_way_is_noticed_and_all_are_encoded(tmp_path, monkeypatch):
    right = painted_frames.splice_track

    def wrong(source, splice, out, **more):
        right(source, splice, out, **more)
        with av.open(str(out)) as container:
            last = [packet.pos + packet.size - 1 for packet in container.demux(video=0) if packet.size][-10]
        data = bytearray(out.read_bytes())
        data[last] ^= 1
        out.write_bytes(data)

    monkeypatch.setattr(painted_frames, "splice_track", wrong)
    source = clips.make(tmp_path / "a.mp4", clips.Picture(seconds=4, size=(320, 192)), clips.Sound(seconds=4))
    look = OverlayOptions(start=Fraction(3, 2), end=Fraction(2), corner="bottom-right", scale=0.1)
    out, done = marked(tmp_path, source, logo(tmp_path), look)
    assert done.strategy.render == "encode"
    assert clips.seen(out) == clips.seen(source)


def test_every_picture_still_tells_its_own_number(tmp_path):
    source = clips.make(tmp_path / "a.mp4", clips.Picture(seconds=4, size=(320, 192)), clips.Sound(seconds=4))
    look = OverlayOptions(start=Fraction(3, 2), end=Fraction(2), corner="bottom-right", scale=0.1)
    out, done = marked(tmp_path, source, logo(tmp_path), look)
    assert done.strategy.render == "smart"
    assert clips.seen(out) == clips.seen(source)


def test_it_fades_in_and_out(tmp_path):
    source = flat(tmp_path / "a.mp4", "-crf", 1, seconds=4, g=5)
    white = logo(tmp_path, (64, 64), (255, 255, 255, 255))
    out, _ = marked(
        tmp_path, source, white, OverlayOptions(start=Fraction(1), end=Fraction(3), fade=Fraction(1, 2), scale=0.4)
    )
    below = int(seen(source, 0)[60, 60, 0])
    for at, share in ((1, 0), (Fraction(31, 25), 0.48), (2, 1), (Fraction(68, 25), 0.56)):
        assert abs(int(seen(out, at)[60, 60, 0]) - (below + share * (255 - below))) <= 5, f"at {float(at)} s"


def test_uneven_times_stay_as_they_are(tmp_path):
    times = [Fraction(0), Fraction(1, 10), Fraction(11, 10), Fraction(3, 2), Fraction(1501, 1000), Fraction(5, 2)]
    source = clips.make(tmp_path / "a.mp4", clips.Picture(times=times, size=(320, 192)), clips.Sound(seconds=3))
    for name, look in (("all", OverlayOptions()), ("some", OverlayOptions(start=Fraction(3, 2), end=Fraction(2)))):
        out, _ = marked(tmp_path, source, logo(tmp_path), look, name)
        assert [at for at, _ in packets(out, "video")] == [at for at, _ in packets(source, "video")]


def test_a_time_in_which_no_picture_comes_on_show_is_refused(tmp_path):
    times = [Fraction(0), Fraction(2)]
    source = clips.make(tmp_path / "a.mp4", clips.Picture(times=times, size=(320, 192)), clips.Sound(seconds=3))
    with pytest.raises(InputError, match="Choose a longer time"):
        marked(tmp_path, source, logo(tmp_path), OverlayOptions(start=Fraction(1, 2), end=Fraction(1)))
    assert not list(tmp_path.glob("out*"))
    assert not list(tmp_path.glob(".mark*"))


# All else ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec", "ending"),
    [
        ("a.mp4", "aac", ".mp4"),
        ("a.mkv", "aac", ".mp4"),
        ("a.mkv", "libopus", ".mp4"),
        ("a.mkv", "flac", ".mp4"),
        ("a.mov", "pcm_s16le", ".mov"),
        ("a.mkv", "mp2", ".mkv"),
    ],
)
def test_the_sound_is_copied_packet_by_packet(tmp_path, name, codec, ending):
    source = clips.make(
        tmp_path / name, clips.Picture(seconds=2, size=(320, 192)), clips.Sound(loud=[(0, 2)], seconds=2, codec=codec)
    )
    out, done = marked(tmp_path, source, logo(tmp_path), OverlayOptions())
    before, after = packets(source, "audio"), packets(out, "audio")
    assert out.suffix == ending
    assert [data for _, data in before] == [data for _, data in after]
    assert done.audio_packets == len(before)
    shift = {round(float(one - other), 4) for (one, _), (other, _) in zip(before, after, strict=True)}
    assert max(map(abs, shift)) <= 0.0006  # Matroska counts milliseconds


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le"])
def test_samples_without_coding_are_the_same_however_containers_divide_them(tmp_path, codec):
    source = tmp_path / "a.mkv"
    media.run_ffmpeg(
        *(*media.picture(2, size="320x192"), *media.tone(2), *media.FAST_X264),
        *("-af", "asetnsamples=4096", "-c:a", codec, media.url(source)),
    )
    out, _ = marked(tmp_path, source, logo(tmp_path), OverlayOptions())
    before, after = (packets(path, "audio") for path in (source, out))
    assert len(before) != len(after)
    assert b"".join(data for _, data in before) == b"".join(data for _, data in after)


def test_a_late_picture_stays_late_and_a_late_file_start_goes(tmp_path):
    source = clips.make(
        tmp_path / "a.mkv",
        clips.Picture(seconds=2, size=(320, 192), start=Fraction(11, 2)),
        clips.Sound(loud=[(0, 9)], seconds=2, start=Fraction(5)),
    )
    out, _ = marked(tmp_path, source, logo(tmp_path), OverlayOptions())
    assert abs(packets(out, "video")[0][0] - Fraction(1, 2)) <= Fraction(1, 1000)
    sound = [packets(path, "audio")[5][0] for path in (source, out)]
    assert abs(sound[0] - 5 - sound[1]) <= Fraction(2, 1000)


def test_names_chapters_texts_and_languages_come_along(tmp_path):
    chapters = tmp_path / "meta.txt"
    chapters.write_text(
        ";FFMETADATA1\ntitle=My talk\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=First\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=Second\n"
    )
    texts = tmp_path / "texts.srt"
    texts.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n")
    source = tmp_path / "a.mkv"
    media.run_ffmpeg(
        *("-i", flat(tmp_path / "flat.mp4"), "-i", texts, "-f", "ffmetadata", "-i", chapters),
        *("-map", "0", "-map", "1", "-map_metadata", 2, "-map_chapters", 2, "-c", "copy", "-c:s", "srt"),
        *("-metadata:s:a:0", "language=deu", source),
    )
    out, _ = marked(tmp_path, source, logo(tmp_path), OverlayOptions())
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "My talk"
        assert container.streams.audio[0].language == "deu"
        assert [
            (chapter["metadata"]["title"], chapter["start"] * chapter["time_base"]) for chapter in container.chapters()
        ] == [
            ("First", 0),
            ("Second", Fraction(9, 10)),
        ]
        (text,) = container.streams.subtitles
        shown = [packet for packet in container.demux(text) if packet.size > 2]
        assert [bytes(packet)[2:] for packet in shown] == [b"Hello"]
        assert shown[0].pts * text.time_base == Fraction(1, 2)


def test_damaged_pictures_are_not_marked_twice(tmp_path):
    """What stands in for a picture that does not decode is the same frame once more."""
    painter = overlay.OverlayPainter(
        logo(tmp_path, (64, 64), (255, 255, 255, 255)).drawn,
        OverlayOptions(opacity=0.5, scale=0.4),
        inspection.inspect(flat(tmp_path / "a.mp4", seconds=0.4)).video,
        Fraction(1),
    )
    frame = av.VideoFrame.from_ndarray(np.full((288, 320), GREY, np.uint8), format="yuv420p")
    once = painter(frame, Fraction(0)).to_ndarray().copy()
    twice = painter(frame, Fraction(0)).to_ndarray()
    assert (once != GREY).any()
    assert np.array_equal(once, twice)


def test_pictures_of_ten_bits_keep_them(tmp_path):
    painter = overlay.OverlayPainter(
        logo(tmp_path, (64, 64), (255, 255, 255, 255)).drawn,
        OverlayOptions(scale=0.4),
        inspection.inspect(flat(tmp_path / "a.mp4", seconds=0.4)).video,
        Fraction(1),
    )
    frame = av.VideoFrame(320, 192, "yuv420p10le")
    for plane in frame.planes:
        np.frombuffer(plane, np.uint16)[...] = 513
    painter(frame, Fraction(0))
    luma = np.frombuffer(frame.planes[0], np.uint16).reshape(192, -1)
    assert (luma[60, 60], luma[180, 300]) == (940, 513)  # white of limited range, and what was there


def test_stopping_leaves_nothing(tmp_path):
    class Stop(Exception):
        pass

    def progress(fraction, stage):
        if fraction > 0.3:
            raise Stop

    source = flat(tmp_path / "a.mp4")
    with pytest.raises(Stop):
        watermark.watermark(
            Source(source, inspection.inspect(source)),
            logo(tmp_path),
            OverlayOptions(),
            tmp_path / "out.mp4",
            Workspace(tmp_path, progress=progress),
        )
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "logo.png"}


def test_progress_rises_from_nothing_to_all(tmp_path):
    source = flat(tmp_path / "a.mp4")
    told = []
    watermark.watermark(
        Source(source, inspection.inspect(source)),
        logo(tmp_path),
        OverlayOptions(),
        tmp_path / "out.mp4",
        Workspace(tmp_path, progress=lambda fraction, stage: told.append((fraction, stage))),
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert "Drawing the mark" in {stage for _, stage in told}
