"""The poster that comes with it."""

from PIL import Image

from jobs.engine.pipelines import probe
from tests import media


def test_a_poster_that_cannot_be_made_fails_nothing(mp4, tmp_path):
    found = probe.probe(mp4, poster=tmp_path / "missing" / "poster.jpg")
    assert found.poster is None
    assert found.info.video is not None


def test_a_poster_is_an_upright_picture(mp4, shelf, tmp_path):
    path = media.remuxed(mp4, shelf / "portrait.mp4", before=("-display_rotation:v:0", -90))
    found = probe.probe(path, poster=tmp_path / "poster.jpg")
    assert found.poster == tmp_path / "poster.jpg"
    with Image.open(found.poster) as image:
        assert image.format == "JPEG"
        assert (image.width, image.height) == (90, 160), "upright, and no larger than the recording"
        assert max(high for _, high in image.getextrema()) > 100, "not black"


def test_sound_has_no_poster(shelf, tmp_path):
    assert probe.probe(media.audio(shelf / "plain.wav"), poster=tmp_path / "poster.jpg").poster is None
    assert not (tmp_path / "poster.jpg").exists()
