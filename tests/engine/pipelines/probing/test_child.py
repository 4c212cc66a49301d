"""The child process that probes."""

import errno
import json
import os
import subprocess
import sys

import av
import av.error
import pytest

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import probe
from jobs.engine.probe import mp4_boxes
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.errors import Busy, InputError, ResourceError
from tests import media
from tests.engine.pipelines.probing.refusals import refusal


def test_probing_finds_the_same_in_a_child(mp4):
    log = subprocess_runner.CommandLog()
    found = probe.probe(mp4, log=log)
    assert found.info == inspect(mp4)
    assert found.poster is None
    assert len(found.sha256) == 64
    assert found.sha256 == probe.sha256(mp4)
    assert "jobs.engine.pipelines.probe" in log.commands[0]


def test_a_long_ordinary_recording_passes(shelf):
    path = media.video(shelf / "long.mp4", seconds=42)
    assert probe.probe(path).info.duration == 42


def test_a_refusal_comes_through_from_the_child(mkv, tmp_path):
    path = media.cut_bytes(mkv, tmp_path / "half.mkv", 0.5)
    with pytest.raises(InputError) as caught:
        probe.probe(path)
    assert caught.value.code == "cut_off"
    assert caught.value.message == refusal(path).message


def stand_in(monkeypatch, code: str, **bounds: object) -> None:
    """Let the child run `code` instead of probing."""
    monkeypatch.setattr(probe, "command", lambda path, poster: [sys.executable, "-c", code])
    if bounds:
        monkeypatch.setattr(probe, "limits", lambda size: subprocess_runner.Limits(**bounds))


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        ("import os; os.kill(os.getpid(), 11)", {}),
        ("while True: pass", {"seconds": 1}),
        ("b'x' * 10**11", {}),
        ("raise SystemExit('Cannot allocate memory')", {}),
        ("import numpy; numpy.ones(10**10)", {}),
        ("print('not json')", {}),
        ("print('[]')", {}),
        ("print('{}')", {}),
    ],
    ids=["crash", "spin", "memory", "libav's memory", "numpy's memory", "no json", "a list", "no answer"],
)
def test_a_child_that_fails_makes_the_recording_unreadable(code, bounds, mp4, monkeypatch):
    stand_in(monkeypatch, code, **bounds)
    with pytest.raises(InputError) as caught:
        probe.probe(mp4)
    assert caught.value.code == "unreadable"
    assert "could not be read" in caught.value.message


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        ("import time; time.sleep(600)", {"wall_seconds": 0.5}),
        ("import sys; sys.exit('unshare failed: Resource temporarily unavailable')", {}),
        ("import jobs_that_are_not_there", {}),
    ],
    ids=["the clock", "no process to be had", "no program"],
)
def test_what_is_the_servers_fault_says_nothing_about_the_recording(code, bounds, mp4, monkeypatch):
    stand_in(monkeypatch, code, **bounds)
    with pytest.raises(Busy, match="Try again"):
        probe.probe(mp4)


def test_what_nobody_thought_of_is_told_apart_by_who_said_it(capsys):
    def broken(error: Exception) -> sandbox.Answer:
        def work() -> sandbox.Answer:
            raise error

        return sandbox.answered(work)

    assert "broken" in broken(IndexError("a parser of ours")), "the bytes' fault: it happens every time"
    assert "broken" in broken(av.error.OSError(errno.EIO, "Input/output error")), "libav means the bytes"
    with pytest.raises(OSError, match="disk"):
        broken(OSError(errno.EIO, "the disk"))


def test_boxes_in_boxes_without_end_are_not_followed(tmp_path):
    count = 20_000
    nested = b"".join((8 * (count - level)).to_bytes(4) + b"moov" for level in range(count))
    path = tmp_path / "nested.mp4"
    path.write_bytes(nested)
    assert not mp4_boxes.is_fragmented(path)
    with path.open("rb") as file:
        assert len(list(mp4_boxes.tree(file, 0, len(nested)))) == mp4_boxes.MAXIMUM_DEPTH + 1
    assert refusal(path)


def test_a_child_that_was_killed_says_nothing_about_the_recording(mp4, monkeypatch):
    """As the kernel does when memory runs out; its own limit on memory is another thing."""
    stand_in(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ResourceError):
        probe.probe(mp4)


def test_the_child_knows_no_secrets(mp4, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    monkeypatch.setenv("DATABASE_URL", "hidden")
    assert "hidden" not in json.dumps(sandbox.environment())


def test_the_limits_let_ten_gigabytes_through():
    bounds = probe.limits(10 << 30)
    assert bounds.seconds is not None and bounds.seconds > 120
    assert bounds.wall_seconds is not None and bounds.wall_seconds > 400
    assert not bounds.network


def test_a_4k_recording_fits_into_the_limits(shelf):
    path = shelf / "4k.mp4"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none")
    media.run_ffmpeg(*media.picture("0.2", size="3840x2160"), *codec, media.url(path))
    video = probe.probe(path).info.video
    assert video is not None
    assert (video.width, video.height, video.codec) == (3840, 2160, "hevc")


def test_it_runs_from_a_shell(mp4, tmp_path):
    command = [sys.executable, "-m", "jobs.engine.pipelines.probe", "--", os.fspath(mp4)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=sandbox.ROOT)
    answer = json.loads(done.stdout)
    assert done.stdout.count(b"\n") == 1
    assert answer["sha256"] == ""
    assert MediaInfo.from_json(answer["info"]) == inspect(mp4)
