"""Converted recordings that have to stay under a limit."""

import dataclasses
from fractions import Fraction

import pytest

from jobs.engine.pipelines.convert import conversion, kept_passes
from jobs.engine.pipelines.convert import convert as converting
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import Cancelled, InputError
from tests.clips import Picture, make
from tests.engine.pipelines.converting import SHORT, SOUND, killed, noisy, run


@pytest.mark.parametrize("target", ["mp4", "hevc", "av1", "webm"])
def test_the_file_is_under_its_limit_and_not_far(target, tmp_path):
    source = noisy(tmp_path / "a.mp4")
    assert source.stat().st_size > 400_000
    told: list[float] = []
    made, output = run(
        source, ConvertOptions(target, limit_bytes=150_000), progress=lambda done, stage: told.append(done)
    )
    assert 90_000 < output.stat().st_size <= 150_000
    assert made.frames == 75
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_file_that_is_small_enough_is_copied(tmp_path):
    source = make(tmp_path / "a.mp4", SHORT, SOUND)
    made, _ = run(source, ConvertOptions(limit_bytes=source.stat().st_size + 2000))
    assert made.summary == "Copied as it was"


def rosy(honest):
    """A plan whose rates are far too high."""

    def plan_within(info, options, limit_bytes, **more):
        plan = honest(info, options, limit_bytes, **more)
        return dataclasses.replace(plan, rate=dataclasses.replace(plan.rate, kbps=4 * plan.rate.kbps))

    return plan_within


def test_a_miss_is_tried_again_with_less(tmp_path, monkeypatch):
    source = noisy(tmp_path / "a.mp4")
    limit = source.stat().st_size // 3
    monkeypatch.setattr(conversion, "plan_within", rosy(conversion.plan_within))
    log = CommandLog()
    _, output = run(source, ConvertOptions(limit_bytes=limit), log=log)
    assert output.stat().st_size <= limit
    assert len(log.commands) > 2


class Stopped:
    """Stops a conversion in its try of this number, and notes the commands of all that is done."""

    def __init__(self, monkeypatch, folder, number):
        self.folder, self.number, self.begun = folder, number, []
        right = converting.follow

        def follow(command, *rest):
            measures = command[-2:] == ["null", "-"]
            self.begun.append("first pass" if measures else command[command.index("-b:v:0") + 1])
            if not measures and len([one for one in self.begun if one != "first pass"]) == self.number:
                raise Cancelled("Stopped.")
            right(command, *rest)

        monkeypatch.setattr(converting, "follow", follow)

    def run(self, source, options):
        kept = KeptParts(FolderPlace(self.folder))
        with pytest.raises(Cancelled):
            run(source, options, kept=kept)
        stopped, self.begun, self.number = self.begun, [], 0
        kept, told = KeptParts(FolderPlace(self.folder)), []
        _, output = run(source, options, kept=kept, progress=lambda done, stage: told.append(done))
        assert told == sorted(told)
        return stopped, kept.found, output


@pytest.mark.parametrize("target", ["mp4", "hevc", "webm"])
def test_what_the_first_pass_measured_is_not_measured_again(target, tmp_path, monkeypatch):
    source = noisy(tmp_path / "a.mp4")
    options = ConvertOptions(target, limit_bytes=150_000)
    _, output = run(source, options)
    size = output.stat().st_size
    monkeypatch.setattr(kept_passes, "BLOCK_BYTES", 1000)
    stopped = Stopped(monkeypatch, tmp_path / "parts", 1)
    begun, found, output = stopped.run(source, options)
    assert begun[0] == "first pass" and len(begun) == 2
    assert "first pass" not in stopped.begun and found == 1
    assert output.stat().st_size == pytest.approx(size, rel=0.02), "the second pass had what it needs"


def test_whoever_was_killed_in_the_second_pass_is_followed_by_one_that_begins_with_it(tmp_path, monkeypatch):
    source, parts = noisy(tmp_path / "a.mp4"), tmp_path / "parts"
    options = ConvertOptions(limit_bytes=150_000)
    killed(source, options, parts, converting.FIRST_PASS_SHARE)
    begun = Stopped(monkeypatch, parts, 0).begun
    made, output = run(source, options, kept=KeptParts(FolderPlace(parts)))
    assert begun and "first pass" not in begun
    assert made.frames == 75 and output.stat().st_size <= 150_000


def test_a_rate_that_came_out_too_large_is_not_tried_again(tmp_path, monkeypatch):
    source = noisy(tmp_path / "a.mp4")
    limit = source.stat().st_size // 3
    monkeypatch.setattr(conversion, "plan_within", rosy(conversion.plan_within))
    stopped = Stopped(monkeypatch, tmp_path / "parts", 2)
    begun, _, output = stopped.run(source, ConvertOptions(limit_bytes=limit))
    assert stopped.begun[0] == begun[2] != begun[1]
    assert output.stat().st_size <= limit


def test_what_is_not_whole_is_measured_again(tmp_path, monkeypatch):
    source, folder = noisy(tmp_path / "a.mp4"), tmp_path / "parts"
    stopped = Stopped(monkeypatch, folder, 1)
    kept = KeptParts(FolderPlace(folder))
    with pytest.raises(Cancelled):
        run(source, ConvertOptions(limit_bytes=150_000), kept=kept)
    for part in folder.glob("*/pass-*"):
        part.write_bytes(part.read_bytes()[:-1])
    stopped.number, stopped.begun = 0, []
    run(source, ConvertOptions(limit_bytes=150_000), kept=KeptParts(FolderPlace(folder)))
    assert stopped.begun[0] == "first pass"


def test_a_picture_that_would_fall_apart_becomes_smaller(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=2, size=(1280, 720)), SOUND)
    _, output = run(source, ConvertOptions(limit_bytes=20_000))
    assert inspect(output).video.height < 720
    assert output.stat().st_size <= 20_000


def test_a_limit_that_cannot_be_met_is_refused_with_one_that_can(tmp_path):
    info = dataclasses.replace(inspect(make(tmp_path / "a.mp4", SHORT, SOUND)), duration=Fraction(36_000))
    info = dataclasses.replace(info, size_bytes=10**9)
    with pytest.raises(InputError, match="Allow at least") as refused:
        conversion.check(info, ConvertOptions(limit_bytes=10**6))
    least = float(refused.value.message.split("at least ")[1].split(" MB")[0])
    conversion.check(info, ConvertOptions(limit_bytes=round(least * 10**6)))
