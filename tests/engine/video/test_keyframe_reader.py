import threading
from fractions import Fraction

import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.video import frame_reader, keyframe_reader, still, thumbnails
from jobs.errors import Cancelled, InputError
from tests import media
from tests.picture_clips import clip, count_of

GROUPS_OF_TEN = {"crf": "12", "preset": "veryfast", "g": "10", "bf": "2", "sc_threshold": "0"}


def looked_at(path, times, **options):
    info = inspect(path)
    return keyframe_reader.keyframes_near(
        path, info, times, lambda frame: still.drawn(frame, info.video, 160), **options
    )


def counts(path, times):
    return [one and (float(one.time), count_of(one.drawn)) for one in looked_at(path, times)]


def halves(count):
    return [Fraction(number, 2) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", GROUPS_OF_TEN),
        ("clip.mkv", "libx264", GROUPS_OF_TEN),
        ("clip.avi", "libx264", GROUPS_OF_TEN),
        ("hevc.mp4", "libx265", {"crf": "10", "x265-params": "log-level=none:keyint=10:min-keyint=10:scenecut=0"}),
        ("vp9.webm", "libvpx-vp9", {"crf": "10", "g": "10", "deadline": "realtime", "cpu-used": "8"}),
    ],
)
def test_it_gives_each_keyframe_once_at_the_first_time_it_is_nearest_before(tmp_path, name, codec, options):
    path = clip(tmp_path / name, 50, codec=codec, options=options)

    assert counts(path, halves(8)) == [(0, 0), None, (1, 10), None, (2, 20), None, (3, 30), None]


def test_times_count_from_the_start_of_the_recording(tmp_path):
    clip(tmp_path / "clip.mp4", 40, options=GROUPS_OF_TEN)
    media.run_ffmpeg("-i", tmp_path / "clip.mp4", "-c", "copy", "-output_ts_offset", "5", tmp_path / "late.ts")

    assert [one.time for one in looked_at(tmp_path / "late.ts", [Fraction(1, 2), Fraction(3, 2)])] == [
        pytest.approx(0, abs=0.001),
        pytest.approx(1, abs=0.001),
    ]


def test_each_costs_the_decoding_of_one_packet(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)

    with frame_reader.FrameReader.opened(path, inspect(path)) as reader:
        for time in halves(10):
            assert reader.keyframe(time) is not None
        assert reader.packets_decoded == 10


def test_threads_share_the_work_and_find_the_same(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)
    info, used = inspect(path), set()

    def draw(frame):
        used.add(threading.get_ident())
        return count_of(still.drawn(frame, info.video, 160))

    found = keyframe_reader.keyframes_near(path, info, thumbnails.even(info.duration, 40), draw)

    assert [one.drawn for one in found if one] == [0, 10, 20, 30, 40]
    assert threading.get_ident() not in used


def test_a_damaged_keyframe_is_left_out(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)
    with frame_reader.FrameReader.opened(path, inspect(path)) as reader:
        packet = reader._seeker.keyframe(Fraction(2))
        place, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[place + 8 : place + size] = bytes(size - 8)
    path.write_bytes(data)

    assert counts(path, [Fraction(n) for n in range(4)]) == [(0, 0), (1, 10), None, (3, 30)]


def test_progress_can_stop_it(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)

    def stop(fraction):
        raise Cancelled("Cancelled.")

    gate = threading.Event()
    info = inspect(path)
    before = threading.active_count()
    with pytest.raises(Cancelled):
        keyframe_reader.keyframes_near(
            path, info, thumbnails.even(info.duration, 100), lambda frame: gate.wait(0.3), progress=stop
        )
    assert threading.active_count() == before


def test_sound_alone_is_refused(tmp_path):
    path = media.audio(tmp_path / "tone.m4a")

    with pytest.raises(InputError, match="no picture"):
        looked_at(path, [Fraction(0)])
