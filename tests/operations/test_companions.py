"""What a silence cut brings along: timelines for editors, and captions that move with it."""

import dataclasses
import json
from fractions import Fraction

import opentimelineio as otio
import pytest
from django.http import QueryDict

from jobs.engine.captions import cues
from jobs.engine.edit import exports
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.operations.base import Context
from jobs.operations.silence_cut import SilenceCut, SilenceCutForm, SilenceCutParams
from tests import transcribed
from tests.clips import Picture, Sound, make
from tests.media import run_ffmpeg, url

KEEP = ((0.4, 1.2), (2.0, 3.2))


@pytest.fixture
def context(tmp_path):
    """A run on four seconds with captions at 0.6 to 1 (kept), 1.4 to 1.8 (cut) and 2.5 to 3.4 (cut short)."""
    plain = make(tmp_path / "plain.mp4", Picture(), Sound([(0.5, 1.0), (2.0, 3.0)]))
    words = tmp_path / "words.srt"
    times = [("00,600", "01,000"), ("01,400", "01,800"), ("02,500", "03,400")]
    words.write_text("".join(f"{n}\n00:00:{a} --> 00:00:{b}\nWord {n}\n\n" for n, (a, b) in enumerate(times, 1)))
    source = tmp_path / "4f2a.mp4"
    run_ffmpeg("-i", url(plain), "-i", url(words), "-map", 0, "-map", 1, "-c", "copy", "-c:s", "mov_text", url(source))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    quiet = lambda fraction, stage: None  # noqa: E731
    info = inspect(source)
    return Context(source, info, {}, scratch, tmp_path / "cache", "A <talk>", quiet, CommandLog(), "my talk.mp4")


def cleaned(**data) -> SilenceCutParams:
    form = SilenceCutForm(data)
    assert form.is_valid(), form.errors
    return SilenceCut().params(form.cleaned_data)


def test_timelines_come_along_when_asked_for(context):
    params = cleaned(keep=KEEP, exports=["otio", "edl", "fcpxml", "xml", "json"], render="encode")
    drafts = SilenceCut().run(context, params)
    made = {draft.path.suffix: draft for draft in drafts if draft.kind in ("timeline", "data")}
    assert [draft.kind for draft in drafts] == ["video", "captions", "captions", *["timeline"] * 4, "data"]
    assert made[".fcpxml"].name == "A talk (cut).fcpxml"
    timeline = otio.adapters.read_from_file(str(made[".otio"].path))
    spans = [(clip.source_range.start_time.value, clip.source_range.duration.value) for clip in timeline.tracks[0]]
    assert spans == [(10, 20), (50, 30)]
    assert timeline.tracks[0][0].media_reference.target_url == "my%20talk.mp4"
    for draft in made.values():
        assert str(context.source.parent) not in draft.path.read_text()
        assert draft.metadata["frame_rate"] == "25"
    assert json.loads(made[".json"].path.read_text())["result"]["duration"] == 2.0
    assert drafts[0].metadata["output_duration"] == 2.0


def test_timelines_can_stand_for_the_recording(context):
    drafts = SilenceCut().run(context, cleaned(keep=KEEP, exports=["edl"], render="none"))
    assert [draft.kind for draft in drafts] == ["captions", "captions", "timeline"]
    assert "00:00:00:10 00:00:01:05 01:00:00:00 01:00:00:20" in drafts[-1].path.read_text()


def test_captions_move_with_the_cut(context):
    subrip, webvtt, _ = SilenceCut().run(context, cleaned(keep=KEEP, render="none", exports=["json"]))
    assert subrip.media_type == "application/x-subrip"
    assert (webvtt.media_type, webvtt.name) == ("text/vtt", "A talk (cut).vtt")
    for draft in (subrip, webvtt):
        found = cues.parse(draft.path.read_text())
        assert [(one.text, one.start, one.end) for one in found] == [
            ("Word 1", Fraction(1, 5), Fraction(3, 5)),
            ("Word 3", Fraction(13, 10), Fraction(2)),
        ]


def test_the_page_and_the_api_choose_timelines_alike():
    assert cleaned(exports=["edl", "otio", "edl"]).exports == ("edl", "otio")
    assert cleaned().exports == ()
    for query, chosen in (("exports=edl&exports=xml", ("edl", "xml")), ("exports=", ()), ("pause_ms=", ())):
        page = SilenceCutForm(QueryDict(query))
        assert page.is_valid(), page.errors
        assert page.cleaned_data["exports"] == chosen


@pytest.mark.parametrize("data", [{"exports": ["avi"]}, {"exports": "edl"}, {"exports": 3}, {"render": "none"}])
def test_what_makes_no_sense_is_refused_at_its_field(data):
    assert list(SilenceCutForm(data).errors) == ["exports"]


def test_every_format_is_offered():
    assert [value for value, _ in SilenceCutForm.base_fields["exports"].choices] == list(exports.FORMATS)


@pytest.mark.parametrize("render", ["smart", "none"])
def test_a_transcript_follows_the_cut_without_listening_again(context, tmp_path, render):
    path = tmp_path / "transcript.json"
    said = transcribed.transcript((0.5, "kept one"), (1.3, "gone"), (2.2, "kept two"), pace=0.3)
    path.write_text(said.edited(0, "kept 1").dumps())
    with_words = dataclasses.replace(context, transcript=path)
    params = cleaned(keep=KEEP, render=render, exports=["json"])
    drafts = SilenceCut().run(with_words, params)
    files = [draft for draft in drafts if draft.kind == "captions" and draft.path.suffix == ".vtt"]
    assert [draft.name for draft in files] == ["A talk (cut).vtt", "A talk (cut).eng.vtt"]
    found = [(one.text, one.start, one.end) for one in cues.parse(files[1].path.read_text())]
    # Kept are 0.4 to 1.2, which comes first, and 2 to 3.2, which follows at 0.8.
    assert found == [
        ("kept 1", Fraction(1, 10), Fraction(7, 10)),
        ("kept two", Fraction(1), Fraction(16, 10)),
    ]
    if render == "smart":
        assert inspect(drafts[0].path).subtitles == ("und", "eng")
        # The silence between the two in what is kept: 0.1 s behind the one and 0.2 s before the other.
        (join,) = drafts[0].metadata["words"]["joins"]
        assert (join["before"], join["after"], join["distance"], join["at"]) == ("1", "kept", 0.3, 0.8)
        assert (drafts[0].metadata["words"]["touched"], join["touched"]) == (1, ["gone"])
        assert drafts[0].metadata["checked"].endswith(", 1 word touched")
        assert drafts[0].metadata["moments"] == [(0.8, "“1 … kept”, at the cost of “gone”")]
    assert not any("asr_worker" in command for command in context.log.commands)


def test_a_transcript_that_is_broken_is_no_reason_to_lose_a_cut(context, tmp_path):
    path = tmp_path / "transcript.json"
    path.write_text("{")
    drafts = SilenceCut().run(
        dataclasses.replace(context, transcript=path), cleaned(keep=KEEP, render="none", exports=["edl"])
    )
    assert [draft.kind for draft in drafts] == ["captions", "captions", "timeline"]
