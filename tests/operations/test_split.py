import json
import zipfile

import pytest

from jobs.engine.model.told import Told
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import Cancelled, InputError
from jobs.operations.base import Context
from jobs.operations.split import Split, SplitForm, SplitParams, names
from jobs.services import parameters
from tests import clips, factories
from tests.clips import Picture, Sound

OPERATION = Split()


def params(**data) -> SplitParams:
    form = SplitForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


@pytest.fixture
def context(tmp_path):
    def make(*streams, name="talk.mp4", title="Talk", progress=lambda fraction, stage: None) -> Context:
        source, scratch = clips.make(tmp_path / name, *streams), tmp_path / "scratch"
        scratch.mkdir()
        return Context(source, inspect(source), {}, scratch, tmp_path, title, progress, CommandLog())

    return make


# Parameters ----------------------------------------------------------------------------------------------------------


def test_by_itself_parts_have_ten_minutes():
    assert params() == SplitParams(by="minutes", minutes=10, at="frame", pack="files", container="mp4")


def test_whoever_sends_times_or_a_size_wants_it_split_there():
    assert params(times="10:00, 25:30").times == (600, 1530)
    assert params(times=[1.5, "2"]).by == "times"
    assert params(megabytes=25) == SplitParams(by="megabytes", megabytes=25, at="keyframe")


def test_what_stands_in_the_fields_of_another_way_concerns_nobody():
    assert params(by="chapters", times="soon", minutes=-1, threshold_db=5, min_silence_ms="x") == SplitParams(
        "chapters"
    )


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("times", {"by": "times"}),
        ("times", {"by": "times", "times": "0"}),
        ("times", {"times": "soon"}),
        ("times", {"times": list(range(1, 202))}),
        ("minutes", {"minutes": 0}),
        ("megabytes", {"megabytes": 0.01}),
        ("min_part_seconds", {"by": "silences", "min_part_seconds": -1}),
        ("threshold_db", {"by": "silences", "threshold_db": 3}),
        ("at", {"at": "somewhere"}),
        ("pack", {"pack": "rar"}),
        ("by", {"by": "magic"}),
    ],
)
def test_nonsense_is_refused_at_its_field(field, data):
    errors = SplitForm(data).errors
    assert list(errors) == [field]
    assert all(message.endswith(".") for message in errors[field])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"times": "2, 10"}, "ends after 10 s"),
        ({"by": "chapters"}, "has no chapters"),
        ({"minutes": 0.05}, None),
        ({"by": "silences", "audio_track": 4}, "1 audio tracks"),
    ],
)
def test_what_does_not_fit_the_recording_is_refused_before_any_work(data, words):
    if words is None:
        assert parameters.parse("split", data, factories.info()).minutes == 0.05
        return
    with pytest.raises(InputError, match=words):
        parameters.parse("split", data, factories.info())


def test_too_many_parts_are_refused_with_their_number():
    with pytest.raises(InputError, match=r"1 200 parts, and at most 200 are made\. Choose longer parts\."):
        parameters.parse("split", {"minutes": 0.05}, factories.info(seconds=3600))


def test_parameters_survive_being_stored_as_json():
    some = params(times="1.1, 2:00", pack="zip")
    assert parameters.from_json("split", json.loads(json.dumps(parameters.as_json(some)))) == some


@pytest.mark.parametrize(("by", "queue"), [("minutes", "cut"), ("megabytes", "fast"), ("silences", "cut")])
def test_what_is_only_copied_does_not_wait_in_line_with_long_work(by, queue):
    assert OPERATION.queue_for(params(by=by)) == queue


def test_the_form_shows_what_the_chosen_way_takes():
    shown = {name: field.widget.attrs.get("data-when") for name, field in SplitForm().fields.items()}
    assert shown["times"] == "by=times"
    assert shown["threshold_db"] == "by=silences detector=loudness"
    assert shown["at"] == "by=minutes|times|chapters|silences"
    assert shown["pack"] is None


# Results -------------------------------------------------------------------------------------------------------------


def test_parts_are_files_of_their_own_that_tell_where_they_come_from(context):
    given = context(Picture(seconds=6), Sound([(0, 6)], seconds=6))
    drafts = OPERATION.run(given, params(times="1.2, 0:03.4"))
    assert [draft.name for draft in drafts] == [f"Talk {number:02d} of 03.mp4" for number in (1, 2, 3)]
    assert {(draft.kind, draft.media_type) for draft in drafts} == {("video", "video/mp4")}
    facts = [json.loads(json.dumps(draft.metadata)) for draft in drafts]
    assert [(one["start"], one["end"], one["part"], one["parts"]) for one in facts] == [
        (0, 1.2, 1, 3),
        (1.2, 3.4, 2, 3),
        (3.4, 6, 3, 3),
    ]
    assert all(one["report"]["ok"] and one["render"] == "smart" and one["audio_copied"] == [True] for one in facts)
    numbers = [one.number for draft in drafts for one in clips.seen(draft.path)]
    assert numbers == list(range(150))
    first, second, _ = (Told.from_json(one) for one in facts)
    assert first.summary == "3 parts"
    assert first.checked == "checked: 3 parts, 150 frames, drift 0 ms"
    assert first.facts[1] == ("Part 2", "0:00:01.200 to 0:00:03.400, 20 frames encoded")
    assert (second.summary, second.notes, second.facts) == (None, None, None)


def test_a_zip_file_holds_the_same_parts_undeflated(context):
    given = context(Picture(seconds=6), Sound([(0, 6)], seconds=6))
    (draft,) = OPERATION.run(given, params(times="1.2, 3.4", pack="zip"))
    assert (draft.kind, draft.name, draft.media_type) == ("data", "Talk (parts).zip", "application/zip")
    assert list(given.scratch.iterdir()) == [draft.path]
    facts = json.loads(json.dumps(draft.metadata))
    with zipfile.ZipFile(draft.path) as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
        assert [(one.filename, one.file_size) for one in entries] == [
            (one["name"], one["size"]) for one in facts["parts"]
        ]
        assert {one.compress_type for one in entries} == {zipfile.ZIP_STORED}
        archive.extractall(given.scratch)
    assert [one["start"] for one in facts["parts"]] == [0, 1.2, 3.4]
    numbers = [one.number for entry in entries for one in clips.seen(given.scratch / entry.filename)]
    assert numbers == list(range(150))
    assert facts["summary"] == "3 parts"


def test_sound_alone_is_split_with_its_packets(context):
    given = context(None, Sound([(0, 4)]), name="talk.m4a")
    drafts = OPERATION.run(given, params(times="1, 2.5"))
    assert [(draft.kind, draft.name) for draft in drafts] == [
        ("audio", f"Talk {number:02d} of 03.m4a") for number in (1, 2, 3)
    ]
    assert all(draft.metadata["audio_copied"] == [True] for draft in drafts)


def test_names_keep_their_number_however_long_the_title_is(context):
    given = context(Picture(), Sound([(0, 4)]), title="Größe " * 100)
    drafts = OPERATION.run(given, params(by="times", times="2"))
    assert [draft.name[-13:] for draft in drafts] == [" 01 of 02.mp4", " 02 of 02.mp4"]
    assert all(len(draft.name.encode()) <= 204 for draft in drafts)


def test_a_chapters_title_is_in_the_name_of_its_part(context):
    given = context(Picture(), Sound([(0, 4)]))
    made = Split().run(given, params(times="2"))  # for its parts alone
    assert len(made) == 2

    class Part:
        path = made[0].path

        def __init__(self, title: str) -> None:
            self.part = self
            self.title = title

    class Result:
        parts = (Part("Words/deeds: who?"), Part(""), Part("x" * 300))

    named = names(given, Result())
    assert named[:2] == ["Talk 01 Words deeds who.mp4", "Talk 02 of 03.mp4"]
    assert named[2] == f"Talk 03 {'x' * 80}.mp4"


def test_stopping_it_leaves_nothing(context):
    def stop(fraction: float, stage: str) -> None:
        if "Part 2" in stage:
            raise Cancelled("Stopped.")

    given = context(Picture(), Sound([(0, 4)]), progress=stop)
    with pytest.raises(Cancelled):
        OPERATION.run(given, params(times="2"))
    # The first part is whole; the folder goes with the job.
    assert [path.name for path in given.scratch.iterdir()] == ["part-001.mp4"]
