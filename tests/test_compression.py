"""Text answers are compressed as the client takes them, and nothing else is."""

import gzip
from pathlib import Path

import brotli
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client as DjangoClient

from jobs.models import Artifact, Job
from tests import factories, media
from tests.site import Client, Site
from videoservice.compression import CompressionMiddleware, accepted

EMAIL = "ann@example.org"
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd", "Accept": "text/html"}


@pytest.fixture(scope="module")
def ann(site: Site) -> Client:
    """With 50 rows."""
    client = site.client("rows@example.org")
    owner = site.account("rows@example.org")
    with site.orm():
        for number in range(50):
            factories.job(owner, status=Job.Status.FAILED, video=factories.video(owner, title=f"Talk {number}"))
    return client


def raw(client: Client, path: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    """The bytes as they came over the line."""
    answer = client.get(path, headers=headers, stream=True)
    assert answer.status_code == 200
    content = answer.raw.read(decode_content=False)
    assert int(answer.headers["Content-Length"]) == len(content)
    return content, dict(answer.headers)


@pytest.mark.parametrize("path", ["/queue/", "/", "/api/v1/jobs?limit=50", "/queue/rows/?view=queue"])
def test_pages_and_calls_are_compressed_as_the_client_takes_them(ann: Client, path: str):
    plain, headers = raw(ann, path, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in headers and "Accept-Encoding" in headers["Vary"]
    for sent, encoding, decompress in (
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
    ):
        content, headers = raw(ann, path, **{"Accept-Encoding": sent})
        assert headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in headers["Vary"]
        assert len(content) < len(plain) / 4
        assert abs(len(decompress(content)) - len(plain)) < 100, "whole, but for the times that it says"


def test_the_length_of_an_answer_is_hidden(ann: Client):
    lengths = {len(raw(ann, "/api/v1/jobs?limit=50", **BROWSER)[1].get("X-Padding", "")) for _ in range(20)}
    assert len(lengths) > 3


def test_errors_are_compressed_too(site: Site):
    answer = site.client().get("/nothing-here/", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers.get("Content-Encoding") == "br"
    assert "<!DOCTYPE html>" in answer.text


def test_files_ranges_and_what_is_compressed_already_are_left_alone(site: Site, tmp_path: Path):
    client = site.client(EMAIL)
    path = media.audio(tmp_path / "talk.wav", seconds=3)
    with path.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": ("talk.wav", file)}).json()["id"]
    owner = site.account(EMAIL)
    key = f"artifacts/text-{video}/words.txt"
    (site.media / key).parent.mkdir(parents=True)
    (site.media / key).write_text("word " * 1000)
    with site.orm():
        job = factories.job(owner, status=Job.Status.SUCCEEDED, video=factories.video(owner))
        artifact = Artifact.objects.create(
            job=job, kind="text", name="words.txt", key=key, size=5000, media_type="text/plain"
        )
    for name in (f"/videos/{video}/file", f"/artifacts/{artifact.pk}/file"):
        whole = client.get(name, headers=BROWSER)
        part = client.get(name, headers=BROWSER | {"Range": "bytes=100-1999"})
        assert "Content-Encoding" not in whole.headers and not whole.headers["ETag"].startswith("W/")
        assert "Content-Encoding" not in part.headers
        assert (part.status_code, part.content) == (206, whole.content[100:2000])
    levels = client.get(f"/videos/{video}/levels", headers={"Accept-Encoding": "gzip, br"})
    assert levels.headers["Content-Encoding"] == "gzip", "its own"
    styles = client.get("/api/v1/docs").text.partition('href="/static/')[2].partition('"')[0]
    assert "X-Padding" not in client.get(f"/static/{styles}", headers=BROWSER).headers, "whitenoise has files for it"


def answered(response: HttpResponse, encodings: str = "br") -> HttpResponse:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_ENCODING"] = encodings
    made = CompressionMiddleware(lambda request: response)(request)
    assert isinstance(made, HttpResponse)
    return made


@pytest.mark.parametrize(("etag", "sent"), [('"a"', 'W/"a"'), ('W/"a"', 'W/"a"')])
def test_an_etag_of_exact_bytes_becomes_one_of_the_same_text(etag: str, sent: str):
    assert answered(HttpResponse("a" * 2000, headers={"ETag": etag})).headers["ETag"] == sent


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse("short"),
        HttpResponse(b"1" * 2000, content_type="image/jpeg"),
        HttpResponse("a" * 2000, headers={"Content-Encoding": "gzip"}),
        HttpResponse("a" * 2000, status=206, headers={"Content-Range": "bytes 0-1999/4000"}),
    ],
)
def test_what_gains_nothing_is_left_alone(response: HttpResponse):
    before = response.content
    assert answered(response).content == before


def test_the_weights_of_encodings_are_read():
    assert accepted("gzip;q=1.0, br ; q=0, deflate;q=0.000, zstd;q=0.1") == {"gzip", "zstd"}
    assert accepted("") == {""}


@pytest.mark.django_db
def test_a_csrf_token_looks_different_each_time():
    """Else the length of compressed pages could tell it."""
    client = DjangoClient()
    tokens = {client.get("/accounts/login/").context["csrf_token"] for _ in range(2)}
    assert len({str(token) for token in tokens}) == 2
