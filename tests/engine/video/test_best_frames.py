"""Made recordings whose good and bad stretches are known."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageFilter

from jobs.engine.probe.inspection import inspect
from jobs.engine.video.best_frames import best_frames, sharpness
from jobs.errors import Cancelled, InputError
from tests import media
from tests.picture_clips import SIZE, clip, solid

RATE = 10
SECOND_GROUPS = {"crf": "14", "preset": "veryfast", "g": "10", "sc_threshold": "0"}
LONG_GROUPS = {**SECOND_GROUPS, "g": "1000"}


def scene(seed: int, mean: float = 120, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A sharp picture of coloured blocks, the same for the same seed."""
    blocks = np.random.default_rng(seed).uniform(-90, 90, (size[1] // 6, size[0] // 8, 3)) + mean
    picture = Image.fromarray(blocks.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    return np.asarray(picture)


def blurred(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(5)))


def blend(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    return (first * (1 - share) + second * share).round().astype(np.uint8)


def sequence(path, *stretches, options=SECOND_GROUPS):
    """A clip of (seconds, picture or function of 0 to 1), one after the other."""
    pictures = []
    for seconds, what in stretches:
        number = round(seconds * RATE)
        pictures += [what(place / number) if callable(what) else what for place in range(number)]
    return clip(path, len(pictures), lambda n: pictures[n], rate=RATE, options=options)


def best(path, count, **options):
    return best_frames(path, inspect(path), count, **options)


def times(path, count):
    return [float(one.time) for one in best(path, count)]


def within(found, *spans):
    return [sum(begin <= time < end for time in found) for begin, end in spans]


@pytest.mark.parametrize("options", [SECOND_GROUPS, LONG_GROUPS], ids=["keyframes", "one keyframe"])
def test_it_takes_the_sharp_and_bright_ones(tmp_path, options):
    path = sequence(
        tmp_path / "clip.mp4",
        (3, blurred(scene(1))),
        (3, scene(1)),
        (3, scene(2, mean=10)),
        (3, scene(3)),
        (3, solid([255, 255, 255])),
        (3, scene(4)),
        (3, blurred(scene(5))),
        options=options,
    )

    assert within(times(path, 3), (3, 6), (9, 12), (15, 18)) == [1, 1, 1]


def test_of_two_that_are_lit_alike_it_takes_the_sharper(tmp_path):
    soft = blurred(scene(1)).astype(float)
    soft = (soft - soft.mean()) * scene(2).std() / soft.std() + scene(2).mean()
    path = sequence(tmp_path / "clip.mp4", (4, soft.clip(0, 255).astype(np.uint8)), (4, scene(2)))

    assert within(times(path, 1), (4, 8)) == [1]


def test_of_two_that_are_sharp_alike_it_takes_the_brighter(tmp_path):
    fine = np.where(np.indices(SIZE[::-1]).sum(0) // 2 % 2, 60, 0)[..., None].repeat(3, 2).astype(np.uint8)
    path = sequence(tmp_path / "clip.mp4", (4, fine), (4, scene(2)))

    assert sharpness(fine[..., 0].astype(np.float32)) > sharpness(scene(2).mean(2).astype(np.float32))
    assert within(times(path, 1), (4, 8)) == [1]


def test_it_takes_different_ones_before_taking_one_again(tmp_path):
    path = sequence(tmp_path / "clip.mp4", (16, scene(1)), (2, scene(2)), (8, scene(1)), (2, scene(3)))

    assert within(times(path, 3), (16, 18), (26, 28)) == [1, 1]


def test_what_looks_alike_is_taken_from_all_over_the_recording(tmp_path):
    path = sequence(tmp_path / "clip.mp4", (60, scene(1)))

    found = times(path, 6)

    assert len(found) == 6
    assert min(np.diff(found)) >= 60 / (2 * 6)


@pytest.mark.parametrize("options", [SECOND_GROUPS, LONG_GROUPS], ids=["keyframes", "one keyframe"])
def test_it_leaves_out_what_fades_into_something_else(tmp_path, options):
    one, two, three, black = scene(1), scene(2), scene(3), solid([0, 0, 0])
    path = sequence(
        tmp_path / "clip.mp4",
        (2, lambda share: blend(black, one, share)),
        (3, one),
        (3, lambda share: blend(one, two, share)),
        (3, two),
        (3, lambda share: blend(two, three, share)),
        (3, three),
        options=options,
    )

    found = times(path, 5)

    # The last moments of a fade are as good as what it fades into.
    assert sum(within(found, (1.7, 5.01), (7.7, 11.01), (13.7, 17.01))) == 5, found


def test_what_only_moves_is_no_transition(tmp_path):
    wide = scene(1, size=(SIZE[0] * 2, SIZE[1]))
    path = sequence(tmp_path / "clip.mp4", (10, lambda share: wide[:, (at := round(share * SIZE[0])) : at + SIZE[0]]))

    assert all(one.score > 0.3 for one in best(path, 4))


def test_a_recording_without_a_good_picture_still_gives_what_it_has(tmp_path):
    path = sequence(tmp_path / "clip.mp4", (4, solid([0, 0, 0])))

    found = best(path, 2)

    assert len(found) == 2
    assert all(one.score == 0 for one in found)


def test_a_recording_of_one_picture_gives_that_one(tmp_path):
    path = clip(tmp_path / "clip.mp4", 1, lambda n: scene(1), rate=RATE, options=SECOND_GROUPS)

    (one,) = best(path, 6)

    assert one.time == 0


def test_progress_rises_to_one_and_can_stop_it(tmp_path):
    path = sequence(tmp_path / "clip.mp4", (4, scene(1)), (4, scene(2)))
    told = []

    best(path, 3, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 1

    def stop(fraction):
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        best(path, 3, progress=stop)


def test_sound_alone_is_refused(tmp_path):
    path = media.audio(tmp_path / "tone.m4a")

    with pytest.raises(InputError, match="no picture"):
        best(path, 3)


def test_times_are_exact(tmp_path):
    path = sequence(tmp_path / "clip.mp4", (4, scene(1)), (4, scene(2)))

    assert all(isinstance(one.time, Fraction) and one.time % Fraction(1, RATE) == 0 for one in best(path, 2))
