"""Results played in Chromium from the start to the end: no error, and every picture that it shows the right one."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests import av1_clips
from tests.clips import Picture, Sound, make, seen

KEEP = tuple((Fraction(a), Fraction(b)) for a, b in (("0", "0.9"), ("1.3", "2.52"), ("3.1", "3.3"), ("3.8", "6")))
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(180)]
LONG = {"preset": "veryfast", "crf": "20", "g": "20", "bf": "3"}
LATER = 6
RECORDINGS = {
    "baseline": ("a.mp4", Picture(Fraction(25), seconds=6, options={"preset": "ultrafast", "profile": "baseline"})),
    "pyramids": ("a.mp4", Picture(Fraction(30_000, 1001), seconds=6, options=LONG)),
    "variable rate": ("a.mp4", Picture(times=UNEVEN, options=LONG)),
    "rotated": ("a.mov", Picture(Fraction(25), seconds=6, rotation=180, options=LONG)),
    "VP9": (
        "a.mkv",
        Picture(Fraction(25), seconds=6, codec="libvpx-vp9", options={"deadline": "realtime", "g": "20", "crf": "20"}),
    ),
    "transport stream": ("a.ts", Picture(Fraction(25), seconds=6, start=Fraction(7), options=LONG)),
}
PAGE = "<!doctype html><title>Player</title><video src=/cut.mp4 muted></video>"
# Plays to the end, and reads the number of each picture that comes on show from its sixteen squares.
PLAY = """
async film => {
    const canvas = document.createElement("canvas"), shown = [];
    canvas.width = canvas.height = 4;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    const look = (now, {mediaTime}) => {
        context.drawImage(film, 0, 0, 4, 4);
        const pixels = context.getImageData(0, 0, 4, 4).data;
        let number = 0;
        for (let place = 0; place < 16; place++) if (pixels[4 * place] > 127) number |= 1 << place;
        shown.push([mediaTime, number]);
        film.requestVideoFrameCallback(look);
    };
    film.requestVideoFrameCallback(look);
    const ended = new Promise((done, failed) => {
        film.onended = done;
        film.onerror = () => failed(film.error.message);
    });
    await film.play();
    await ended;
    const quality = film.getVideoPlaybackQuality();
    return {shown, corrupted: quality.corruptedVideoFrames, total: quality.totalVideoFrames, error: film.error};
}
"""


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_smart_result_plays_to_its_end_and_shows_the_right_pictures(name, browser, tmp_path):
    filename, picture = RECORDINGS[name]
    source = make(tmp_path / filename, picture, Sound([(0, 6)], seconds=6, start=picture.start))
    assert_plays(browser, smart(source, KEEP), upside_down=bool(picture.rotation))


def test_a_result_that_was_cut_again_does_too(browser, tmp_path):
    source = make(tmp_path / "a.mp4", RECORDINGS["pyramids"][1], Sound([(0, 6)], seconds=6))
    once = smart(source, [(Fraction("0.1"), Fraction("2.5")), (Fraction("2.8"), Fraction(6))])
    assert_plays(browser, smart(once, [(Fraction("0.3"), Fraction("2.9")), (Fraction("3.3"), Fraction(5))]))


def test_a_sequence_header_that_changes_on_the_way_does_not_stop_it(browser, tmp_path):
    """Copied AV1 by libaom, and what SVT-AV1 has encoded between it."""
    assert_plays(browser, smart(av1_clips.by_libaom(tmp_path, seconds=6), KEEP))


def smart(source: Path, keep: Sequence[tuple[Fraction, Fraction]]) -> Path:
    """The recording's ranges, most of their pictures copied."""
    output = source.with_name(f"{source.stem}-cut.mp4")
    params = CutParams(keep=tuple(keep))
    assert cutting.cut(Source(source, inspect(source)), params, output, Workspace(source.parent)).render == "smart"
    return output


def assert_plays(browser: Any, output: Path, *, upside_down: bool = False) -> None:
    played = play(browser, output)
    assert played["error"] is None
    assert played["corrupted"] == 0
    expected = seen(output)
    # On a busy machine the browser shows fewer than it decodes.
    assert played["total"] == len(expected)
    assert len(played["shown"]) > len(expected) / 4
    numbers = [turned(one.number) if upside_down else one.number for one in expected]
    for time, number in played["shown"]:
        place = min(range(len(expected)), key=lambda place: abs(float(expected[place].time) - time))
        assert abs(float(expected[place].time) - time) < 0.002
        # Until it is looked at, the next one may have come.
        assert number in numbers[place : place + LATER]


def play(browser: Any, output: Path) -> dict[str, Any]:
    context = browser.new_context()
    try:
        context.route("**/*", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        context.route("**/cut.mp4", lambda route: route.fulfill(path=output, content_type="video/mp4"))
        page = context.new_page()
        page.goto("http://player.test/")
        return page.locator("video").evaluate(PLAY, timeout=120_000)
    finally:
        context.close()


def turned(number: int) -> int:
    """The number that a picture upside down seems to carry."""
    return int(f"{number:016b}"[::-1], 2)
