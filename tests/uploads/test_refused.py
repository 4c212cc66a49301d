"""Bytes that are refused when they have all arrived."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.models import Job, Upload, Video
from tests import media
from tests.site import Client, Site
from tests.tus import TUS, begun, patch, upload
from tests.uploads.parts import code, form_of, left, picture


def not_media(folder: Path) -> bytes:
    return b"just some text, which is no recording\n" * 100


def cut_off(folder: Path) -> bytes:
    return media.cut_bytes(media.video(folder / "whole.mp4", seconds=1), folder / "cut.mp4", 0.5).read_bytes()


def playlist(folder: Path) -> bytes:
    return b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"


@pytest.mark.parametrize("make", [not_media, picture, cut_off, playlist])
def test_what_is_no_recording_is_refused_and_nothing_is_left(
    site: Site, ann: Client, tmp_path: Path, make: Callable[[Path], bytes]
):
    before = left(site)
    data = make(tmp_path)
    location = begun(ann, len(data), filename="talk.mp4")
    answer = patch(ann, location, 0, data)
    assert answer.status_code == 415
    assert answer.json()["error"]["message"].endswith(".")
    assert left(site) == before
    assert ann.head(location, headers=TUS).status_code == 404
    with site.orm():
        assert not Upload.objects.filter(pk=location.rpartition("/")[2])
        assert not Video.objects.filter(pk=location.rpartition("/")[2])


def test_sound_is_needed_to_cut_silence(site: Site, ann: Client, tmp_path: Path):
    silent = media.video(tmp_path / "silent.mp4", "-an", seconds=1).read_bytes()
    before = left(site)
    answer = upload(ann, silent, filename="silent.mp4", work=form_of("silence-cut"))
    assert (answer.status_code, code(answer)) == (415, "no_audio")
    assert "no audio track" in answer.json()["error"]["message"]
    assert left(site) == before


def test_work_that_needs_a_picture_is_left_out_on_sound_alone(site: Site, ann: Client, tmp_path: Path):
    sound = media.audio(tmp_path / "sound.wav", seconds=1).read_bytes()
    work = f"{form_of('thumbnails')}&{form_of('silence-cut')}"
    answer = upload(ann, sound, filename="sound.wav", work=work)
    assert answer.status_code == 204, answer.text
    with site.orm():
        assert [job.operation for job in Job.objects.filter(video=answer.headers["Video-Id"])] == ["silence-cut"]
    assert "Thumbnails was left out: “sound” is sound only." in ann.get("/queue/").text


def test_sound_is_kept_when_nothing_of_the_work_fits(site: Site, ann: Client, tmp_path: Path):
    sound = media.audio(tmp_path / "sound.mp3", seconds=1).read_bytes()
    answer = upload(ann, sound, filename="sound.mp3", work=form_of("thumbnails"))
    with site.orm():
        assert Video.objects.get(pk=answer.headers["Video-Id"]).jobs.count() == 0


def test_sound_alone_is_welcome(site: Site, ann: Client, tmp_path: Path):
    answer = upload(ann, media.audio(tmp_path / "sound.mp3", seconds=1).read_bytes(), filename="sound.mp3")
    with site.orm():
        video = Video.objects.get(pk=answer.headers["Video-Id"])
    assert (video.kind, video.poster) == ("audio", "")
    assert video.key.endswith("/source.mp3")
