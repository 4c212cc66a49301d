"""Files of a bucket as answers: who may have them is led there by an address that is signed for this file alone."""

import hashlib
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.urls import reverse

from jobs import storage
from jobs.storage.address import bucket_origin, parsed
from jobs.storage.s3 import S3Store
from tests import factories

CONTENT = bytes(range(256)) * 40
HASH = hashlib.sha256(CONTENT).hexdigest()
SHOWN = storage.Shown("a.mp4", "video/mp4", "inline")


@pytest.fixture
def ann(db):
    return factories.account()


@pytest.fixture
def video(ann, site_in_bucket, tmp_path: Path):
    video = factories.video(ann, name="Grüße.mp4", key="videos/7/source.mp4", sha256=HASH, size=len(CONTENT))
    file = tmp_path / "source.mp4"
    file.write_bytes(CONTENT)
    storage.publish(file, video.key, HASH)
    return video


@pytest.fixture
def address(video):
    return reverse("video-file", args=[video.pk])


def asked(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_a_player_is_led_to_the_bucket_and_gets_ranges_there(client, ann, address):
    client.force_login(ann)
    answer = client.get(address)
    assert answer.status_code == 302 and answer["Cache-Control"] == "no-store" and not answer.content
    status, body, headers = asked(answer["Location"], Range="bytes=10-19")
    assert (status, body) == (206, CONTENT[10:20])
    assert headers["Content-Type"] == "video/mp4" and headers["Content-Disposition"].startswith("inline")
    assert "max-age" in headers["Cache-Control"]
    assert client.get(address)["Location"] == answer["Location"]  # so that browsers find what they have


def test_a_download_has_the_right_name(client, ann, address):
    client.force_login(ann)
    _, body, headers = asked(client.get(f"{address}?download")["Location"])
    assert body == CONTENT
    assert headers["Content-Disposition"] == "attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.mp4"


def test_an_address_opens_nothing_else_and_nobody_else_is_given_one(client, ann, address, video, db):
    client.force_login(ann)
    there = client.get(address)["Location"]
    assert asked(there.replace("source.mp4", "other.mp4"))[0] == 403
    assert asked(there.replace("inline", "attachment"))[0] == 403
    assert asked(there.partition("?")[0])[0] in (400, 403)
    client.force_login(factories.account("bob@example.org"))
    assert client.get(address).status_code == 404


def test_who_only_asks_about_a_file_is_answered_by_the_site(client, ann, address, site_in_bucket):
    client.force_login(ann)
    head = client.head(address)
    assert head.status_code == 200 and head["Content-Length"] == str(len(CONTENT)) and head["Accept-Ranges"] == "bytes"
    assert head["ETag"] == f'"{HASH}"'
    assert client.get(address, headers={"If-None-Match": head["ETag"]}).status_code == 304
    assert client.get(address, headers={"Range": "bytes=999999-"}).status_code == 416
    assert not site_in_bucket.made("GET", "source.mp4")


def test_what_is_gone_is_not_found(client, ann, address, video):
    storage.delete(video.key)
    client.force_login(ann)
    assert client.get(address).status_code == client.head(address).status_code == 404


def test_the_site_sends_all_itself_where_browsers_do_not_reach_the_bucket(client, ann, address, settings):
    settings.STORAGE_URL += "&direct=0"
    client.force_login(ann)
    assert client.get(address).content == CONTENT
    answer = client.get(address, headers={"Range": "bytes=-5"})
    assert (answer.status_code, answer.content) == (206, CONTENT[-5:])


def test_texts_come_from_the_site_as_players_and_scripts_want_them(client, ann, video, tmp_path):
    job = factories.job(ann, video=video, status="succeeded", operation="transcribe")
    artifact = job.artifacts.create(
        kind="data", name="talk.vtt", key="artifacts/1/talk.vtt", media_type="text/vtt", size=6
    )
    (tmp_path / "talk.vtt").write_bytes(b"WEBVTT")
    storage.publish(tmp_path / "talk.vtt", artifact.key)
    client.force_login(ann)
    address = reverse("artifact-file", args=[artifact.pk])
    assert client.get(address).content == b"WEBVTT"
    assert client.get(f"{address}?download").status_code == 302


@pytest.mark.parametrize(
    ("url", "said", "origin"),
    [
        ("s3://bkt?region=us-east-1", {}, "https://bkt.s3.us-east-1.amazonaws.com"),
        ("s3://bkt?region=eu-west-1", {"AWS_DEFAULT_REGION": "us-east-1"}, "https://bkt.s3.eu-west-1.amazonaws.com"),
        ("s3://bkt", {"AWS_REGION": "eu-central-1"}, "https://bkt.s3.eu-central-1.amazonaws.com"),
        ("s3://bkt", {"AWS_DEFAULT_REGION": "us-east-1"}, "https://bkt.s3.us-east-1.amazonaws.com"),
        ("s3://bkt.with.dots?region=eu-west-1", {}, "https://s3.eu-west-1.amazonaws.com"),
        ("s3://bkt?region=cn-north-1", {}, "https://bkt.s3.cn-north-1.amazonaws.com.cn"),
        ("s3://b/p?endpoint=https://s3.example.org:9000/x&region=a", {}, "https://s3.example.org:9000"),
        ("s3://b?endpoint=http://minio:9000&public=https://media.example.org", {}, "https://media.example.org"),
    ],
)
def test_pages_may_show_what_lies_where_browsers_are_led(url, said, origin, monkeypatch, tmp_path):
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", **said}.items():
        monkeypatch.setenv(name, value)
    signed = urlsplit(str(S3Store(parsed(url), tmp_path).url("a.mp4", SHOWN)))
    assert bucket_origin(url) == f"{signed.scheme}://{signed.netloc}" == origin


def test_an_address_ends_with_the_credentials_of_a_role_and_is_replaced_with_them(monkeypatch, tmp_path):
    def take_role(name: str, seconds: int) -> None:
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        told = {"ACCESS_KEY_ID": name, "SECRET_ACCESS_KEY": "b", "SESSION_TOKEN": "c"}
        for variable, value in (told | {"CREDENTIAL_EXPIRATION": ends.isoformat()}).items():
            monkeypatch.setenv(f"AWS_{variable}", value)

    def asked() -> dict[str, str]:
        return dict(parse_qsl(urlsplit(str(store.url("a.mp4", SHOWN))).query))

    store = S3Store(parsed("s3://of-a-role?region=eu-west-1"), tmp_path)
    take_role("first", 800)  # so that it is time for others
    first = asked()
    assert first["X-Amz-Credential"].startswith("first/") and 700 < int(first["X-Amz-Expires"]) <= 800
    assert asked() == first
    take_role("second", 12 * 3600)
    second = asked()
    assert second["X-Amz-Credential"].startswith("second/")
    assert int(second["X-Amz-Expires"]) == store.address.expires


def test_without_credentials_there_is_no_address_but_an_outage(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(OSError, match="credentials"):
        S3Store(parsed("s3://of-nobody?region=eu-west-1"), tmp_path).url("a.mp4", SHOWN)


def test_pages_may_show_nothing_from_elsewhere_where_the_site_sends_all_itself():
    assert bucket_origin("") == bucket_origin("s3://b?endpoint=http://minio:9000&direct=0") == ""
