"""Addresses of single files of a bucket, which open them for a while to whoever has them."""

import functools
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import NoCredentialsError

from jobs.storage.address import Address
from jobs.storage.s3_client import client, credentials, told
from jobs.storage.store import Shown

if TYPE_CHECKING:
    from jobs.storage.s3 import S3Store


def url(store: "S3Store", key: str, shown: Shown) -> str:
    """Good for `expires` at most and for half of that at least, unless the credentials end before: no address is good
    for longer than those. Who asks this process again is given the same one, and so finds what the browser has."""
    turn = int(time.time() * 2 // store.address.expires)
    with told(key):
        found = credentials(store.address)
        if not found:
            raise NoCredentialsError
        return signed(store, key, shown, turn, found.get_frozen_credentials().access_key)


@functools.lru_cache(maxsize=4096)
def signed(store: "S3Store", key: str, shown: Shown, turn: int = 0, access_key: str = "") -> str:
    """One that is signed anew with every turn, and when the credentials have changed."""
    address = store.address
    seconds = max(1, int(min(address.expires, _left_seconds(address))))
    asked = store.object(key) | {
        "ResponseContentType": shown.media_type,
        "ResponseContentDisposition": shown.disposition,
        "ResponseCacheControl": f"private, max-age={seconds // 2}",
    }
    speaker = client(address, address.public)
    return str(speaker.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))


def _left_seconds(address: Address) -> float:
    """For how long the credentials are good: those of a role end, the others do not."""
    ends = getattr(credentials(address), "_expiry_time", None)  # which botocore tells by no other name
    return (ends - datetime.now(UTC)).total_seconds() if ends else math.inf
