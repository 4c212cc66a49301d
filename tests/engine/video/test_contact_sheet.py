from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from jobs.engine.video import contact_sheet
from jobs.engine.video.contact_sheet import GAP, MAXIMUM_SIDE_PIXELS
from tests.picture_clips import solid


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (4, 2), (6, 3), (12, 4), (100, 10)])
def test_it_is_about_as_wide_as_high(count, columns):
    assert contact_sheet.layout(count, (1920, 1080), 320) == (columns, 320)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (3840, 100)])
def test_pictures_become_smaller_where_the_sheet_would_be_too_large(size):
    columns, width = contact_sheet.layout(100, size, 3840)

    height = width * size[1] / size[0]
    assert max(columns * (width + GAP) + GAP, 10 * (height + GAP) + GAP) <= MAXIMUM_SIDE_PIXELS
    assert width > 300


def test_pictures_stand_in_rows_each_with_its_time():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    pictures = [(Fraction(60 * n), Image.fromarray(solid(colour))) for n, colour in enumerate(colours)]

    whole = contact_sheet.sheet(pictures, 2)

    assert whole.size == (2 * 160 + 3 * GAP, 2 * 96 + 3 * GAP)
    corners = [(GAP, GAP), (160 + 2 * GAP, GAP), (GAP, 96 + 2 * GAP)]
    for (x, y), colour in zip(corners, colours, strict=True):
        assert whole.getpixel((x + 5, y + 5)) == colour
    labels = [np.asarray(whole.crop((x + 80, y + 70, x + 160, y + 96)).convert("L"), int) for x, y in corners]
    assert all(label.max() > 200 for label in labels)
    assert np.abs((labels[0] > 150).astype(int) - (labels[1] > 150)).sum() > 5  # 0:00:00 and 0:01:00


def test_times_have_hours_minutes_and_seconds():
    assert contact_sheet.clock(Fraction(3 * 3600 + 65 * 60 + 7)) == "4:05:07"
