"""How much room uploads may take, and a disk that is full."""

import io
import resource
import uuid
from collections.abc import Callable, Iterator

import pytest

from jobs import storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Room, Upload
from jobs.services import uploads
from tests import factories
from tests.site import Client, Site
from tests.tus import begin, begun, patch
from tests.uploads.parts import MIB, code, part_of, pending, stored


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


def test_a_full_disk_is_said_wherever_it_shows_first(make_web_site: Callable[..., Site]):
    """The kernel lets the web process write files up to a size only: as in a disk that fills up."""
    site = make_web_site()
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


def allow(site: Site, email: str, size: int) -> None:
    with site.orm():
        owner = Account.objects.get(email=email)
        Room.objects.update_or_create(pk=owner.pk, defaults={"gigabytes": size / 1024**3})


def test_tus_answers_413_before_anything_is_sent(site: Site):
    client = site.client("full@example.org")
    allow(site, "full@example.org", MIB)
    answer = begin(client, 5 * MIB, filename="talk.mp4")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "quota_full")
    assert "5 MB" in answer.json()["error"]["message"]
    location = begin(client, MIB, filename="talk.mp4").headers["Location"]
    assert patch(client, location, 0, b"x" * 1000).status_code == 204, "what was allowed goes on"
    allow(site, "full@example.org", 1)
    assert patch(client, location, 1000, b"x" * 1000).status_code == 204


@pytest.mark.parametrize("path", ["/submit/", "/api/v1/videos"])
def test_the_body_of_a_form_is_not_taken_in(site: Site, path: str):
    email = f"{uuid.uuid4().hex}@example.org"
    client = site.client(email)
    allow(site, email, MIB)
    answer = client.post(path, files={"file": ("talk.mp4", bytes(3 * MIB))})
    assert answer.status_code == 413
    assert "1 MB of your 1 MB are left" in answer.text
