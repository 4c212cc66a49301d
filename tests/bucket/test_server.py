"""The server that tests of object storage run against: it has to be able to say no."""

import hashlib
import os
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ResponseStreamingError

from tests.bucket import faults as wrong
from tests.bucket.faults import Faults
from tests.servers import ObjectStorage

PART = 5 * 1024**2


def put(bucket: ObjectStorage, key: str, body: bytes) -> None:
    bucket.client().put_object(Bucket=bucket.BUCKET, Key=key, Body=body)


def opened(address: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("wrong_part", ["key", "secret"])
def test_a_wrong_key_or_secret_is_refused(bucket: ObjectStorage, wrong_part: str) -> None:
    put(bucket, "a", b"1")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        bucket.client(**{wrong_part: "test:other"}).get_object(Bucket=bucket.BUCKET, Key="a")


def test_a_signed_address_opens_until_it_is_changed(bucket: ObjectStorage) -> None:
    put(bucket, "a ü", b"hello")
    wanted = {"Bucket": bucket.BUCKET, "Key": "a ü", "ResponseContentDisposition": 'attachment; filename="talk.mp4"'}
    address = bucket.client().generate_presigned_url("get_object", Params=wanted, ExpiresIn=60)
    with urllib.request.urlopen(address) as answer:
        assert (answer.read(), answer.headers["Content-Disposition"]) == (b"hello", 'attachment; filename="talk.mp4"')
    for changed in (("talk.mp4", "talk.exe"), ("Expires=60", "Expires=600"), ("Signature=", "Signature=0")):
        assert changed[0] in address
        assert opened(address.replace(*changed))[0] == 403


def test_bytes_that_do_not_match_their_hash_are_refused(bucket: ObjectStorage, faults: Faults) -> None:
    with (
        faults.inject(wrong.WrongBytes(sent=True), "PUT", "a"),
        pytest.raises(ClientError, match="XAmzContentSHA256Mismatch"),
    ):
        bucket.client(endpoint=faults.endpoint).put_object(Bucket=bucket.BUCKET, Key="a", Body=b"hello" * 100)
    assert bucket.keys() == []


def test_parts_below_5_mib_are_refused_but_for_the_last(bucket: ObjectStorage) -> None:
    client, named = bucket.client(), {"Bucket": bucket.BUCKET, "Key": "parts"}

    def complete(*sizes: int) -> None:
        upload = {**named, "UploadId": client.create_multipart_upload(**named)["UploadId"]}
        parts = [
            {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=bytes(size))["ETag"]}
            for number, size in enumerate(sizes, 1)
        ]
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    with pytest.raises(ClientError, match="EntityTooSmall"):
        complete(PART - 1, 1)
    complete(PART, 1)
    assert client.head_object(**named)["ContentLength"] == PART + 1


def test_the_way_to_it_fails_lies_and_counts_as_asked(bucket: ObjectStorage, faults: Faults) -> None:
    body = os.urandom(1_000_000)
    put(bucket, "talk", body)
    client, named = bucket.client(endpoint=faults.endpoint), {"Bucket": bucket.BUCKET, "Key": "talk"}

    def fetch() -> bytes:
        return bytes(client.get_object(**named)["Body"].read())

    with faults.inject(wrong.Status(503), "GET", "talk") as injected:
        with pytest.raises(ClientError, match="SlowDown"):
            fetch()
        assert fetch() == body
        assert injected.hits == 1
    with faults.inject(wrong.Reset(), "GET", "talk"), pytest.raises((ConnectionClosedError, HTTPClientError)):
        fetch()
    with faults.inject(wrong.Truncated(1000), "GET", "talk"), pytest.raises(ResponseStreamingError):
        fetch()
    with faults.inject(wrong.WrongBytes(), "GET", "talk"):
        assert len(damaged := fetch()) == len(body) and damaged != body
    with faults.inject(wrong.WrongETag(), "HEAD", "talk"):
        assert client.head_object(**named)["ETag"] != f'"{hashlib.md5(body).hexdigest()}"'
    faults.forget()
    client.get_object(**named, Range="bytes=10-19")["Body"].read()
    assert faults.received("talk") == 10


def test_an_answer_may_be_lost_after_the_work_is_done(bucket: ObjectStorage, faults: Faults) -> None:
    with faults.inject(wrong.Reset(answered=True), "PUT"), pytest.raises((ConnectionClosedError, HTTPClientError)):
        bucket.client(endpoint=faults.endpoint).put_object(Bucket=bucket.BUCKET, Key="a", Body=b"1")
    assert bucket.keys() == ["a"]
