"""How a cut goes: what is planned, its progress, its refusals, and how it ends."""

import contextlib
import dataclasses
import os
import signal
import threading
import time
from pathlib import Path

import av
import pytest

from jobs.engine.analysis import peak_levels
from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import chunked_encoder, frame_index
from jobs.engine.video.source import Source
from jobs.errors import Cancelled, InputError, ToolError
from tests.clips import Picture, Sound, make, seen
from tests.engine.pipelines.cutting import LOUD, PARAMS, run


def test_the_plan_alone_is_the_plan_that_is_cut_and_costs_no_decoding_twice(tmp_path, monkeypatch):
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    cache = tmp_path / "cache"
    first = cutting.plan_only(Source(source, inspect(source)), PARAMS, cache=cache)
    for part in (peak_levels.decoder, frame_index):
        monkeypatch.setattr(part, "decoded" if part is peak_levels.decoder else "open_video", None)
    again = cutting.plan_only(Source(source, inspect(source)), PARAMS, cache=cache)
    tighter = cutting.plan_only(
        Source(source, inspect(source)), dataclasses.replace(PARAMS, margin_after_ms=0), cache=cache
    )
    monkeypatch.undo()
    assert again == first == run(source, tmp_path)[0].plan
    assert tighter.output_duration < first.output_duration


@pytest.mark.parametrize(
    ("sounds", "params", "code"),
    [
        ([], PARAMS, "no_audio"),
        ([Sound(loud_db=-40, floor_db=-40)], PARAMS, "all_silent"),
        ([Sound([(0, 9)])], PARAMS, "no_silence"),
        ([Sound(LOUD)], CutParams(keep=((1, 9),)), "bad_ranges"),
    ],
)
def test_what_cannot_be_cut_is_said_in_a_sentence_and_leaves_nothing(sounds, params, code, tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), *sounds)
    with pytest.raises(InputError) as error:
        run(source, tmp_path, params)
    assert error.value.code == code
    assert error.value.message.endswith(".")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "scratch"]


def test_progress_rises_from_analysis_to_the_end(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    told = []
    result, _ = run(source, tmp_path, progress=lambda fraction, stage: told.append((fraction, stage)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    stages = list(dict.fromkeys(stage for _, stage in told))
    assert stages == [
        "Measuring the sound",
        f"Encoding around 3 cuts, {100 * result.frames_copied / result.frames:.0f} % untouched",
        "Putting the file together",
        "Checking the result",
    ]


def test_progress_of_sound_alone_rises_to_the_end_too(tmp_path):
    told = []
    run(make(tmp_path / "a.m4a", None, Sound(LOUD)), tmp_path, progress=lambda fraction, stage: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1


def test_what_is_only_muted_is_said_to_be_copied(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    stages = []
    params = dataclasses.replace(PARAMS, pauses="mute")
    result, _ = run(source, tmp_path, params, progress=lambda fraction, stage: stages.append(stage))
    assert result.frames_copied == result.frames
    assert "Copying the whole picture" in stages
    assert not any("Encoding" in stage for stage in stages)


class Stop:
    """Raises Cancelled when a stage has come to a fraction, as a signal handler would."""

    def __init__(self, stage: str, fraction: float) -> None:
        self.stage, self.fraction = stage, fraction

    def __call__(self, fraction: float, stage: str) -> None:
        if self.stage in stage and fraction >= self.fraction:
            raise Cancelled("Stopped.")


def children() -> set[str]:
    found: set[str] = set()
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends while it is looked at
            found.update((thread / "children").read_text().split())
    return found


@pytest.mark.parametrize("stop", [Stop("Measuring", 0), Stop("Encoding", 0.3), Stop("Putting", 0), Stop("Checking", 0)])
def test_stopping_leaves_no_file_no_thread_and_no_child(stop, tmp_path):
    before_children = children()
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    threads = threading.active_count()
    with pytest.raises(Cancelled):
        run(source, tmp_path, progress=stop)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "scratch"]
    assert threading.active_count() == threads
    assert children() <= before_children


def test_stopping_does_not_wait_for_the_packets_to_be_read(tmp_path, monkeypatch):
    """Nor do those who wait for what is read of them."""
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    given_up = threading.Event()

    def endless(*_, token, **__):
        while not given_up.wait(0.01):
            token.check()
        raise InputError("Nobody has stopped it.")

    monkeypatch.setattr(cutting.frame_index, "index_frames", endless)
    watch = threading.Timer(30, given_up.set)
    watch.start()
    with pytest.raises(Cancelled):
        run(source, tmp_path, progress=Stop("Measuring", 0))
    assert not given_up.is_set()
    watch.cancel()


def test_a_signal_in_the_middle_of_encoding_ends_it_at_once(tmp_path):
    before_children = children()
    source = make(tmp_path / "a.mp4", Picture(seconds=24, size=(640, 480)), Sound([(1, 20)], seconds=24))

    def cancel(*_):
        raise Cancelled("Stopped.")

    before = signal.signal(signal.SIGUSR1, cancel)
    told = []

    def tell(fraction, stage):
        if "Encoding" in stage and not told:
            told.append(time.monotonic())
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()

    try:
        with pytest.raises(Cancelled):
            run(source, tmp_path, progress=tell)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "scratch"]
    assert children() <= before_children


def test_a_failing_encoder_of_sound_ends_the_whole_cut(tmp_path, monkeypatch):
    before_children = children()
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    monkeypatch.setattr("jobs.engine.audio.aac_encoder.AAC_CODER", {"aac_coder": "there is none"})
    with pytest.raises(ToolError, match="sound of this recording"):
        run(source, tmp_path)
    assert not (tmp_path / "cut.mp4").exists()
    assert children() <= before_children


def test_a_result_with_a_missing_picture_is_not_published(tmp_path, monkeypatch):
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD))
    encode = chunked_encoder.encode_frames

    def one_short(source, wanted, output, **options):
        short = dataclasses.replace(
            wanted,
            source_pts=wanted.source_pts[:-1],
            start_ticks=wanted.start_ticks[:-1],
            duration_ticks=wanted.duration_ticks[:-1],
        )
        return encode(source, short, output, **options)

    monkeypatch.setattr(chunked_encoder, "encode_frames", one_short)
    with pytest.raises(ToolError) as error:
        run(source, tmp_path, way="encode")
    assert error.value.code == "unsound_result"
    assert not (tmp_path / "cut.mp4").exists()


def test_a_hole_in_the_picture_is_held_over(tmp_path):
    """Damaged pictures are replaced by the one before, so that everything after them stays in time."""
    source = make(tmp_path / "a.mkv", Picture(options={"g": "10", "bf": "0"}), Sound(LOUD))
    info = inspect(source)
    whole = seen(source)
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        hit = next(packet for packet in container.demux(video=0) if packet.size and packet.pts == 800)
        begin = data.find(bytes(hit))
    data[begin + 4 : begin + hit.size] = bytes(hit.size - 4)
    source.write_bytes(data)
    output = tmp_path / "cut.mp4"
    result = cutting.cut(Source(source, info), PARAMS, output, Workspace(tmp_path))
    numbers = [one.number for one in seen(output)]
    assert len(numbers) == result.frames
    kept = [one.number for one in whole if any(begin <= one.time < end for begin, end in result.plan.keep)]
    # The damaged one, number 20 at 0.8 s, and those up to the next keyframe, number 30, cannot be right.
    after = sum(number < 30 for number in kept)
    assert numbers[: kept.index(20)] == kept[: kept.index(20)]
    assert numbers[after:] == kept[after:]
