"""Work takes no more of the machine than its share, and what cannot do with that says so in a sentence."""

import errno
import resource
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.runtime import cgroup, resource_limits, subprocess_runner
from jobs.engine.runtime.sandbox import ROOT
from jobs.errors import InputError, TooHeavy, ToolError
from tests import factories, media

GIB = 1 << 30


def facts(width: int, height: int, seconds: int = 60):
    track = VideoTrack(
        index=0, codec="h264", width=width, height=height, frame_rate=Fraction(30), pixel_format="yuv420p"
    )
    return factories.info(seconds=seconds, video=track)


def in_a_process(code: str) -> str:
    """What code says that works in bounds of 300 MB; limits of a process are all of its own."""
    start = (
        "from jobs.engine.runtime import resource_limits, subprocess_runner\n"
        "from tests import factories\n"
        "INFO = factories.info(video=None)\n"
    )
    argv = [sys.executable, "-c", DJANGO + start + textwrap.dedent(code)]
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout.decode()


DJANGO = "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\nimport django\ndjango.setup()\n"


def test_what_work_may_take_grows_with_its_pictures_up_to_a_share_of_the_machine():
    sizes = [(1280, 720), (1920, 1080), (3840, 2160), (7680, 4320)]
    allowed = [resource_limits.memory_bytes(facts(*size), 1000 * GIB) for size in sizes]
    assert allowed == sorted(set(allowed))
    assert resource_limits.memory_bytes(factories.info(video=None), 1000 * GIB) >= 4 * GIB, "a model for speech fits"
    assert resource_limits.memory_bytes(facts(16_000, 16_000), 3 * GIB) == 3 * GIB


def test_workers_share_the_machine():
    machine = resource_limits.machine_bytes()
    assert machine == pytest.approx(int(Path("/proc/meminfo").read_text().split()[1]) * 1024) or machine > 0
    assert resource_limits.share_bytes(1) <= machine or machine < resource_limits.LEAST_BYTES
    assert resource_limits.share_bytes(10_000) == resource_limits.LEAST_BYTES


def test_a_container_counts_as_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "memory.max").write_text(f"{GIB}\n")
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    assert resource_limits.machine_bytes() == GIB
    (tmp_path / "memory.max").write_text("max\n")
    assert resource_limits.machine_bytes() > GIB


def test_files_have_room_for_what_work_makes_of_them():
    assert resource_limits.file_bytes(facts(3840, 2160, 3600)) > 3600 * 100_000_000 / 8, "an hour of 4K in good quality"
    assert resource_limits.file_bytes(factories.info(video=None)) > 16 * GIB


def test_this_process_and_its_children_are_held_to_it():
    said = in_a_process(
        """
        import numpy, sys
        from jobs.errors import TooHeavy
        program = [sys.executable, "-c", "bytearray(400_000_000)"]
        for work in (lambda: numpy.ones(50_000_000), lambda: subprocess_runner.output(program)):
            try:
                with resource_limits.held(INFO, 300_000_000):
                    work()
            except TooHeavy as error:
                print(error.code, error.message)
        numpy.ones(50_000_000)
        subprocess_runner.output(program)
        print("afterwards all is as before")
        """
    ).splitlines()
    assert said[-1] == "afterwards all is as before"
    assert [line.partition(" ")[0] for line in said[:-1]] == ["too_heavy", "too_heavy"]
    assert all("more memory" in line and "again" not in line for line in said[:-1])


def test_an_encoder_that_says_nothing_of_memory_is_found_out_by_what_was_in_use():
    said = in_a_process(
        """
        import numpy
        from jobs.errors import InputError, JobError, ToolError
        errors = (
            ToolError("The pictures could not be encoded. Try again."),
            InputError("The recording is damaged. Upload it again.", code="damaged"),
            InputError("There is no silence. Choose another level.", code="no_silence"),
        )
        for size in (1, 30_000_000):
            for error in errors:
                try:
                    with resource_limits.held(INFO, 600_000_000):
                        numpy.ones(size)
                        raise error
                except JobError as error:
                    print(error.code)
        """
    )
    assert said.split() == ["tool", "damaged", "no_silence", "too_heavy", "too_heavy", "no_silence"]


def test_what_a_parent_had_in_use_does_not_count():
    ballast = bytearray(b"\1" * 400_000_000)
    said = in_a_process(
        """
        from jobs.errors import ToolError
        try:
            with resource_limits.held(INFO, 600_000_000):
                raise ToolError("The pictures could not be encoded.")
        except ToolError as error:
            print(error.code)
        """
    )
    assert len(ballast) == 400_000_000
    assert said.split() == ["tool"]


def test_what_is_written_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resource_limits, "file_bytes", lambda info: 100_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(TooHeavy, match="room on the disk"), resource_limits.held(factories.info(), 1000 * GIB):
        (tmp_path / "large").write_bytes(bytes(200_000))
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before


@pytest.mark.parametrize("error", [ToolError("The encoder stopped."), InputError("No sound."), ValueError("odd")])
def test_what_has_nothing_to_do_with_bounds_stays_what_it_was(error: Exception):
    with pytest.raises(type(error), match=str(error)), resource_limits.held(factories.info(), 1000 * GIB):
        raise error


def test_the_cause_tells_what_was_lacking():
    def wrapped(cause: Exception) -> str:
        error = ToolError("The picture could not be encoded. Try again.")
        error.__cause__ = cause
        return resource_limits.lacked(error)

    assert wrapped(MemoryError()) == "memory"
    assert wrapped(RuntimeError("std::bad_alloc")) == "memory"
    assert wrapped(OSError(errno.EFBIG, "File too large")) == "room on the disk"
    assert wrapped(OSError(errno.ENOSPC, "No space left on device")) == ""


def test_a_decoder_that_goes_on_without_memory_is_ended(tmp_path: Path):
    """ffmpeg's would go on for ever."""
    large = tmp_path / "large.mp4"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    media.run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=4000x4000:rate=5:duration=1", *codec, media.url(large))
    argv = [*ffmpeg.writing(), *ffmpeg.reading(large, "mov"), "-vf", "scale=64:64", "-f", "null", "-"]
    with pytest.raises(TooHeavy, match="more memory"):
        subprocess_runner.output(argv, limits=subprocess_runner.Limits(memory_bytes=300 << 20, wall_seconds=600))
