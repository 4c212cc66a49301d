"""What tests of the silence cut share."""

from pathlib import Path

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.strategy import Render
from jobs.engine.video.source import Source

LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5)]
PARAMS = CutParams(threshold_db=-30, margin_before_ms=100, margin_after_ms=100)


def run(
    source: Path, tmp_path: Path, params: CutParams = PARAMS, way: Render = "smart", **told
) -> tuple[cutting.CutResult, Path]:
    """`told` are fields of a workspace."""
    output = tmp_path / "cut.mp4"
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    work = Workspace(scratch, **told)
    result = cutting.cut(Source(source, inspect(source)), params, output, work, RenderOptions(way))
    assert list(scratch.iterdir()) == []
    return result, output
