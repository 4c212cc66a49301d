"""Converted recordings that have to stay under a limit."""

import dataclasses
from fractions import Fraction

import pytest

from jobs.engine.pipelines.convert import conversion
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from tests.clips import Picture, make
from tests.engine.pipelines.converting import SHORT, SOUND, noisy, run


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


def test_a_miss_is_tried_again_with_less(tmp_path, monkeypatch):
    source = noisy(tmp_path / "a.mp4")
    limit = source.stat().st_size // 3
    honest = conversion.plan_within

    def rosy(info, options, limit_bytes, **more):
        plan = honest(info, options, limit_bytes, **more)
        return dataclasses.replace(plan, rate=dataclasses.replace(plan.rate, kbps=4 * plan.rate.kbps))

    monkeypatch.setattr(conversion, "plan_within", rosy)
    log = CommandLog()
    _, output = run(source, ConvertOptions(limit_bytes=limit), log=log)
    assert output.stat().st_size <= limit
    assert len(log.commands) > 2


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
