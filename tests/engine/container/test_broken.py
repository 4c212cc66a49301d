"""Recordings with empty packets and with broken bytes: a right result, or a sentence, and never a traceback."""

import json
import os
import subprocess
import sys
import traceback
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.failures import as_job_error
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import frame_index, thumbnails
from jobs.engine.video.source import Source
from jobs.errors import InputError, JobError
from tests import media, ogg
from tests.clips import Picture, make, seen

HEADERS = 2
"""Pages before the first picture."""


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """Four seconds of numbered pictures in Theora. In place of 28, 29 and of the last two there are empty packets."""
    folder = tmp_path_factory.mktemp("still")
    make(folder / "plain.mkv", Picture(seconds=4))
    coding = ("-c:v", "libtheora", "-q:v", 9, "-g", 10, "-page_duration", 1)
    media.run_ffmpeg("-i", media.url(folder / "plain.mkv"), *coding, media.url(folder / "whole.ogg"))
    source, empty = folder / "still.ogg", [28, 29, 98, 99]
    data = (folder / "whole.ogg").read_bytes()
    source.write_bytes(ogg.emptied(data, [HEADERS + number for number in empty]))
    with av.open(str(source)) as container:
        found = [packet.pts for packet in container.demux() if not packet.size and packet.pts is not None]
    assert found == empty
    return source


def test_where_a_packet_is_empty_the_picture_before_stays_on_show(still):
    index = frame_index.index_frames(still, inspect(still))
    step = index.clock_hz // 25
    assert index.start_ticks.tolist() == [number * step for number in range(98) if number not in (28, 29)]
    assert index.end_tick == 100 * step


@pytest.mark.parametrize("way", ["smart", "encode"])
def test_a_cut_across_empty_packets_has_every_picture_at_its_time(still, tmp_path, way):
    output = tmp_path / "cut.mp4"
    cut(
        Source(still, inspect(still)),
        CutParams(keep=((1, 1.4), (3.6, 4))),
        output,
        Workspace(tmp_path),
        RenderOptions(way=way),
    )
    there = [*range(25, 28), *range(30, 35), *range(90, 98)]
    found = seen(output)
    assert [picture.number for picture in found] == there
    assert [picture.time for picture in found] == [Fraction(n - (25 if n < 35 else 80), 25) for n in there]
    # The last one stands still up to the end.
    assert inspect(output).duration == Fraction(20, 25)


def test_a_still_is_what_is_on_show(still):
    wanted = [Fraction(n, 25) + Fraction(1, 100) for n in (27, 28, 29, 30, 99)]
    found = [np.asarray(one.image) for one in thumbnails.grab(still, inspect(still), wanted, width=160)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[3])


def test_what_ffmpeg_fails_with_is_told_in_words(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing" * 100)
    with pytest.raises(av.error.FFmpegError) as caught:
        av.open(str(tmp_path / "a.mp4"))
    failure = as_job_error(caught.value)
    assert isinstance(failure, InputError)
    assert failure.code == "undecodable"
    assert failure.message.endswith(".")


PICTURE, SOUND = media.picture(2, size="96x64"), media.tone(2)
H264 = (*media.FAST_X264, "-g", 10, "-bf", 2)
KINDS = {
    "a.mp4": (*H264, "-c:a", "aac"),
    "fragments.mp4": (*H264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "a.mkv": (*H264, "-c:a", "libopus"),
    "a.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "a.ts": (*H264, "-c:a", "aac"),
    "a.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "a.flv": (*H264, "-c:a", "aac"),
    "a.ogg": ("-c:v", "libtheora", "-c:a", "libvorbis"),
    "a.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "a.3gp": ("-c:v", "h263", "-s", "176x144", "-c:a", "libopencore_amrnb", "-ar", 8000),
    "a.webm": ("-c:v", "libvpx", "-c:a", "libvorbis"),
    "a.mxf": ("-c:v", "mpeg2video", "-c:a", "pcm_s16le", "-ar", 48000),
    "a.flac": ("-vn",),
    "a.mp3": ("-vn",),
    "a.wav": ("-vn",),
}
TRIES = 4


@pytest.mark.parametrize("kind", KINDS)
def test_broken_bytes_end_in_a_result_or_in_a_sentence(kind, tmp_path):
    """In a process of its own: what kills that is no sentence either."""
    media.run_ffmpeg(*PICTURE, *SOUND, *KINDS[kind], media.url(tmp_path / kind))
    argv = [sys.executable, "-m", "tests.engine.container.test_broken", os.fspath(tmp_path / kind)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == []


def broken(data: bytes, number: int) -> bytes:
    """The bytes of a file spoilt in one of several ways, the same each time."""
    chance = np.random.default_rng(number)
    spoilt = bytearray(data)
    begin, end = sorted(chance.integers(0, len(data), 2).tolist())
    match number % TRIES:
        case 0:
            for place in chance.integers(0, len(data), 40).tolist():
                spoilt[place] = int(chance.integers(256))
        case 1:
            spoilt[begin : min(end, begin + 3000)] = b"\0" * (min(end, begin + 3000) - begin)
        case 2:
            del spoilt[begin : min(end, begin + 3000)]
        case _:
            # Headers and tables: at the start of most files, at the end of some.
            for place in chance.choice([*range(min(1500, len(data))), *range(-min(3000, len(data)), 0)], 12).tolist():
                spoilt[place] = int(chance.choice([0, 1, 127, 128, 255]))
    return bytes(spoilt)


def main(path: Path) -> None:
    """Cut broken copies of a recording and print what went wrong beyond what has a sentence."""
    data, wrong = path.read_bytes(), []
    for number in range(TRIES):
        copy = path.with_stem(f"broken-{number}")
        copy.write_bytes(broken(data, number))
        way = ("smart", "encode")[number % 2]
        try:
            params = CutParams(keep=((0.2, 0.6), (0.9, 1.4)))
            cut(
                Source(copy, inspect(copy)),
                params,
                path.with_name("cut.mp4"),
                Workspace(path.parent),
                RenderOptions(way=way),
            )
        except JobError:
            pass
        except Exception:  # noqa: BLE001 that is what is looked for
            wrong.append(f"{copy.name}: {traceback.format_exc()[-1500:]}")
    print(json.dumps(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
