from fractions import Fraction

import pytest
from PIL import Image

from jobs.engine.probe.inspection import inspect
from jobs.engine.video import frame_picker, storyboard
from jobs.errors import Cancelled, InputError
from tests import media
from tests.picture_clips import clip, count_of, counted

GROUPS_OF_TEN = {"crf": "12", "preset": "veryfast", "g": "10", "sc_threshold": "0"}
LONG_GROUPS = {**GROUPS_OF_TEN, "g": "1000"}


def board_of(path, width=160, **options):
    return storyboard.make(path, inspect(path), path.parent, width=width, **options)


def tiles(board):
    """The pictures on the sheets, in order."""
    width, height = board.tile
    found = []
    for path in board.sheets:
        with Image.open(path) as sheet:
            for y in range(0, sheet.height, height):
                found += [sheet.crop((x, y, x + width, y + height)) for x in range(0, sheet.width, width)]
    return found[: board.count]


def cues(board, names=None):
    blocks = board.cues(names or [path.name for path in board.sheets]).strip().split("\n\n")
    assert blocks[0] == "WEBVTT"
    return [block.split("\n") for block in blocks[1:]]


@pytest.mark.parametrize("options", [GROUPS_OF_TEN, LONG_GROUPS], ids=["keyframes", "one keyframe"])
def test_each_picture_is_from_its_part_of_the_recording(tmp_path, options):
    path = clip(tmp_path / "clip.mp4", 50, options=options)

    board = board_of(path)

    assert (board.count, board.tile) == (5, (160, 96))
    for place, tile in enumerate(tiles(board)):
        assert place * 10 <= count_of(tile) < place * 10 + 10


def test_with_many_keyframes_nothing_else_is_decoded(tmp_path, monkeypatch):
    path = clip(tmp_path / "clip.mp4", 700, lambda n: counted(n % 50), options=GROUPS_OF_TEN)
    monkeypatch.setattr(frame_picker, "frames_at", None)

    board = board_of(path, width=32)

    assert board.count == 70


def test_a_long_stretch_without_keyframes_gets_exact_pictures(tmp_path):
    keys = ",".join(str(second) for second in range(70))
    options = {"crf": "12", "preset": "veryfast", "g": "1000", "sc_threshold": "0"}
    clip(tmp_path / "all.mp4", 800, lambda n: counted(n // 10 % 50), options=options)
    path = tmp_path / "clip.mp4"
    media.run_ffmpeg(
        "-i", tmp_path / "all.mp4", "-force_key_frames", keys, "-g", 1000, "-sc_threshold", 0, "-crf", 12, path
    )

    board = board_of(path, width=160)
    shown = [count_of(tile) for tile in tiles(board)]

    assert board.count == 70
    for place, number in enumerate(shown):
        middle = (place + 0.5) * 80 / 70
        assert min(abs(number - middle % 50), 50 - abs(number - middle % 50)) <= 2 * 80 / 70


def test_the_cues_follow_each_other_over_the_whole_recording(tmp_path):
    board = board_of(clip(tmp_path / "clip.mp4", 25, options=GROUPS_OF_TEN))

    assert [cue[0] for cue in cues(board)] == ["00:00:00.000 --> 00:00:01.250", "00:00:01.250 --> 00:00:02.500"]


def test_a_cue_names_its_sheet_and_the_place_on_it():
    board = storyboard.Storyboard((), (160, 90), 112, Fraction(4000))

    found = cues(board, ["Talk 1.jpg", "/artifacts/2/file"])

    assert found[0][1] == "Talk%201.jpg#xywh=0,0,160,90"
    assert found[13][1] == "Talk%201.jpg#xywh=480,90,160,90"
    assert found[101][1] == "/artifacts/2/file#xywh=160,0,160,90"
    assert found[111][0].endswith("--> 01:06:40.000")


def test_more_than_a_hundred_take_another_sheet(tmp_path):
    path = clip(tmp_path / "clip.mp4", 1200, lambda n: counted(n // 10 % 50), options=GROUPS_OF_TEN)

    board = board_of(path, width=32)

    assert (board.count, len(board.sheets)) == (120, 2)
    assert [count_of(tile) for tile in tiles(board)] == [place % 50 for place in range(120)]
    with Image.open(board.sheets[1]) as sheet:
        assert sheet.size == (320, 2 * board.tile[1])


def test_pictures_are_upright_and_in_the_right_shape(tmp_path):
    clip(tmp_path / "flat.mp4", 20, options=GROUPS_OF_TEN, aspect=Fraction(2))
    media.run_ffmpeg("-display_rotation", "90", "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "clip.mp4")

    assert board_of(tmp_path / "clip.mp4", width=48).tile == (48, 160)


def test_pictures_of_a_variable_frame_rate_are_those_on_show(tmp_path):
    times = [0, 8, 9, 21, 22, 35, 51, 60, 75]
    path = clip(tmp_path / "clip.mp4", len(times), options=LONG_GROUPS, times=times, rate=10)

    board = board_of(path)

    middles = [(place + 0.5) * float(board.duration) / board.count * 10 for place in range(board.count)]
    on_show = [sum(time <= middle for time in times) - 1 for middle in middles]
    assert len(set(on_show)) >= 4
    assert [count_of(tile) for tile in tiles(board)] == on_show


@pytest.mark.parametrize("kind", ["jpeg", "webp", "png"])
def test_the_sheets_come_in_each_format(tmp_path, kind):
    board = board_of(clip(tmp_path / "clip.mp4", 20, options=GROUPS_OF_TEN), kind=kind)

    with Image.open(board.sheets[0]) as sheet:
        assert sheet.format == kind.upper()


def test_progress_rises_to_one_and_can_stop_it(tmp_path):
    path = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)
    told = []

    board_of(path, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 1

    def stop(fraction):
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        board_of(path, progress=stop)


def test_sound_alone_is_refused(tmp_path):
    with pytest.raises(InputError, match="no picture"):
        board_of(media.audio(tmp_path / "tone.m4a"))
