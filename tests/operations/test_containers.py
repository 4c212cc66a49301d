"""The container that a person chooses for a result: its name, its media type, and what is in it."""

import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.operations import registry
from jobs.operations.base import Context
from jobs.services import parameters
from tests import clips, factories
from tests.clips import Picture, Sound
from tests.media import remuxed

GIVEN = {
    "silence-cut": {"keep": [[0.4, 1.2], [2, 3]]},
    "trim": {"start": 1, "end": 3},
    "change-speed": {"speed": 2, "start": 4, "end": 6},
    "watermark": {"text": "Ours", "start": 1, "end": 2},
    "clean-audio": {},
    "swap-audio": {"audio": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11", "mode": "add"},
}
TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".mkv": "video/x-matroska", ".webm": "video/webm"}


@pytest.fixture
def run(tmp_path):
    """run(operation, container, source name) makes a recording of that name, works on it, and gives its draft."""

    def run(slug, container, name="talk.mp4"):
        spans = [(0.5, 3), (4, 9.5)]
        first = clips.make(tmp_path / "first.mp4", Picture(seconds=10), Sound(spans, 10))
        source = first.rename(tmp_path / name) if name.endswith(".mp4") else remuxed(first, tmp_path / name)
        other = clips.make(tmp_path / "other.wav", None, Sound(spans, 10, codec="pcm_s16le", bit_rate=0))
        params = parameters.parse(slug, {**GIVEN[slug], "container": container}, inspect(source))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        context = Context(
            source=source,
            info=inspect(source),
            inputs={"audio": other},
            input_infos={"audio": inspect(other)},
            scratch=scratch,
            cache=tmp_path,
            title="Talk",
            progress=lambda fraction, stage: None,
            log=CommandLog(),
        )
        (draft,) = registry.get(slug).run(context, params)
        return draft

    return run


@pytest.mark.parametrize("slug", GIVEN)
def test_mp4_is_what_comes_by_itself(slug):
    assert parameters.parse(slug, GIVEN[slug], factories.info()).container == "mp4"


@pytest.mark.parametrize("slug", GIVEN)
@pytest.mark.parametrize("container", ["mov", "mkv", "webm"])
def test_a_result_comes_in_the_container_that_was_chosen(run, slug, container):
    draft = run(slug, container)
    suffix = f".{container}"
    assert (draft.path.suffix, draft.media_type) == (suffix, TYPES[suffix])
    assert draft.name.endswith(suffix)
    made = inspect(draft.path)
    codecs = ("vp9", "opus") if container == "webm" else ("h264", "aac")
    assert {(made.video.codec, track.codec) for track in made.audio} == {codecs}
    if container != "webm":
        assert draft.metadata.get("frames_copied", 0) > 0
    assert [path for path in draft.path.parent.iterdir() if path.suffix in TYPES] == [draft.path]


@pytest.mark.parametrize(("slug", "name"), [("trim", "talk.mov"), ("watermark", "talk.mkv"), ("clean-audio", "a.mov")])
def test_as_the_recording_is(run, slug, name):
    draft = run(slug, "source", name)
    assert draft.path.suffix == name[-4:]
    assert draft.media_type == TYPES[draft.path.suffix]


def test_what_quicktime_cannot_hold_is_refused_before_any_work(tmp_path):
    made = clips.make(tmp_path / "talk.mkv", Picture(seconds=1), Sound([(0, 1)], 1, codec="libopus"))
    with pytest.raises(InputError, match=r"QuickTime cannot hold .*opus.* Choose Matroska, or MP4\.") as error:
        parameters.parse("watermark", {**GIVEN["watermark"], "start": 0, "end": 1, "container": "mov"}, inspect(made))
    assert error.value.code == "bad_container"
