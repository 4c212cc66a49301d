"""Speaking to a bucket, and what its failures mean: those of a disk, which all else knows how to answer."""

import contextlib
import errno
import functools
import os
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jobs.storage.address import Address
from jobs.storage.store import StorageAway

GONE = ("404", "NoSuchKey", "NoSuchUpload", "NotFound")
FULL = ("507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")
NOT_NOW = ("ExpiredToken", "RequestTimeout", "NoSuchBucket")
"""With 5xx and what is refused to our credentials as a whole: no request of ours is at fault, and an operator may mend
it."""
NOT_NOW_STATUS = (401, 403, 408, 429)
TRIES = 5
CONNECTIONS = 32
_making = threading.Lock()
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


@contextlib.contextmanager
def told(key: str = "") -> Iterator[None]:
    """Failures as OSError: FileNotFoundError for what is not there, ENOSPC for a bucket that is full, StorageAway (EIO)
    for one that is away, else EIO."""
    try:
        yield
    except ClientError as error:
        raise _refused(error, key) from error
    except (BotoCoreError, Boto3Error) as error:
        if isinstance(error.__context__, ClientError):  # what was told while a file was sent in parts
            raise _refused(error.__context__, key) from error
        raise StorageAway(errno.EIO, f"the bucket does not answer: {error}", key) from error


def _refused(error: ClientError, key: str) -> OSError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in GONE:
        return FileNotFoundError(errno.ENOENT, "not in the bucket", key)
    said = f"the bucket refused: {error}"
    if code in FULL:
        return OSError(errno.ENOSPC, said, key)
    if code in NOT_NOW or status in NOT_NOW_STATUS or status >= 500:
        return StorageAway(errno.EIO, said, key)
    return OSError(errno.EIO, said, key)


def origin(address: Address) -> str:
    """Scheme and host of all addresses that are signed for browsers: who resolves those is asked, since it depends on
    more than the region."""
    endpoint = address.public or address.endpoint
    config = Config(signature_version=UNSIGNED, s3=_addressing(endpoint))
    with told():
        speaker = boto3.session.Session().client(
            "s3", endpoint_url=endpoint or None, region_name=address.region or None, config=config
        )
        parts = urlsplit(speaker.generate_presigned_url("get_object", Params={"Bucket": address.bucket, "Key": "x"}))
    return f"{parts.scheme}://{parts.netloc}"


def _addressing(endpoint: str) -> dict[str, str]:
    """The bucket in the host's name where that can be, and hosts by their region, so that nobody is led on from the one
    in Virginia."""
    return {"addressing_style": "path" if endpoint else "virtual", "us_east_1_regional_endpoint": "regional"}


def client(address: Address, endpoint: str = "") -> Any:
    """The one of this process, for all its threads: each takes 15 MB, and connections do not outlive a fork."""
    with _making:
        return _client(os.getpid(), address, endpoint or address.endpoint)


def credentials(address: Address) -> Any:
    """What the clients of an address sign with in this process, renewed by themselves; None where none are found."""
    with _making:
        return _session(os.getpid(), address).get_credentials()


@functools.cache
def _session(pid: int, address: Address) -> boto3.session.Session:
    return boto3.session.Session()


@functools.cache
def _client(pid: int, address: Address, endpoint: str) -> Any:
    return _session(pid, address).client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=address.region or None,
        config=Config(
            signature_version="s3v4",
            s3=_addressing(endpoint),
            retries={"mode": "standard", "total_max_attempts": TRIES},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
        ),
    )
