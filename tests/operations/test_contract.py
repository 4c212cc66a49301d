"""What every operation has to keep, found by walking the package: a new one is held to it without being named here."""

import dataclasses
import inspect as source_of
import itertools
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from jobs.api.operation_schema import schema_of
from jobs.engine.pipelines import probe
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.management.commands import operations as listing
from jobs.models import Artifact
from jobs.operations import registry
from jobs.operations.base import Context, Operation
from jobs.services import parameters
from tests import dictation, media
from videoservice.worker_set import QUEUES

ROOT = Path(listing.__file__).parents[3]
EVERY = pytest.mark.parametrize("operation", registry.every(), ids=lambda operation: operation.slug)
SPOKEN = [
    *((0.4, dictation.STATES), (2.2, dictation.COUNT), (8.1, dictation.THANKS), (10.7, dictation.PEOPLE)),
    *((13, dictation.COUNT), (19.4, dictation.STATES), (21.8, dictation.THANKS)),
]
NONSENSE = ("\u202e", "-1e400", "[]", "1; drop table", "…" * 300)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Makes recordings in which somebody speaks, as long as an operation's example needs.

    "lossless" is what a step hands over to the next: video with audio in FLAC.
    """
    folder = tmp_path_factory.mktemp("recordings")

    def make(kind: str, seconds: int) -> Path:
        path = folder / f"{kind}-{seconds}{'.m4a' if kind == 'audio' else '.mp4'}"
        if not path.exists():
            speech = folder / f"{seconds}.wav"
            dictation.dictated(speech, [(at, text) for at, text in SPOKEN if at == 0.4 or at + 6 < seconds], seconds)
            picture = () if kind == "audio" else media.picture(seconds)
            coding = ("-preset", "ultrafast", "-g", "12", "-c:a", "flac" if kind == "lossless" else "aac")
            media.run_ffmpeg(*picture, "-i", media.url(speech), *coding, media.url(path))
        return path

    return make


@pytest.fixture
def work(recording, tmp_path):
    """Runs an operation with its example on a recording: the results, and the progress that was told."""

    def run(operation: Operation, kind: str, *, handover: bool = False):
        source = recording(kind, operation.example_seconds)
        info = inspect(source)
        params = parameters.parse(operation.slug, operation.example, info)
        given = {name: given_file(recording, one.kind, tmp_path) for name, one in operation.inputs(params).items()}
        infos = {name: inspect(path) for name, path in given.items() if path.suffix != ".png"}
        operation.check_inputs(info, params, infos)
        told = []
        (tmp_path / "scratch").mkdir()
        (tmp_path / "cache").mkdir()
        context = Context(
            source,
            info,
            given,
            tmp_path / "scratch",
            tmp_path / "cache",
            "A <talk>",
            lambda done, stage: told.append((done, stage)),
            CommandLog(),
            input_infos=infos,
            handover=handover,
        )
        return operation.run(context, params), told

    return run


def given_file(recording, kind: str, folder: Path) -> Path:
    if kind == "recording":
        return recording("audio", max(operation.example_seconds for operation in registry.every()))
    Image.new("RGBA", (20, 10), (255, 0, 0, 128)).save(folder / "logo.png")
    return folder / "logo.png"


@EVERY
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_its_example_works_or_is_refused_in_words(operation, kind, work):
    try:
        drafts, told = work(operation, kind)
    except InputError as refusal:
        assert operation.accepts == "video"
        assert kind == "audio"
        assert is_sentence(refusal.message)
        return
    assert kind == "video" or operation.accepts != "video"
    assert drafts
    assert len({draft.name for draft in drafts}) == len(drafts)
    for draft in drafts:
        assert draft.path.stat().st_size > 0
        assert draft.kind in Artifact.Kind.values
        assert draft.name.startswith("A talk") and Path(draft.name).suffix == draft.path.suffix
        assert re.fullmatch(r"[a-z]+/[\w.+-]+", draft.media_type)
        assert json.loads(json.dumps(draft.metadata)) is not None
        if draft.kind in ("video", "audio"):
            made = probe.probe(draft.path)
            assert made.info.kind == draft.kind or draft.media_type.startswith("image/")
            assert made.info.duration > Fraction(1, 4)
    fractions = [done for done, _ in told]
    assert fractions == sorted(fractions) and 0 <= fractions[0] <= fractions[-1] == 1
    assert all(stage and not stage.endswith(".") for _, stage in told)


HANDS_OVER = [operation for operation in registry.every() if operation.hands_over_lossless]


def audio_codecs(drafts) -> set[str]:
    media_files = [draft.path for draft in drafts if draft.kind in ("video", "audio")]
    return {track.codec for path in media_files for track in probe.probe(path).info.audio}


@pytest.mark.parametrize("operation", HANDS_OVER, ids=lambda operation: operation.slug)
def test_what_only_a_further_step_reads_has_its_audio_without_loss(operation, work):
    drafts, _ = work(operation, "video", handover=True)
    assert audio_codecs(drafts) == {"flac"}
    assert {draft.path.suffix for draft in drafts if draft.kind == "video"} <= {".mp4", ".mkv"}


@EVERY
def test_audio_without_loss_comes_out_as_browsers_play_it_where_that_is_promised(operation, work, recording):
    info = inspect(recording("lossless", operation.example_seconds))
    if not operation.encodes_audio(info, parameters.parse(operation.slug, operation.example, info)):
        return
    drafts, _ = work(operation, "lossless")
    assert audio_codecs(drafts) <= {"aac"}


@EVERY
def test_nonsense_breaks_nothing_and_is_refused_in_words(operation):
    """A field may take it as free text, or not care in the mode of the example."""
    refused = set()
    for name, nonsense in itertools.product(schema_of(operation)["properties"], NONSENSE):
        try:
            parameters.parse(operation.slug, {**operation.example, name: nonsense})
        except ValidationError as error:
            refused.add(name)
            assert all(is_sentence(message) for messages in error.message_dict.values() for message in messages)
    assert refused


@EVERY
def test_its_parameters_survive_being_stored(operation):
    params = parameters.parse(operation.slug, operation.example)
    stored = json.loads(json.dumps(parameters.as_json(params)))
    assert parameters.from_json(operation.slug, stored) == params
    assert {field.name for field in dataclasses.fields(params)} == set(schema_of(operation)["properties"])


@EVERY
def test_it_says_what_it_is_and_has_tests_of_its_own(operation):
    assert operation.title and is_sentence(operation.summary) and is_sentence(operation.description)
    assert operation.accepts in ("any", "video", "audio") and operation.queue in QUEUES
    module = Path(source_of.getfile(type(operation))).stem
    assert (ROOT / "tests" / "operations" / f"test_{module}.py").is_file()
    assert f"## {operation.slug}\n" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_readme_has_the_table_of_this_install():
    assert "\n".join(listing.table()) + "\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def is_sentence(text: str) -> bool:
    return text[:1].upper() == text[:1] and text.endswith(".")
