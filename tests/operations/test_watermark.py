import io
from fractions import Fraction

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from jobs import storage
from jobs.engine.pipelines.probe import inspect
from jobs.engine.video import text_raster
from jobs.errors import InputError
from jobs.models import Job
from jobs.operations import registry
from jobs.operations.watermark import WatermarkParams
from jobs.services import images, parameters, videos
from tests import factories, media, pictures
from tests.api import Api, error


def parsed(**params):
    return parameters.parse("watermark", params)


def wrong(**params):
    with pytest.raises(ValidationError) as raised:
        parsed(**params)
    return raised.value.message_dict


# Parameters ----------------------------------------------------------------------------------------------------------


def test_a_text_alone_has_all_defaults():
    assert parsed(text="© Ann") == WatermarkParams(text="© Ann")
    assert WatermarkParams(text="© Ann").look.x_offset == 10


def test_without_image_and_text_there_is_nothing_to_draw():
    assert wrong() == {"image": ["Choose an image, or write a text."]}
    assert wrong(text=" \n\u202e\x07 ") == {"image": ["Choose an image, or write a text."]}


def test_the_centre_is_the_centre_unless_a_distance_is_given():
    assert (parsed(text="x", corner="center").x_offset, parsed(text="x", corner="center").y_offset) == (0, 0)
    assert parsed(text="x", corner="center", x_offset=-20).x_offset == -20


def test_from_a_corner_there_is_no_way_out_of_the_picture():
    assert set(wrong(text="x", x_offset=-1)) == {"x_offset"}


def test_an_end_before_the_start_is_refused():
    assert set(wrong(text="x", start=5, end="0:05")) == {"end"}
    assert parsed(text="x", start="1:05.5", end=70).look.start == Fraction(131, 2)


@pytest.mark.parametrize(
    "params", [{"scale": 0}, {"scale": 1.1}, {"opacity": 0}, {"opacity": 2}, {"fade": -1}, {"corner": "left"}]
)
def test_values_that_make_no_sense_are_refused(params):
    assert set(wrong(text="x", **params)) == set(params)


def test_an_image_wins_over_a_text():
    pk = "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"
    params = parsed(image=pk, text="x")
    assert (params.image, params.text) == (pk, "")


def test_parameters_survive_being_stored():
    params = parsed(text="x", start=1.5, corner="center")
    assert parameters.from_json("watermark", parameters.as_json(params)) == params


def test_a_start_after_the_end_of_the_recording_is_refused():
    with pytest.raises(InputError, match="ends after 10 s"):
        parameters.parse("watermark", {"text": "x", "start": 11}, factories.info())


def test_letters_that_no_font_has_are_named_before_any_work():
    with pytest.raises(InputError, match="cannot write “\U00013000”"):
        parameters.parse("watermark", {"text": "a\U00013000b"}, factories.info())


# Text ----------------------------------------------------------------------------------------------------------------


def test_a_text_is_as_wide_as_wished_and_cut_to_its_ink():
    for width in (60, 400):
        image = text_raster.drawn("Weekly review", width)
        assert abs(image.width - width) <= width * 0.05
        assert image.getbbox() == (0, 0, *image.size)


def test_letters_are_white_in_a_black_outline():
    pixels = np.asarray(text_raster.drawn("HHH", 300))
    solid = pixels[pixels[..., 3] == 255][:, 0]
    assert (solid > 250).sum() > 200
    assert (solid < 5).sum() > 200


def test_the_outline_is_as_wide_above_as_below_in_every_line():
    pixels = np.asarray(text_raster.drawn("HHH\nHHH\nHHH", 300))
    white, solid = (pixels[..., 0] > 128).any(1), (pixels[..., 3] > 128).any(1)
    edges = np.flatnonzero(np.diff(np.pad(white, 1).astype(int))).reshape(-1, 2)
    assert len(edges) == 3
    first, last = np.flatnonzero(solid)[[0, -1]]
    above = [edges[0][0] - first, *(start - 1 - np.flatnonzero(~solid[:start])[-1] for start, _ in edges[1:])]
    below = [*(np.flatnonzero(~solid[end:])[0] for _, end in edges[:-1]), last + 1 - edges[-1][1]]
    assert np.abs(np.subtract(above, below)).max() <= 1, (above, below)


HOSTILE = ["%{localtime}':x=0\\", "';drawtext=textfile=/etc/passwd'", "$(id)", "%s%n\\N{\\an8}", "<b>&amp;</b>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_drawn_letter_by_letter_whatever_it_says(text):
    assert text_raster.tidy(text) == text
    plain = text_raster.drawn(text, 400)
    assert plain.tobytes() != text_raster.drawn(text[:-1], 400).tobytes()


def test_lines_stay_lines():
    one, two = (text_raster.drawn(text, 200) for text in ("Ann Ann", "Ann Ann\nAnn Ann"))
    assert two.height > 1.7 * one.height


def test_a_server_without_fonts_still_writes_latin(monkeypatch):
    monkeypatch.setattr(text_raster, "installed", lambda: ())
    assert text_raster.font_for("Weekly review, 2026") is None
    assert text_raster.drawn("Ann", 100).width > 80
    with pytest.raises(InputError, match="as an image"):
        text_raster.font_for("Привет")


# The whole -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(db):
    storage.path("uploads").mkdir(parents=True, exist_ok=True)
    return factories.account()


@pytest.fixture
def talk(ann, tmp_path):
    file = storage.path("uploads") / "talk.mp4"
    media.video(file, "-vf", "format=gray,format=yuv420p", seconds=3)
    return videos.receive(ann, file, name="talk.mp4")


@pytest.fixture
def logo(ann):
    return images.receive(ann, pictures.written(storage.path("uploads") / "logo"), name="logo.png")


def asked(client, talk, **fields):
    query = {f"watermark-{name}": value for name, value in fields.items() if name != "at"}
    query |= {"at": fields["at"]} if "at" in fields else {}
    return client.get(reverse("video-preview", args=[talk.pk, "watermark"]), query)


def picture_of(response):
    assert response.headers["Content-Type"] == "image/jpeg", response.content[:300]
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"), np.int16)


@pytest.mark.django_db(transaction=True)
def test_a_job_makes_a_marked_recording(ann, talk, logo):
    from jobs import tasks

    body = {"video": str(talk.pk), "operation": "watermark", "params": {"image": str(logo.pk), "start": 1, "end": 2}}
    response = Api(ann).post("/jobs", body)
    assert response.status_code == 201, response.content
    tasks.run_job(response.json()["id"])
    job = Job.objects.get()
    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    artifact = job.artifacts.get()
    assert (artifact.kind, artifact.name, artifact.media_type) == ("video", "talk (marked).mp4", "video/mp4")
    assert artifact.metadata["frames"] == 75
    assert inspect(storage.path(artifact.key)).duration == talk.info.duration


def test_the_preview_shows_what_will_come_out(ann, talk, logo, client):
    client.force_login(ann)
    plain = picture_of(asked(client, talk, text=".", corner="bottom-right", scale=0.01, at=1))
    found = picture_of(asked(client, talk, image=logo.pk, x_offset=20, y_offset=30, scale=0.25, at=1))
    assert found.shape == plain.shape == (90, 160, 3)
    red = found[..., 0] - found[..., 1] > 90
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert np.abs(np.subtract((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), (20, 30, 60, 50))).max() <= 1
    assert np.abs(found[60:, :120] - plain[60:, :120]).max() < 30


def test_the_recording_as_it_is_and_a_text_alone_are_drawn_too(ann, talk, logo, client):
    client.force_login(ann)
    frame = picture_of(client.get(reverse("video-frame", args=[talk.pk]), {"at": "99"}))  # the last one, then
    assert frame.shape == (90, 160, 3)
    assert (frame[..., 0] - frame[..., 1]).max() < 30
    text = client.get(reverse("mark"), {"text": "Ann\nBob"})
    drawn = Image.open(io.BytesIO(text.content))
    assert (text.headers["Content-Type"], drawn.mode) == ("image/png", "RGBA")
    one, two = text_raster.drawn("Ann\nBob", 160).size, drawn.size
    assert two[0] / two[1] == pytest.approx(one[0] / one[1], rel=0.05)
    assert error(client.get(reverse("mark"))) == (422, "no_text")
    assert error(client.get(reverse("video-frame", args=[talk.pk]), {"at": "soon"})) == (422, "invalid")


def test_the_preview_goes_to_where_the_mark_shows(ann, talk, logo, client):
    client.force_login(ann)
    found = picture_of(asked(client, talk, image=logo.pk, start=2, fade=0.4, at=0.5))
    assert (found[..., 0] - found[..., 1]).max() > 150


def test_the_preview_says_what_is_wrong(ann, talk, client):
    client.force_login(ann)
    assert error(asked(client, talk)) == (422, "invalid")
    assert error(asked(client, talk, text="x", x_offset=160)) == (422, "outside")
    assert error(asked(client, talk, text="x", at="soon")) == (422, "invalid")
    assert client.get(reverse("video-preview", args=[talk.pk, "thumbnails"])).status_code == 404


def test_others_and_nobody_get_no_preview(talk, client):
    assert asked(client, talk, text="x").status_code in (302, 401)
    client.force_login(factories.account("bob@example.org"))
    assert asked(client, talk, text="x").status_code == 404


def test_the_page_offers_the_form_with_its_preview(ann, talk, client):
    client.force_login(ann)
    page = client.get(f"{talk.get_absolute_url()}?do=watermark").content.decode()
    assert f'data-preview="/videos/{talk.pk}/preview/watermark"' in page
    data = {"operations": "watermark", "watermark-image-file": SimpleUploadedFile("logo.png", pictures.logo())}
    assert client.post(reverse("video-run", args=[talk.pk]), data).status_code == 302
    assert talk.jobs.get().params["opacity"] == 1


def test_sound_alone_is_refused(ann):
    with pytest.raises(InputError, match="sound only"):
        parameters.parse("watermark", {"text": "x"}, factories.info(video=None))
    assert registry.get("watermark").accepts == "video"
