"""Thumbnails: which frame, how much work, something to see, damage, files."""

import errno
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from jobs.engine.probe.inspection import inspect
from jobs.engine.video import frame_picker, frame_reader, still, thumbnails
from jobs.errors import InputError, ResourceError
from tests.engine.video.grabbing import COLOUR_TOLERANCE, X264, grabbed, middle, seconds
from tests.media import run_ffmpeg
from tests.picture_clips import SIZE, clip, count_of, counted, solid

LONG_GROUPS = {**X264, "g": "250", "bf": "3", "sc_threshold": "0"}


def counts(path: Path, *times: float) -> list[int]:
    return [count_of(frame.image) for frame in grabbed(path, *times)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("long.mp4", "libx264", LONG_GROUPS),
        ("pyramid.mkv", "libx264", {**X264, "g": "20", "bf": "8", "x264-params": "open-gop=1:b-pyramid=normal"}),
        ("every.mkv", "ffv1", {}),
        ("hevc.mp4", "libx265", {"crf": "10", "x265-params": "log-level=none:keyint=20:bframes=4"}),
        ("mpeg2.ts", "mpeg2video", {"bf": "2", "g": "12", "qmin": "1", "qmax": "2"}),
        ("vp9.webm", "libvpx-vp9", {"crf": "10", "g": "20", "deadline": "realtime", "cpu-used": "8"}),
        ("reordered.avi", "libx264", {**X264, "g": "20", "bf": "3"}),
        ("broadcast.ts", "libx264", {**X264, "g": "20", "bf": "3"}),
    ],
)
def test_it_takes_the_frame_on_show_at_each_time(tmp_path, name, codec, options):
    rate = 25 if codec == "mpeg2video" else 10
    path = clip(tmp_path / name, 50, codec=codec, options=options, rate=rate)
    info = inspect(path)
    wanted = [0, 1, 7, 12, 19, 20, 21, 33, 48, 49]
    # In the middle of each frame's interval; the frames of some formats begin a moment after the recording.
    first = next(frame_picker.frames_at(path, info, [Fraction(0)])).time
    times = [first + Fraction(2 * frame + 1, 2 * rate) for frame in wanted]

    found = list(thumbnails.grab(path, info, times, width=160))

    assert [count_of(frame.image) for frame in found] == wanted
    assert [frame.asked for frame in found] == [frame.time for frame in found] == times


def test_a_frame_is_on_show_from_its_time_up_to_the_next(tmp_path):
    path = clip(tmp_path / "clip.mp4", 20, options=LONG_GROUPS)

    assert counts(path, 0.4, 0.499, 0.5, 0.501) == [4, 4, 5, 5]


def test_it_keeps_to_the_times_of_a_variable_frame_rate(tmp_path):
    path = clip(tmp_path / "clip.mp4", 6, options=LONG_GROUPS, times=[0, 1, 2, 30, 31, 50], rate=10)

    assert counts(path, 0.15, 0.2, 1.5, 2.95, 3.05, 3.1, 4.95, 5.05) == [1, 2, 2, 2, 3, 4, 4, 5]


@pytest.mark.parametrize("name", ["late.ts", "late.mkv"])
def test_times_count_from_the_start_of_the_recording(tmp_path, name):
    clip(tmp_path / "clip.mp4", 40, options={**X264, "g": "10"})
    run_ffmpeg("-i", tmp_path / "clip.mp4", "-c", "copy", "-output_ts_offset", "5", tmp_path / name)
    assert inspect(tmp_path / name).start > 4

    assert counts(tmp_path / name, 0.05, 1.55, 3.95) == [0, 15, 39]


def test_the_first_and_last_moments_have_a_picture(tmp_path):
    path = clip(tmp_path / "clip.mp4", 20, options=LONG_GROUPS)

    assert counts(path, 0, 2) == [0, 19]


def test_times_may_come_in_any_order_and_twice(tmp_path):
    path = clip(tmp_path / "clip.mp4", 40, options={**X264, "g": "10"})

    assert counts(path, 3.05, 0.05, 3.05, 1.05) == [0, 10, 30, 30]


def decoded_packets(path: Path, times: list[Fraction]) -> int:
    with frame_reader.FrameReader.opened(path, inspect(path)) as reader:
        for group in reader.times_by_keyframe(times):
            assert len(list(reader.frames_on_show(group))) == len(group)
        return reader.packets_decoded


def test_it_decodes_only_the_groups_that_the_times_lie_in(tmp_path):
    path = clip(tmp_path / "clip.mp4", 600, lambda n: counted(n % 50), options={**X264, "g": "10"})

    packets = decoded_packets(path, thumbnails.even(Fraction(60), 6))

    assert packets <= 6 * 10


def test_times_in_one_group_share_its_decoding(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=LONG_GROUPS)

    assert decoded_packets(path, seconds(*(n / 10 for n in range(50)))) <= 50


def test_it_stops_at_the_frame_it_wants(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=LONG_GROUPS)

    # Twelve frames up to there, and those that are decoded ahead of being shown.
    assert decoded_packets(path, seconds(1.15)) <= 12 + 4


def black_until(frames_black: int):
    return lambda n: solid([0, 0, 0]) if n < frames_black else counted(n)


def test_a_black_start_is_passed_over_within_reach(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, black_until(8), options={**X264, "g": "10"})

    (frame,) = grabbed(path, 0.5, within=Fraction(1, 2))

    assert frame.asked == Fraction(1, 2)
    assert Fraction(8, 10) <= frame.time < 1
    assert count_of(frame.image) == int(frame.time * 10)


def test_without_reach_black_is_what_was_asked_for(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, black_until(8), options=X264)

    (frame,) = grabbed(path, 0.5)

    assert frame.time == Fraction(1, 2)
    assert thumbnails.merit(frame.image) == thumbnails.Merit.BLACK


def test_a_recording_that_is_all_black_keeps_its_picture(tmp_path):
    path = clip(tmp_path / "clip.mp4", 20, lambda n: solid([0, 0, 0]), options=X264)

    (frame,) = grabbed(path, 1, within=Fraction(1))

    assert frame.time == frame.asked


def test_a_flat_colour_is_kept_unless_there_is_more_to_see(tmp_path):
    flat = clip(tmp_path / "flat.mp4", 20, lambda n: solid([n * 10, 90, 90]), options=X264)

    (frame,) = grabbed(flat, 1.05, within=Fraction(1))

    assert frame.time == frame.asked
    assert middle(frame.image) == pytest.approx((100, 90, 90), abs=COLOUR_TOLERANCE)


def test_a_dark_scene_with_a_light_in_it_is_not_black():
    night = solid([4, 4, 4])
    night[10:40, 20:40] = 200

    assert thumbnails.merit(Image.fromarray(night)) == thumbnails.Merit.GOOD
    assert thumbnails.merit(Image.fromarray(solid([18, 18, 18]))) == thumbnails.Merit.BLACK
    assert thumbnails.merit(Image.fromarray(solid([255, 255, 255]))) == thumbnails.Merit.FLAT


def test_a_poster_is_not_black_when_anything_is_not(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, black_until(40), options=X264)

    thumbnails.poster(path, inspect(path), tmp_path / "poster.jpg", width=80)

    with Image.open(tmp_path / "poster.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (80, 48))
        assert thumbnails.merit(image) == thumbnails.Merit.GOOD


def test_evenly_spaced_times_are_the_middles_of_equal_parts():
    assert thumbnails.even(Fraction(12), 3) == [2, 6, 10]


def damaged(path: Path, first: float, last: float, spared: float = 0) -> Path:
    """A copy whose pictures from `first` to `last` seconds are full of wrong bytes, but for the first part of each.

    The index stays whole. `spared` is that part, from 0 to 1.
    """
    data = bytearray(path.read_bytes())
    dice = random.Random(7)
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size and first <= packet.pts * packet.time_base <= last:
                for place in range(packet.pos + max(5, int(packet.size * spared)), packet.pos + packet.size):
                    data[place] = dice.randrange(256)
    copy = path.with_name(f"damaged{path.suffix}")
    copy.write_bytes(data)
    return copy


def test_a_damaged_stretch_is_skipped_to_the_next_sound_picture(tmp_path):
    whole = clip(tmp_path / "clip.mp4", 50, options={**X264, "g": "10", "bf": "2", "sc_threshold": "0"})
    path = damaged(whole, 1.95, 3.5)

    found = list(thumbnails.grab(path, inspect(whole), seconds(1.05, 2.05, 2.85, 4.05), width=160))

    assert [count_of(frame.image) for frame in found] == [10, 40, 40, 40]
    assert [float(frame.time) for frame in found] == [1.05, 4.0, 4.0, 4.05]


def test_what_the_decoder_patched_up_is_not_taken_nor_what_follows_from_it(tmp_path):
    def noisy(frame: int) -> np.ndarray:
        # So much detail that a keyframe has bytes enough to be damaged half way through.
        noise = np.random.default_rng(1).integers(0, 255, (96, 80, 3), np.uint8)
        return np.concatenate([counted(frame)[:, :80], noise], axis=1)

    whole = clip(tmp_path / "clip.mp4", 30, noisy, options={**X264, "g": "10", "bf": "0", "sc_threshold": "0"})
    path = damaged(whole, 0.95, 1.05, spared=0.5)

    found = list(thumbnails.grab(path, inspect(whole), seconds(0.85, 1.05, 1.85, 2.15), width=160))

    assert [count_of(frame.image) for frame in found] == [8, 20, 20, 21]


def test_past_the_last_sound_picture_that_one_is_taken(tmp_path):
    whole = clip(tmp_path / "clip.mp4", 50, options={**X264, "g": "10", "bf": "0"})
    path = damaged(whole, 4.35, 5)

    (frame,) = thumbnails.grab(path, inspect(whole), seconds(4.85), width=160)

    assert count_of(frame.image) == 43
    assert frame.time == Fraction("4.3")


def test_a_recording_without_one_sound_picture_is_refused(tmp_path):
    whole = clip(tmp_path / "clip.mp4", 20, codec="mjpeg", pixels="yuvj420p", options={"q:v": "5"})
    path = damaged(whole, 0, 2)

    with pytest.raises(InputError, match="No picture of this recording can be decoded"):
        list(thumbnails.grab(path, inspect(whole), seconds(1), width=160))


def test_sound_alone_has_no_pictures(tmp_path):
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / "sound.wav")

    with pytest.raises(InputError, match="no picture"):
        grabbed(tmp_path / "sound.wav", 0)


@pytest.mark.parametrize(("kind", "size"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_pictures_are_saved_in_the_wished_format(tmp_path, kind, size):
    image = Image.fromarray(counted(10))

    still.save(image, tmp_path / "out", kind)

    with Image.open(tmp_path / "out") as saved:
        assert (saved.format, saved.size) == (size, SIZE)
        assert count_of(saved) == 10


def test_a_full_disk_is_told_apart(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")

    with pytest.raises(ResourceError) as raised:
        still.save(Image.fromarray(counted(1)), full, "png")
    assert raised.value.__cause__.errno == errno.ENOSPC
