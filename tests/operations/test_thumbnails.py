import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from django.http import QueryDict
from PIL import Image

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, VideoTrack
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.video import thumbnails
from jobs.errors import Cancelled, InputError
from jobs.operations import registry
from jobs.operations.base import Context
from jobs.operations.forms import OperationForm, safe_name
from jobs.operations.thumbnails import Thumbnails, ThumbnailsForm, ThumbnailsParams
from tests.media import run_ffmpeg
from tests.picture_clips import clip, count_of, counted, solid

OPERATION = Thumbnails()
GROUPS_OF_TEN = {"crf": "12", "preset": "veryfast", "g": "10"}


def params(**data) -> ThumbnailsParams:
    form = ThumbnailsForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


def errors(**data) -> dict[str, list[str]]:
    return ThumbnailsForm(data).errors


def recording(seconds: str = "42.4") -> MediaInfo:
    return MediaInfo("mov", Fraction(seconds), 1000, video=VideoTrack(0, "h264", 160, 96))


@pytest.fixture
def context(tmp_path):
    def make(source: Path, title: str = "Talk", progress=lambda fraction, stage: None) -> Context:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return Context(source, inspect(source), {}, scratch, tmp_path, title, progress, CommandLog())

    return make


# Parameters


def test_nothing_given_means_the_defaults():
    assert params() == ThumbnailsParams(mode="even", count=6, times=(), width=640, format="jpeg")


def test_empty_fields_of_a_page_mean_the_defaults():
    form = ThumbnailsForm(QueryDict("mode=&count=&times=&width=&format="))

    assert form.is_valid()
    assert OPERATION.params(form.cleaned_data) == params()


def test_what_a_request_brought_is_not_written_to():
    query, data = QueryDict("count=3"), {"count": 3}

    assert ThumbnailsForm(query).is_valid()
    assert ThumbnailsForm(data).is_valid()
    assert query.urlencode() == "count=3"
    assert data == {"count": 3}


def test_a_prefixed_form_takes_its_own_fields():
    form = ThumbnailsForm(QueryDict("thumbnails-count=9&count=3"), prefix="thumbnails")

    assert form.is_valid()
    assert form.cleaned_data["count"] == 9


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("0:10, 1:05.5, 12", (10, 12, 65.5)),
        ("1:00:00", (3600,)),
        ("7;  3 \n 7", (3, 7)),
        ("0", (0,)),
        ([65.5, 3, 10], (3, 10, 65.5)),
        (["0:10", 2.25], (2.25, 10)),
        ((0.1, 0.2), (0.1, 0.2)),
        (4, (4,)),
    ],
)
def test_times_are_text_or_numbers_and_become_seconds(given, seconds):
    assert params(mode="times", times=given).times == seconds


@pytest.mark.parametrize("given", ["soon", "1:2:3:4", "-3", [-3], [None], [True], [float("nan")], "1e3", "٣", {"a": 1}])
def test_other_times_are_refused_with_a_hint(given):
    assert "1:05.5" in errors(mode="times", times=given)["times"][0]


def test_times_without_a_mode_are_what_is_wanted():
    assert params(times=[3]).mode == "times"


def test_the_mode_times_needs_times():
    assert "at least one time" in errors(mode="times")["times"][0]


def test_times_do_not_matter_when_evenly_spaced():
    assert params(mode="even", times="nonsense").times == ()


def test_there_is_an_end_to_how_many():
    assert "at most 100" in errors(mode="times", times=list(range(101)))["times"][0]
    assert len(params(times=list(range(100))).times) == 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 0),
        ("count", 101),
        ("count", "many"),
        ("width", 15),
        ("width", 3841),
        ("format", "gif"),
        ("mode", "worst"),
    ],
)
def test_values_out_of_range_are_refused(field, value):
    assert field in errors(**{field: value})


def test_parameters_go_to_json_and_back():
    wanted = params(times=[1.5, 3], format="webp", width=320)

    assert params(**json.loads(json.dumps(dataclasses.asdict(wanted)))) == wanted


def test_a_form_filled_from_kept_parameters_shows_the_times_as_text():
    html = str(ThumbnailsForm({"mode": "times", "times": [10, 65.5]})["times"])

    assert 'value="10, 65.5"' in html
    assert 'data-when="mode=times"' in html


def test_it_is_found_as_an_operation():
    assert registry.get("thumbnails").ticked
    assert issubclass(registry.get("thumbnails").form_class, OperationForm)


# What it refuses


def test_times_beyond_the_end_are_refused_with_the_duration():
    with pytest.raises(InputError, match=r"no picture at 42\.5 s: the recording is 42\.4 s long"):
        OPERATION.check(recording(), params(times=[3, 42.5]))


def test_the_very_end_is_not_beyond_it():
    OPERATION.check(recording(), params(times=[42.4]))
    OPERATION.check(recording("0.1"), params(times=[0.1]))


def test_sound_alone_is_refused():
    sound = MediaInfo("wav", Fraction(9), 1000, audio=(AudioTrack(0, "pcm_s16le", 48000, 2),))

    with pytest.raises(InputError, match="no picture"):
        OPERATION.check(sound, params())


# What it makes


def test_it_makes_evenly_spaced_pictures(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)

    drafts = OPERATION.run(context(source), params(count=5, width=80))

    assert [draft.metadata for draft in drafts] == [
        {"time": time, "width": 80, "height": 48} for time in (0.5, 1.5, 2.5, 3.5, 4.5)
    ]
    assert [draft.name for draft in drafts][:2] == ["Talk 01 0-00-00.jpg", "Talk 02 0-00-01.jpg"]
    assert {(draft.kind, draft.media_type) for draft in drafts} == {("image", "image/jpeg")}
    for draft, frame in zip(drafts, (5, 15, 25, 35, 45), strict=True):
        with Image.open(draft.path) as image:
            assert (image.format, image.size) == ("JPEG", (80, 48))
            assert count_of(image) == frame


@pytest.mark.parametrize(("kind", "ending"), [("jpeg", "jpg"), ("webp", "webp"), ("png", "png")])
def test_it_makes_pictures_at_given_times_in_each_format(tmp_path, context, kind, ending):
    source = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)

    drafts = OPERATION.run(context(source), params(times=[3.25, 0.1], format=kind))

    assert [draft.name for draft in drafts] == [f"Talk 01 0-00-00.{ending}", f"Talk 02 0-00-03.{ending}"]
    assert [draft.metadata["time"] for draft in drafts] == [0.1, 3.25]
    for draft, frame in zip(drafts, (1, 32), strict=True):
        with Image.open(draft.path) as image:
            assert (image.format, image.size) == (kind.upper(), (160, 96))
            assert count_of(image) == frame


def test_a_black_start_does_not_become_a_picture(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 50, lambda n: solid([0, 0, 0]) if n < 9 else counted(n), options=GROUPS_OF_TEN)

    first, *rest = OPERATION.run(context(source), params(count=3))

    with Image.open(first.path) as image:
        assert thumbnails.merit(image) == thumbnails.Merit.GOOD
        assert count_of(image) == int(first.metadata["time"] * 10)
    assert first.metadata["time"] < 5 / 3
    assert [draft.metadata["time"] for draft in rest] == [2.5, pytest.approx(25 / 6)]


def test_the_best_pictures_are_in_order_of_time_and_progress_never_falls(tmp_path, context):
    source = clip(
        tmp_path / "clip.mp4", 50, lambda n: solid([0, 0, 0]) if n < 20 else counted(n), options=GROUPS_OF_TEN
    )
    told = []

    drafts = OPERATION.run(
        context(source, progress=lambda fraction, stage: told.append(fraction)), params(mode="best", count=3)
    )

    times = [draft.metadata["time"] for draft in drafts]
    assert len(times) == 3
    assert times == sorted(times)
    assert times[0] >= 2
    for draft in drafts:
        with Image.open(draft.path) as image:
            assert count_of(image) == round(draft.metadata["time"] * 10)
    assert told == sorted(told)
    assert told[-1] == 1


def test_the_best_pictures_are_upright(tmp_path, context):
    clip(tmp_path / "flat.mp4", 20, options=GROUPS_OF_TEN)
    run_ffmpeg("-display_rotation", "90", "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "clip.mp4")

    (draft,) = OPERATION.run(context(tmp_path / "clip.mp4"), params(mode="best", count=1))

    assert (draft.metadata["width"], draft.metadata["height"]) == (96, 160)


def test_given_times_are_taken_at_their_word(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 20, lambda n: solid([0, 0, 0]) if n < 9 else counted(n))

    (draft,) = OPERATION.run(context(source), params(times=[0.5]))

    assert draft.metadata["time"] == 0.5


def test_progress_is_the_share_of_pictures_made(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 20)
    told = []

    OPERATION.run(context(source, progress=lambda fraction, stage: told.append((fraction, stage))), params(count=4))

    assert [fraction for fraction, _ in told] == [0, 0.25, 0.5, 0.75, 1]
    assert told[-1] == (1, "Picture 4 of 4")


def test_it_stops_when_progress_says_so(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 20)

    def stop(fraction, stage):
        if fraction >= 0.5:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        OPERATION.run(context(source, progress=stop), params(count=4))
    assert len(list((tmp_path / "scratch").iterdir())) == 2


def test_names_are_safe_on_every_system(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 20)

    (draft,) = OPERATION.run(context(source, title='../a:b?\r\n"c"'), params(count=1))

    assert draft.name == "a b c 01 0-00-01.jpg"
    assert draft.path.parent == tmp_path / "scratch"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Über uns – 1", "Über uns – 1.mp4"),
        ("...", "recording.mp4"),
        ("", "recording.mp4"),
        ("a\u202egpj.exe", "a gpj.exe.mp4"),
        ("ä" * 300, "ä" * 100 + ".mp4"),
    ],
)
def test_safe_names(stem, name):
    assert safe_name(stem, ".mp4") == name


# Sheets


def test_a_contact_sheet_holds_all_pictures(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)

    (draft,) = OPERATION.run(context(source), params(mode="sheet", count=4, width=80))

    assert draft.name == "Talk contact sheet.jpg"
    assert "time" not in draft.metadata  # it is no picture of one moment, and cannot become the poster
    with Image.open(draft.path) as image:
        assert image.size == (draft.metadata["width"], draft.metadata["height"]) == (2 * 80 + 24, 2 * 48 + 24)
        shown = [count_of(image.crop((x, y, x + 80, y + 40))) for y in (8, 64) for x in (8, 96)]
    assert shown == [6, 18, 31, 43]


def test_a_storyboard_comes_with_a_file_that_names_its_sheets(tmp_path, context):
    source = clip(tmp_path / "clip.mp4", 50, options=GROUPS_OF_TEN)

    sheet, cues = OPERATION.run(context(source), params(mode="storyboard", tile_width=80, format="webp"))

    assert (sheet.kind, sheet.name) == ("image", "Talk storyboard 01.webp")
    assert (cues.kind, cues.name, cues.media_type) == ("data", "Talk storyboard.vtt", "text/vtt")
    text = cues.path.read_text()
    assert text.startswith("WEBVTT\n")
    assert text.count("Talk%20storyboard%2001.webp#xywh=") == cues.metadata["count"] == 5
    with Image.open(sheet.path) as image:
        assert image.size == (5 * 80, 48)


def test_a_storyboard_has_the_one_width_that_was_named():
    assert params(mode="storyboard", width=320).tile_width == 320
    assert params(mode="storyboard", width=640, tile_width=100).tile_width == 100
    assert params(mode="storyboard").tile_width == 160
    assert params(mode="storyboard", width=640).tile_width == 320
    assert "tile_width" in errors(mode="storyboard", tile_width=321)
    assert params(mode="even", width=640).tile_width == 160


@pytest.mark.parametrize("mode", ["best", "sheet", "storyboard"])
def test_every_way_refuses_sound_alone(mode):
    sound = MediaInfo("wav", Fraction(9), 1000, audio=(AudioTrack(0, "pcm_s16le", 48000, 2),))

    with pytest.raises(InputError, match="no picture"):
        OPERATION.check(sound, params(mode=mode))


@pytest.mark.parametrize("mode", ["best", "sheet", "storyboard"])
def test_hdr_is_drawn_in_the_colours_of_sdr(tmp_path, context, mode):
    options = {"crf": "10", "x265-params": "log-level=none"}
    tags = {"colorspace": 9, "color_trc": 16, "color_primaries": 9, "color_range": 1}
    grey = (np.full((96, 160, 3), 0.5807) * 65535).astype(np.uint16)  # PQ of 203 nits, which is paper white
    source = clip(
        tmp_path / "clip.mp4",
        20,
        lambda n: grey,
        codec="libx265",
        pixels="yuv420p10le",
        options=options,
        matrix=9,
        tags=tags,
    )

    draft = OPERATION.run(context(source), params(mode=mode, count=1))[0]

    with Image.open(draft.path) as image:
        assert min(image.convert("RGB").getpixel((40, 30))) > 200  # as it is coded it would be 148
