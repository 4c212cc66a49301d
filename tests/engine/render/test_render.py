"""The parts of a render: sound on its samples through every join, and room on the disk."""

import errno
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.audio import sample_ranges as joins
from jobs.engine.audio.decoder import PcmReader
from jobs.engine.audio.sample_ranges import SampleCursor, joined_samples, sample_ranges
from jobs.engine.container import ffmpeg
from jobs.engine.edit.cut_plan import CutParams, CutPlan, snap
from jobs.engine.model.report import UndecodedFrames
from jobs.engine.model.segment import Segment
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import render
from jobs.engine.render.render import RenderRequest
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import chunked_encoder
from jobs.engine.video.frame_index import index_frames
from jobs.engine.video.frame_schedule import schedule
from jobs.engine.video.source import Source
from jobs.errors import ResourceError, ToolError
from tests.clips import Picture, Sound, heard, make

RATE = 48_000


def spliced(samples: np.ndarray, parts, rate: int = RATE) -> np.ndarray:
    """Each part is (start, end), or (start, end, speed). Sample n of a ramp has the value n."""
    tape = PcmReader(iter([(0, samples.astype(np.float32)[:, None])]), rate, 1)
    wanted = sample_ranges([Segment(*map(Fraction, part)) for part in parts], Fraction(len(samples), rate), rate)
    return np.concatenate(list(joined_samples(SampleCursor(tape), wanted)))[:, 0]


def test_everything_between_the_fades_is_the_source_itself():
    ramp = np.arange(10 * RATE) / (10 * RATE)
    result = spliced(ramp, [(1, 2), (4, 6)])
    assert len(result) == 3 * RATE
    fade = int(joins.FADE_SECONDS * RATE)
    assert (result[fade : RATE - fade] == ramp.astype(np.float32)[RATE + fade : 2 * RATE - fade]).all()
    assert (result[RATE + fade : 3 * RATE - fade] == ramp.astype(np.float32)[4 * RATE + fade : 6 * RATE - fade]).all()


def test_the_sound_at_both_ends_of_the_recording_is_not_faded():
    result = spliced(np.ones(4 * RATE), [(0, 1), (2, 4)])
    assert result[0] == result[-1] == 1


def test_a_start_and_an_end_inside_the_recording_are_faded_from_and_to_nothing():
    result = spliced(np.ones(4 * RATE), [(1, 2)])
    assert 0 <= result[0] < 0.02
    assert 0 <= result[-1] < 0.02
    assert (np.abs(np.diff(result)) < 0.02).all()


def test_a_join_does_not_click():
    """A full-scale tone cut at its peaks of opposite sign: the largest step stays near that of the tone itself."""
    tone = np.cos(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    result = spliced(tone, [(0, "1"), ("2.005", 4)])
    step = np.abs(np.diff(tone)).max()
    assert np.abs(np.diff(result)).max() < 2 * step
    assert np.abs(np.diff(np.concatenate([tone[:RATE], tone[int(2.005 * RATE) :]]))).max() > 100 * step


def test_noise_does_not_dip_at_a_join():
    random = np.random.default_rng(1)
    power = np.zeros(2 * RATE)
    for _ in range(50):
        power += spliced(random.normal(0, 1, 4 * RATE), [(0, 1), (3, 4)]) ** 2
    fade = int(joins.FADE_SECONDS * RATE)
    at_join = power[RATE - fade : RATE + fade].mean() / 50
    assert at_join == pytest.approx(1, abs=0.05)


def test_gains_of_both_sides_have_equal_power():
    gain = joins.rising(384)[:, 0]
    assert np.allclose(gain**2 + gain[::-1] ** 2, 1, atol=1e-6)
    assert (np.diff(gain) > 0).all()


def test_after_the_end_of_the_track_there_is_silence():
    result = spliced(np.ones(RATE), [(0, "0.5"), ("0.9", 2)])
    assert len(result) == round(1.6 * RATE)
    assert (result[round(0.7 * RATE) :] == 0).all()


@st.composite
def ranges(draw):
    edges = sorted(draw(st.sets(st.fractions(0, 20, max_denominator=30_000), min_size=2, max_size=40)))
    edges = edges[: len(edges) // 2 * 2]
    return list(zip(edges[::2], edges[1::2], strict=True))


@given(ranges(), st.sampled_from([8_000, 11_025, 44_100, 48_000]))
@settings(max_examples=200, deadline=None)
def test_no_join_moves_what_follows_by_more_than_a_sample(keep, rate):
    wanted = sample_ranges([Segment(*span) for span in keep], Fraction(20), rate)
    exact, written = Fraction(0), 0
    for (start, end), piece in zip(keep, wanted, strict=True):
        assert abs(written - exact * rate) <= Fraction(1, 2)
        assert abs(piece.start - start * rate) <= Fraction(1, 2)
        exact += end - start
        written += piece.count
    assert written == round(exact * rate)


@given(ranges())
@settings(max_examples=60, deadline=None)
def test_any_ranges_give_as_many_samples_as_they_have(keep):
    rate = 1000
    result = spliced(np.arange(20 * rate), keep, rate)
    wanted = sample_ranges([Segment(*span) for span in keep], Fraction(20), rate)
    assert len(result) == sum(piece.count for piece in wanted)


def recording(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), Sound([(1, 2)]))
    info = inspect(source)
    index = index_frames(source, info)
    plan = snap(CutPlan(info.duration, ((Fraction(1), Fraction(2)), (Fraction(3), Fraction(7, 2)))), index)
    return source, info, index, plan


def rendered(source, info, index, timeline, output, scratch):
    scratch.mkdir(exist_ok=True)
    return render.render(RenderRequest(Source(source, info, index), timeline), output, Workspace(scratch))


def test_an_existing_result_is_replaced_only_by_a_whole_one(tmp_path, monkeypatch):
    source, info, index, plan = recording(tmp_path)
    output = tmp_path / "cut.mp4"
    output.write_text("the one before")
    monkeypatch.setattr(render.mux, "mux_argv", lambda *args: [ffmpeg.program(), "-f", "nothing"])
    with pytest.raises(ToolError):
        rendered(source, info, index, plan.timeline, output, tmp_path / "scratch")
    assert output.read_text() == "the one before"
    monkeypatch.undo()
    assert rendered(source, info, index, plan.timeline, output, tmp_path / "scratch").lost == UndecodedFrames()
    assert output.stat().st_size > 1000


@pytest.mark.parametrize("track", ["picture.mp4", "sound-0.mp4", ".part"])
def test_a_full_disk_is_said_to_be_that_and_leaves_nothing(track, tmp_path, monkeypatch):
    """Each of the files in turn is written to a device that is always full."""
    source, info, index, plan = recording(tmp_path)
    full = "/dev/full"
    if track == "picture.mp4":
        encode = chunked_encoder.encode_frames
        monkeypatch.setattr(chunked_encoder, "encode_frames", lambda *a, **k: encode(*a[:2], tmp_path / "full", **k))
    elif track == "sound-0.mp4":
        cut = render.render_audio
        monkeypatch.setattr(render, "render_audio", lambda *a, **k: cut(*a[:2], tmp_path / "full", **k))
    else:
        argv = render.mux.mux_argv
        monkeypatch.setattr(render.mux, "mux_argv", lambda *a: argv(*a[:3], tmp_path / "full", *a[4:]))
    (tmp_path / "full").symlink_to(full)
    with pytest.raises(ResourceError) as error:
        rendered(source, info, index, plan.timeline, tmp_path / "cut.mp4", tmp_path / "scratch")
    assert error.value.code == "disk_full"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "full", "scratch"]


def test_other_trouble_of_the_libraries_is_no_full_disk():
    with pytest.raises(ToolError), libav_errors.errors("pictures"):
        raise chunked_encoder.av.error.PermissionError(errno.EACCES, "no")


def test_sound_and_picture_end_together(tmp_path):
    source, info, index, plan = recording(tmp_path)
    output = tmp_path / "cut.mp4"
    rendered(source, info, index, plan.timeline, output, tmp_path / "scratch")
    samples, rate = heard(output)
    wanted = schedule(index, plan.timeline.segments)
    end = Fraction(int(wanted.start_ticks[-1] + wanted.duration_ticks[-1]), index.clock_hz)
    assert end == plan.output_duration == Fraction(38, 25)
    # The decoder gives the encoder's last block whole: up to 1023 samples of padding follow, which players leave out.
    assert 0 <= len(samples) - end * rate < 1024


def test_params_of_the_engine_have_the_defaults_of_the_page():
    assert CutParams() == CutParams("auto", 200, 200, 200, 100, 120, ())
