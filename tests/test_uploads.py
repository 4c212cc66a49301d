"""Uploads by chunks, asked of the real web process; and the services behind them."""

import base64
import fcntl
import hashlib
import io
import os
import resource
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client as WebClient
from django.utils import timezone

from jobs import storage
from jobs.engine.runtime import subprocess_runner
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Image, Job, Upload, Video
from jobs.operations import registry
from jobs.services import parameters, uploads, videos
from tests import factories, media, pictures
from tests.site import Client, Site
from tests.tus import TUS, begin, begun, metadata, offset, patch, upload

MIB = 1024**2


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.video(tmp_path_factory.mktemp("uploads") / "talk.mp4", seconds=2).read_bytes()


@pytest.fixture
def ann(site: Site) -> Client:
    return site.client(f"{uuid.uuid4().hex}@example.org")


def part_of(site: Site, location: str) -> Path:
    return site.media / "uploads" / f"{location.rpartition('/')[2]}.part"


def left(site: Site) -> set[str]:
    """Everything that lies in the folders of uploads and recordings."""
    return {str(path) for folder in ("uploads", "videos") for path in (site.media / folder).glob("**/*")}


def code(answer) -> str:
    return answer.json()["error"]["code"]


# The way in ----------------------------------------------------------------------------------------------------------


def test_it_makes_a_recording_of_the_chunks(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="Team-Meeting_2024-05-01.txt")
    first = patch(ann, location, 0, talk[:20_000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "20000")
    assert offset(ann, location) == 20_000
    last = patch(ann, location, 20_000, talk[20_000:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(talk)))
    with site.orm():
        video = Video.objects.get(pk=last.headers["Video-Id"])
        assert not Upload.objects.filter(pk=location.rpartition("/")[2])
    assert video.title == "Team Meeting 2024-05-01"
    assert video.name == "Team-Meeting_2024-05-01.txt"
    assert video.key.endswith("/source.mp4"), "what it is comes from its content"
    assert video.sha256 == hashlib.sha256(talk).hexdigest()
    assert (site.media / video.key).read_bytes() == talk
    assert (site.media / video.poster).read_bytes().startswith(b"\xff\xd8\xff")
    assert video.info.video is not None and video.info.video.display_size == (160, 90)
    assert not part_of(site, location).exists()


def test_the_api_has_an_address_for_it_too(site: Site, talk: bytes):
    bearer = {"Authorization": f"Bearer {site.token('script@example.org')}"}
    script = site.client()
    sent = TUS | bearer | {"Upload-Length": str(len(talk)), "Upload-Metadata": metadata(filename="talk.mp4")}
    location = script.post("/api/v1/uploads", headers=sent).headers["Location"]
    assert location.startswith("/api/v1/uploads/")
    done = patch(script, location, 0, talk, **bearer)
    assert done.status_code == 204
    assert script.get(f"/api/v1/videos/{done.headers['Video-Id']}", headers=bearer).status_code == 200


def test_it_says_what_it_can_without_being_asked_who_one_is(site: Site):
    answer = site.client().options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(settings.UPLOAD_LIMIT_BYTES)
    assert set(answer.headers["Tus-Extension"].split(",")) >= {"creation", "termination", "expiration", "checksum"}


def test_it_takes_a_small_file_with_its_creation(site: Site, ann: Client, talk: bytes):
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Length": str(len(talk))}
    answer = ann.post("/uploads", data=talk, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == str(len(talk))
    with site.orm():
        assert Video.objects.filter(pk=answer.headers["Video-Id"])


def test_a_refused_creation_with_bytes_leaves_nothing(site: Site, ann: Client):
    before = left(site)
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Length": "10"}
    assert ann.post("/uploads", data=b"more than ten bytes", headers=headers).status_code == 413
    assert left(site) == before


def test_it_starts_the_work_that_was_ordered(site: Site, ann: Client, talk: bytes):
    answer = upload(ann, talk, filename="talk.mp4", work=form_of("thumbnails"))
    with site.orm():
        job = Job.objects.get(video=answer.headers["Video-Id"])
    assert job.operation == "thumbnails"
    assert site.wait_for_job(job.pk).status == "succeeded"


def form_of(slug: str) -> str:
    """The fields of the upload form with one operation chosen, as it is by default."""
    form = registry.get(slug).form_class(prefix=slug)
    fields = {field.html_name: field.value() for field in form if field.value() not in (None, False, "")}
    return "&".join([f"operations={slug}", *(f"{name}={value}" for name, value in fields.items())])


def test_wrong_work_is_refused_before_any_byte(site: Site, ann: Client):
    answer = begin(ann, 10, filename="talk.mp4", work="operations=paint-it-red")
    assert (answer.status_code, code(answer)) == (422, "invalid")
    assert "paint-it-red" in answer.json()["error"]["message"]


# Going on ------------------------------------------------------------------------------------------------------------


def test_a_chunk_that_does_not_fit_on_is_refused(ann: Client):
    location = begun(ann, 100)
    patch(ann, location, 0, b"x" * 10)
    for wrong in (0, 9, 11, 100):
        answer = patch(ann, location, wrong, b"y" * 10)
        assert (answer.status_code, code(answer)) == (409, "offset")
    assert offset(ann, location) == 10


def test_a_chunk_may_not_go_beyond_the_end(site: Site, ann: Client):
    location = begun(ann, 100)
    assert patch(ann, location, 0, b"x" * 101).status_code == 413
    assert offset(ann, location) == 0
    assert part_of(site, location).stat().st_size == 0


def test_the_size_of_the_part_file_is_the_truth(site: Site, ann: Client):
    location = begun(ann, 100)
    patch(ann, location, 0, b"x" * 50)
    os.truncate(part_of(site, location), 20)  # as after a power cut
    assert offset(ann, location) == 20
    assert patch(ann, location, 20, b"y" * 10).headers["Upload-Offset"] == "30"


def test_while_one_request_is_at_it_another_is_told_to_wait(site: Site, ann: Client):
    location = begun(ann, 100)
    with part_of(site, location).open("r+b") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert patch(ann, location, 0, b"x").status_code == 423
        assert ann.head(location, headers=TUS).status_code == 423
        assert ann.delete(location, headers=TUS).status_code == 423
    assert patch(ann, location, 0, b"x").status_code == 204


def test_the_same_chunk_sent_by_many_at_once_is_taken_once(site: Site, ann: Client):
    location, rounds = begun(ann, 100 * MIB), 4
    for number in range(rounds):
        chunk = bytes([number]) * MIB
        with ThreadPoolExecutor(6) as pool:
            sent = [pool.submit(patch, ann, location, number * MIB, chunk) for _ in range(6)]
            statuses = sorted(answer.result().status_code for answer in sent)
        assert statuses[0] == 204 and set(statuses[1:]) <= {409, 423}
    assert part_of(site, location).read_bytes() == b"".join(bytes([number]) * MIB for number in range(rounds))


def test_who_missed_the_last_answer_can_ask_again(ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="talk.mp4")
    video = patch(ann, location, 0, talk).headers["Video-Id"]
    again = ann.head(location, headers=TUS)
    assert again.headers["Upload-Offset"] == again.headers["Upload-Length"] == str(len(talk))
    assert again.headers["Video-Id"] == video


def test_what_is_whole_but_was_never_looked_at_is_finished_when_asked_for(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="talk.mp4")
    part_of(site, location).write_bytes(talk)  # the web process died before it could look
    answer = ann.head(location, headers=TUS)
    assert answer.headers["Upload-Offset"] == str(len(talk))
    with site.orm():
        assert Video.objects.filter(pk=answer.headers["Video-Id"])


def test_it_survives_a_restart_of_the_web_process(make_site: Callable[..., Site], talk: bytes):
    site = make_site()
    client = site.client("ann@example.org")
    location = begun(client, len(talk))
    patch(client, location, 0, talk[:1000])
    site.restart_web()
    client = site.client("ann@example.org")
    assert offset(client, location) == 1000
    assert patch(client, location, 1000, talk[1000:]).headers["Video-Id"]


def test_who_goes_on_may_order_other_work(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="talk.mp4", work=form_of("silence-cut"))
    patch(ann, location, 0, talk[:1000])
    wrong = patch(ann, location, 1000, talk[1000:], **{"Upload-Metadata": metadata(work="operations=paint-it-red")})
    assert (wrong.status_code, code(wrong)) == (422, "invalid")
    assert offset(ann, location) == 1000
    other = {"Upload-Metadata": metadata(work=form_of("thumbnails"))}
    done = patch(ann, location, 1000, talk[1000:], **other)
    with site.orm():
        assert [job.operation for job in Job.objects.filter(video=done.headers["Video-Id"])] == ["thumbnails"]


def test_it_can_be_given_up(site: Site, ann: Client):
    location = begun(ann, 100)
    patch(ann, location, 0, b"x" * 10)
    assert ann.delete(location, headers=TUS).status_code == 204
    assert ann.head(location, headers=TUS).status_code == 404
    assert not part_of(site, location).exists()


def test_a_method_can_be_said_in_a_header(ann: Client):
    location = begun(ann, 100)
    headers = TUS | {"X-HTTP-Method-Override": "DELETE"}
    assert ann.post(location, headers=headers).status_code == 204
    assert ann.head(location, headers=TUS).status_code == 404


# Checksums -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_damaged_chunk_is_refused(ann: Client, algorithm: str):
    location, chunk = begun(ann, 100), b"x" * 10
    digest = base64.b64encode(hashlib.new(algorithm, chunk).digest()).decode()
    damaged = patch(ann, location, 0, b"y" * 10, **{"Upload-Checksum": f"{algorithm} {digest}"})
    assert (damaged.status_code, code(damaged)) == (460, "checksum")
    assert offset(ann, location) == 0
    assert patch(ann, location, 0, chunk, **{"Upload-Checksum": f"{algorithm} {digest}"}).status_code == 204


@pytest.mark.parametrize("header", ["crc32 AAAA", "sha1", "sha1 not~base64", "", "sha1 \u00e9"])
def test_a_checksum_that_cannot_be_read_is_refused(ann: Client, header: str):
    location = begun(ann, 100)
    answer = patch(ann, location, 0, b"x", **{"Upload-Checksum": header})
    assert answer.status_code in (400, 460)
    assert offset(ann, location) == 0


# Who may -------------------------------------------------------------------------------------------------------------


def test_the_upload_of_another_is_not_there(site: Site, ann: Client):
    location = begun(ann, 100)
    bob = site.client("bob@example.org")
    assert bob.head(location, headers=TUS).status_code == 404
    assert patch(bob, location, 0, b"x").status_code == 404
    assert bob.delete(location, headers=TUS).status_code == 404
    assert patch(ann, location, 0, b"x").status_code == 204


def test_the_finished_upload_of_another_is_not_there_either(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk))
    patch(ann, location, 0, talk)
    assert site.client("bob@example.org").head(location, headers=TUS).status_code == 404


def test_nobody_is_asked_to_sign_in(site: Site, ann: Client):
    location = begun(ann, 100)
    nobody = site.client()
    for answer in (begin(nobody, 100), patch(nobody, location, 0, b"x"), nobody.head(location, headers=TUS)):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_needs_a_csrf_token_and_a_bearer_does_not(site: Site, ann: Client):
    location = begun(ann, 100)
    assert code(patch(ann, location, 0, b"x", **{"X-CSRFToken": ""})) == "csrf"
    assert begin(ann, 100, {"X-CSRFToken": "0" * 32}).status_code == 403
    assert ann.delete(location, headers=TUS | {"X-CSRFToken": ""}).status_code == 403
    token = {"Authorization": f"Bearer {site.token('carl@example.org')}"}
    answer = begin(site.client(), 100, token)
    assert answer.status_code == 201
    assert patch(site.client(), answer.headers["Location"], 0, b"x", **token).status_code == 204


@pytest.mark.parametrize("secret", ["", "vs_wrong", "\u00e9", "x" * 5000])
def test_a_wrong_token_opens_nothing(site: Site, ann: Client, secret: str):
    headers = {"Authorization": f"Bearer {secret}".encode("latin-1")}
    assert begin(ann, 100, headers).status_code == 401, "not even beside a good session"


# Nonsense ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "status"),
    [("0", 415), ("-1", 400), ("1e9", 400), ("", 400), ("1.5", 400), ("9" * 40, 400), ("9" * 19, 413), ("0x10", 400)],
)
def test_an_absurd_length_is_refused(ann: Client, length: str, status: int):
    answer = begin(ann, length)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("wrong", ["-1", "", "x", "9" * 30, "1 2"])
def test_an_absurd_offset_is_refused(ann: Client, wrong: str):
    location = begun(ann, 100)
    assert patch(ann, location, wrong, b"x").status_code == 400
    assert offset(ann, location) == 0


@pytest.mark.parametrize(
    "header", ["filename ~~~", "filename /w==", "filename YQ==,,title ~", "a b c d", "filename =a"]
)
def test_metadata_that_cannot_be_read_is_refused(ann: Client, header: str):
    answer = ann.post("/uploads", headers=TUS | {"Upload-Length": "10", "Upload-Metadata": header})
    assert (answer.status_code, code(answer)) == (400, "bad_request")


@pytest.mark.parametrize(
    "header", ["", "filename", "filename ,  other", "is_confidential,filename YQ==", ",", "other eA=="]
)
def test_metadata_may_be_scarce(ann: Client, header: str):
    answer = ann.post("/uploads", headers=TUS | {"Upload-Length": "10", "Upload-Metadata": header})
    assert answer.status_code == 201


def test_huge_headers_are_refused_and_the_server_goes_on(ann: Client):
    many = {f"X-{number}": "A" * 5000 for number in range(4)}
    for huge in ({"Upload-Metadata": "a " + "A" * 100_000}, many):
        answer = ann.post("/uploads", headers=TUS | {"Upload-Length": "10"} | huge)
        assert (answer.status_code, code(answer)) == (431, "headers_too_long")
    assert begin(ann, 10).status_code == 201


def test_a_client_of_another_version_is_told_ours(ann: Client):
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = ann.post("/uploads", headers=headers | {"Upload-Length": "10"})
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


def test_an_unknown_length_is_not_supported(ann: Client):
    assert ann.post("/uploads", headers=TUS | {"Upload-Defer-Length": "1"}).status_code == 400


def test_bytes_of_another_content_type_are_refused(ann: Client):
    location = begun(ann, 100)
    answer = patch(ann, location, 0, b"x", **{"Content-Type": "application/octet-stream"})
    assert (answer.status_code, code(answer)) == (415, "content_type")


def test_other_methods_are_not_for_uploads(ann: Client):
    location = begun(ann, 100)
    assert ann.get(location, headers=TUS).status_code == 405
    assert ann.put(location, headers=TUS).status_code == 405
    assert ann.patch("/uploads", headers=TUS).status_code == 405


@pytest.mark.parametrize("streamed", [False, True], ids=["length said", "length not said"])
def test_a_chunk_over_the_limit_is_refused(site: Site, ann: Client, streamed: bool):
    location = begun(ann, 100 * MIB)
    data = iter([b"x" * MIB] * 9) if streamed else b"x" * (8 * MIB + 1)
    answer = patch(ann, location, 0, data)
    assert (answer.status_code, code(answer)) == (413, "too_large")
    assert "8 MB" in answer.json()["error"]["message"]
    assert part_of(site, location).stat().st_size == 0


def test_a_chunk_of_just_the_limit_is_taken(ann: Client):
    location = begun(ann, 100 * MIB)
    assert patch(ann, location, 0, b"x" * 8 * MIB).headers["Upload-Offset"] == str(8 * MIB)


# Refused bytes -------------------------------------------------------------------------------------------------------


def not_media(folder: Path) -> bytes:
    return b"just some text, which is no recording\n" * 100


def picture(folder: Path) -> bytes:
    return media.still(folder / "picture.png").read_bytes()


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


# Services ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def owner(db: None) -> Account:
    return factories.account()


def pending(owner: Account, data: bytes = b"", length: int = 100) -> Upload:
    upload = uploads.begin(owner, name="talk.mp4", length=length)
    storage.upload_path(upload.pk).write_bytes(data)
    return upload


def stored() -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    return {str(path.relative_to(root)) for path in root.glob("*/**/*") if path.is_file()}


def test_a_file_that_the_disk_cannot_take_is_refused_at_once(owner: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "free_bytes", lambda: 3 * 1024**3)
    with pytest.raises(ResourceError, match=r"5\.0 GB.*2\.5 GB") as refusal:
        uploads.begin(owner, name="talk.mp4", length=5 * 1024**3)
    assert refusal.value.code == "disk_full"
    assert not Upload.objects.exists() and not stored()


def test_what_other_uploads_were_promised_is_not_promised_twice(owner: Account, monkeypatch: pytest.MonkeyPatch):
    gib = 1024**3
    monkeypatch.setattr(storage, "free_bytes", lambda: 10 * gib)
    first = uploads.begin(factories.account("bob@example.org"), name="talk.mp4", length=6 * gib)
    with pytest.raises(ResourceError, match=r"5\.0 GB.*3\.5 GB"):
        uploads.begin(owner, name="talk.mp4", length=5 * gib)
    monkeypatch.setattr(storage, "free_bytes", lambda: 8 * gib)  # what has arrived is not free any more
    Upload.objects.filter(pk=first.pk).update(offset=2 * gib)
    with pytest.raises(ResourceError, match=r"3\.5 GB only"):
        uploads.begin(owner, name="talk.mp4", length=5 * gib)
    uploads.abort(first)
    assert uploads.begin(owner, name="talk.mp4", length=5 * gib)


def test_a_chunk_leaves_the_margin_free(owner: Account, monkeypatch: pytest.MonkeyPatch):
    upload = pending(owner, b"x" * 10)
    with monkeypatch.context() as full:
        full.setattr(storage, "free_bytes", lambda: uploads.MARGIN_BYTES - 1)
        with pytest.raises(ResourceError, match="is kept") as refusal:
            uploads.append(upload, 10, io.BytesIO(b"y"))
    assert refusal.value.code == "disk_full"
    assert uploads.append(upload, 10, io.BytesIO(b"y")) == 11


def test_an_owner_has_only_so_many_uploads_open(owner: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MOST_OPEN", 2)
    first, _ = pending(owner), pending(owner)
    with pytest.raises(InputError, match=r"2 unfinished uploads\. Finish or discard") as refusal:
        pending(owner)
    assert refusal.value.code == "too_many"
    assert pending(factories.account("bob@example.org")), "others' uploads do not count"
    uploads.abort(first)
    assert pending(owner)


def test_one_owner_cannot_keep_all_of_the_disk_from_others(owner: Account, monkeypatch: pytest.MonkeyPatch):
    gib = 1024**3
    monkeypatch.setattr(storage, "free_bytes", lambda: 12 * gib + uploads.MARGIN_BYTES)
    bob = factories.account("bob@example.org")
    first = uploads.begin(owner, name="talk.mp4", length=5 * gib)
    with pytest.raises(InputError, match=r"need 5\.0 GB.*more than 6\.0 GB.*Finish or discard") as refusal:
        uploads.begin(owner, name="talk.mp4", length=2 * gib)
    assert refusal.value.code == "too_many"
    assert uploads.begin(bob, name="talk.mp4", length=6 * gib), "a single one may be as large as there is room"
    Upload.objects.filter(pk=first.pk).update(offset=4 * gib)
    assert uploads.begin(owner, name="talk.mp4", length=2 * gib), "what has arrived is not kept free any more"


def test_who_has_too_many_uploads_open_is_told_so(ann: Client):
    for _ in range(uploads.MOST_OPEN):
        begun(ann, 10)
    refusal = begin(ann, 10)
    assert (refusal.status_code, code(refusal)) == (429, "too_many")
    assert "unfinished uploads" in refusal.json()["error"]["message"]


@pytest.fixture
def small_disk() -> Iterator[int]:
    """The kernel lets no file grow beyond this many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield 1_000_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_no_more_than_the_chunk(owner: Account, small_disk: int):
    upload = pending(owner, b"x" * 900_000, length=3_000_000)
    with pytest.raises(ResourceError) as refusal:
        uploads.append(upload, 900_000, io.BytesIO(b"y" * 500_000))
    assert refusal.value.code == "disk_full"
    assert storage.upload_path(upload.pk).read_bytes() == b"x" * 900_000
    assert uploads.append(upload, 900_000, io.BytesIO(b"z" * 1000)) == 901_000


def test_a_full_disk_is_said_wherever_it_shows_first(make_site: Callable[..., Site]):
    """The kernel lets the web process write files up to a size only: as in a disk that fills up."""
    site = make_site()
    client, web = site.client("ann@example.org"), site.processes["web"].pid
    location = begun(client, 100 * MIB)
    for number in range(2):
        assert patch(client, location, number * 8 * MIB, bytes(8 * MIB)).status_code == 204
    for limit in (20 * MIB, 4 * MIB):  # no room for the upload to grow; no room for the body on its way in
        resource.prlimit(web, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        answer = patch(client, location, 16 * MIB, bytes(8 * MIB))
        assert (answer.status_code, code(answer)) == (507, "disk_full")
        assert "disk is full" in answer.json()["error"]["message"]
        assert part_of(site, location).stat().st_size == 16 * MIB
    resource.prlimit(web, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert patch(client, location, 16 * MIB, bytes(8 * MIB)).headers["Upload-Offset"] == str(24 * MIB)


def test_a_break_in_the_middle_of_a_chunk_costs_no_more_than_the_chunk(owner: Account):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the client is gone")
            return super().read(size)

    upload = pending(owner, b"x" * 10, length=10 * MIB)
    with pytest.raises(OSError, match="gone"):
        uploads.append(upload, 10, Broken(b"y" * MIB))
    assert uploads.received(upload) == 10


def test_a_lost_database_does_not_cost_the_upload(owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch):
    upload = pending(owner, talk, length=len(talk))
    with monkeypatch.context() as broken:

        def save(self, **options):
            raise OperationalError("the database went away")

        broken.setattr(Video, "save", save)
        with pytest.raises(OperationalError):
            uploads.finish(upload)
    assert stored() == {f"uploads/{upload.pk}.part"}
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()
    assert not (Path(settings.MEDIA_ROOT) / "uploads" / f"{upload.pk}.part").exists()


def test_a_server_without_room_to_look_does_not_cost_the_upload(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
):
    upload = pending(owner, talk, length=len(talk))
    with monkeypatch.context() as full:

        def probe(*args, **options):
            raise ResourceError("The server's disk is full. Make room, then try again.", code="disk_full")

        full.setattr(videos, "probe", probe)
        with pytest.raises(ResourceError):
            uploads.finish(upload)
    assert stored() == {f"uploads/{upload.pk}.part"}
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


def test_a_look_that_the_kernel_ended_does_not_cost_the_upload(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
):
    upload = pending(owner, talk, length=len(talk))
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with monkeypatch.context() as short_of_memory:
        short_of_memory.setattr("jobs.engine.pipelines.probe.command", lambda path, poster: killed)
        with pytest.raises(ResourceError, match="Try again"):
            uploads.finish(upload)
    assert stored() == {f"uploads/{upload.pk}.part"}
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


@pytest.mark.parametrize("name", ["talk.mp4", "logo.png"])
def test_a_server_too_slow_to_look_does_not_cost_the_upload(
    owner: Account, talk: bytes, name: str, monkeypatch: pytest.MonkeyPatch
):
    """On the clock; processor time of its own is what a file is judged by."""
    data = talk if name == "talk.mp4" else pictures.logo()
    kind = Upload.Kind.RECORDING if name == "talk.mp4" else Upload.Kind.IMAGE
    upload = uploads.begin(owner, name=name, length=len(data), kind=kind)
    client = WebClient()
    client.force_login(owner)
    headers = {**TUS, "Upload-Offset": "0"}
    body = "application/offset+octet-stream"
    with monkeypatch.context() as overloaded:
        hurried = subprocess_runner.Limits(wall_seconds=0.01)
        overloaded.setattr("jobs.engine.pipelines.probe.limits", lambda size: hurried)
        overloaded.setattr("jobs.engine.probe.image_sanitizer.LIMITS", hurried)
        answer = client.patch(f"/uploads/{upload.pk}", data, content_type=body, headers=headers)
        assert (answer.status_code, code(answer)) == (503, "server_busy")
        assert int(answer["Retry-After"]) > 0
        assert stored() == {f"uploads/{upload.pk}.part"}
    answer = client.head(f"/uploads/{upload.pk}", headers=TUS)
    assert answer.status_code == 200 and ("Video-Id" in answer or "Image-Id" in answer), "without a byte sent again"


def test_what_nobody_goes_on_with_is_cleared_away(owner: Account):
    old, young = pending(owner, b"old"), pending(owner, b"young")
    Upload.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert uploads.expire() == 1
    assert set(Upload.objects.all()) == {young}
    assert stored() == {f"uploads/{young.pk}.part"}


def test_an_upload_under_way_does_not_expire(owner: Account):
    upload = pending(owner, b"x")
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with storage.upload_path(upload.pk).open() as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert uploads.expire() == 0
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    uploads.append(upload, 1, io.BytesIO(b"y"))
    assert uploads.expire() == 0, "every chunk puts it off"


def test_files_without_an_upload_are_cleared_away_once_they_are_old(owner: Account):
    kept = pending(owner, b"kept")
    folder = storage.upload_path(kept.pk).parent
    names = [f"{uuid.uuid4()}.part", "tmpabcdef.upload.mp4", f"{uuid.uuid4()}.poster.jpg"]
    for name in names:
        (folder / name).write_bytes(b"left behind")
    assert uploads.expire() == 0
    long_ago = time.time() - 2 * uploads.ORPHANED_SECONDS
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert uploads.expire() == 3
    assert stored() == {f"uploads/{kept.pk}.part"}


def test_work_is_started_after_a_crash_before_it(owner: Account, talk: bytes):
    work = {"thumbnails": parameters.as_json(parameters.parse("thumbnails", {}))}
    upload = uploads.begin(owner, name="talk.mp4", length=len(talk), work=work)
    path = storage.upload_path(upload.pk)
    path.write_bytes(talk)
    video = videos.receive(owner, path, name="talk.mp4", pk=upload.pk)  # and here the process ended
    uploads.expire()
    assert [job.operation for job in video.jobs.all()] == ["thumbnails"]
    assert not Upload.objects.exists()
    videos.start(video, work)
    assert video.jobs.count() == 1, "each job is made once"


def test_the_same_bytes_are_told_apart_only_when_asked_to(owner: Account, talk: bytes):
    def receive(who: Account, **options: bool) -> Video:
        file = storage.upload_path(uuid.uuid4())
        file.write_bytes(talk)
        return uploads.receive(who, file, name="talk.mp4", **options)

    first = receive(owner)
    with pytest.raises(uploads.DuplicateVideo) as refusal:
        receive(owner, allow_duplicate=False)
    assert refusal.value.video == first
    assert receive(owner) != first
    assert receive(factories.account("bob@example.org"), allow_duplicate=False), "others' recordings do not count"
    assert not [name for name in stored() if name.startswith("uploads/")]


def test_a_deleted_recording_leaves_nothing(owner: Account, talk: bytes):
    file = storage.upload_path(uuid.uuid4())
    file.write_bytes(talk)
    work = {"thumbnails": parameters.as_json(parameters.parse("thumbnails", {}))}
    video = uploads.receive(owner, file, name="talk.mp4", work=work)
    assert stored() and video.jobs.count() == 1
    videos.delete(video)
    assert not stored()
    assert not Job.objects.exists() and not Video.objects.exists()


def test_unknown_work_is_refused(owner: Account, talk: bytes):
    file = storage.upload_path(uuid.uuid4())
    file.write_bytes(talk)
    with pytest.raises(InputError, match="paint-it-red"):
        uploads.receive(owner, file, name="talk.mp4", work={"paint-it-red": {}})
    assert not stored()


def test_metadata_carries_any_name(site: Site, ann: Client, talk: bytes):
    answer = upload(ann, talk, filename="../../Besuch \u202eder\x07 K\u00f6nigin \U0001f3a5.mp4", title="")
    with site.orm():
        video = Video.objects.get(pk=answer.headers["Video-Id"])
    assert video.name == "Besuch der K\u00f6nigin \U0001f3a5.mp4"
    assert video.title == "Besuch der K\u00f6nigin \U0001f3a5"
    assert metadata(filename="a") == "filename YQ=="


# Images --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [{"filename": "logo.PNG"}, {"kind": "image"}, {"filetype": "image/png"}])
def test_an_image_comes_the_same_way(site: Site, ann: Client, tmp_path: Path, said: dict[str, str]):
    data = picture(tmp_path)
    location = begun(ann, len(data), **said)
    answer = patch(ann, location, 0, data)
    pk = location.rpartition("/")[2]
    assert (answer.status_code, answer.headers["Image-Id"]) == (204, pk)
    again = ann.head(location, headers=TUS)
    assert (again.status_code, again.headers["Image-Id"]) == (200, pk)
    with site.orm():
        assert not Upload.objects.filter(pk=pk)
        kept = Image.objects.get(pk=pk)
        assert (kept.width, kept.height) == (64, 36)


def test_a_recording_that_claims_to_be_an_image_is_refused(site: Site, ann: Client, tmp_path: Path):
    before = left(site)
    answer = upload(ann, media.video(tmp_path / "talk.mp4", seconds=1).read_bytes(), kind="image")
    assert (answer.status_code, code(answer)) == (415, "not_image")
    assert left(site) == before


def test_the_page_expects_recordings_only(site: Site, ann: Client, tmp_path: Path):
    answer = upload(ann, picture(tmp_path), filename="logo.png", kind="recording")
    assert (answer.status_code, code(answer)) == (415, "image")


def test_an_image_of_unlikely_size_is_refused_at_once(ann: Client):
    answer = begin(ann, 100 * MIB, kind="image")
    assert (answer.status_code, code(answer)) == (413, "too_large")
