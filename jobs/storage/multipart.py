"""One object of a bucket out of parts that come one by one, from any process. Errors are those of `Store`."""

import dataclasses
import shutil
from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from jobs.storage import kept
from jobs.storage.s3 import S3Store
from jobs.storage.s3_client import told

LEAST_BYTES = 5 * 1024**2
"""What a part has at least, unless it is the last."""
MOST_PARTS = 10_000
SPARE_PARTS = 500
"""Numbers kept for parts that are sent twice."""


class Unlike(OSError):
    """The storage calls a part otherwise than it was told."""


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """One that is neither complete nor given up; `began` in seconds since 1970."""

    key: str
    name: str
    began: float


def begin(key: str) -> str:
    """Returns its name, by which all other functions ask for it."""
    store = bucket()
    with told(key):
        begun = store.client.create_multipart_upload(**store.object(key), **store.encryption())
    return str(begun["UploadId"])


def put(key: str, name: str, number: int, body: bytes) -> str:
    """Send a part, whose hash goes with it. Returns what the storage calls these bytes."""
    store = bucket()
    with told(key):
        sent = store.client.upload_part(**_asked(store, key, name), PartNumber=number, Body=body)
    return str(sent["ETag"])


def complete(key: str, name: str, parts: Iterable[tuple[int, str]]) -> None:
    """Make the object of these parts, numbers and what they are called; others are dropped. Raises Unlike, and
    FileNotFoundError when it is not there any more: maybe because it was complete already."""
    store = bucket()
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    with told(key):
        try:
            store.client.complete_multipart_upload(**_asked(store, key, name), MultipartUpload={"Parts": listed})
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidPart":
                raise Unlike(str(error)) from error
            raise


def parts(key: str, name: str) -> dict[int, str]:
    """What the storage calls the parts that it has, by their numbers."""
    store = bucket()
    with told(key):
        pages = store.client.get_paginator("list_parts").paginate(**_asked(store, key, name))
        return {part["PartNumber"]: part["ETag"] for page in pages for part in page.get("Parts", [])}


def read(key: str, start: int, size: int) -> bytes:
    """Bytes of the object, in one request; fewer where the answer broke off or it ends."""
    store = bucket()
    with told(key):
        answer = store.client.get_object(**store.object(key), Range=f"bytes={start}-{start + size - 1}")
        return bytes(answer["Body"].read())


def local_room() -> int:
    """How many bytes this machine's disk would take, if all local copies went."""
    copies = bucket().copies
    copies.folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(copies.folder).free + copies.total_bytes()


def abort(key: str, name: str) -> None:
    """Have its parts dropped. Does nothing when it is not there."""
    store = bucket()
    try:
        with told(key):
            store.client.abort_multipart_upload(**_asked(store, key, name))
    except FileNotFoundError:
        pass


def unfinished() -> Iterator[Unfinished]:
    """All of this install."""
    store = bucket()
    before = store.name("")
    with told(""):
        for page in store.client.get_paginator("list_multipart_uploads").paginate(Bucket=store.bucket, Prefix=before):
            for found in page.get("Uploads", []):
                key = found["Key"].removeprefix(before)
                yield Unfinished(key, found["UploadId"], found["Initiated"].timestamp())


def bucket() -> S3Store:
    store = kept.new()
    assert isinstance(store, S3Store)
    return store


def _asked(store: S3Store, key: str, name: str) -> dict[str, str]:
    return {**store.object(key), "UploadId": name}
