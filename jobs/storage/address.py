"""A bucket, as STORAGE_URL names it: `s3://bucket/prefix?endpoint=https://…&region=…&sse=…`.

Credentials are not part of it: boto3 finds them in the environment, in files, or asks the machine for its role.
"""

import dataclasses
import os
from urllib.parse import parse_qsl, urlsplit

EXPIRES_SECONDS = 6 * 3600
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Where the environment names the region, if STORAGE_URL does not."""
LONGEST_SECONDS = 7 * 24 * 3600
"""For how long an address can be signed at all."""
SSE = ("AES256", "aws:kms", "aws:kms:dsse")


@dataclasses.dataclass(frozen=True)
class Address:
    """`public` is where browsers reach the endpoint, if they reach it by another name. `expires` in seconds: how long a
    signed address is good at most. `direct`: whether players and downloads are sent there at all."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    sse: str = ""
    kms_key: str = ""
    public: str = ""
    expires: int = EXPIRES_SECONDS
    direct: bool = True


def parsed(url: str) -> Address:
    """Raises ValueError with a sentence about what is wrong."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname or parts.username or parts.port:
        raise ValueError("STORAGE_URL cannot be read; write s3://bucket/prefix?endpoint=https://…&region=….")
    known = {field.name for field in dataclasses.fields(Address)} - {"bucket", "prefix"}
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"STORAGE_URL says {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    for name in ("endpoint", "public"):
        if name in given and urlsplit(given[name]).scheme not in ("http", "https"):
            raise ValueError(f"In STORAGE_URL {name} is {given[name]!r}; it begins with https:// or http://.")
    if given.get("sse", SSE[0]) not in SSE:
        raise ValueError(f"In STORAGE_URL sse is {given['sse']!r}; use {', '.join(SSE)}.")
    expires = _seconds(given.get("expires", str(EXPIRES_SECONDS)))
    if not given.get("endpoint"):
        given["region"] = given.get("region") or next(filter(None, map(os.environ.get, REGIONS)), "")
        if not given["region"]:
            raise ValueError("STORAGE_URL names no region; write s3://bucket/prefix?region=…, or set AWS_REGION.")
    return Address(
        parts.netloc,
        parts.path.strip("/"),
        **{name: given[name] for name in given if name not in ("expires", "direct")},
        expires=expires,
        direct=given.get("direct", "1") != "0",
    )


def bucket_origin(url: str) -> str:
    """Where browsers are sent for files, as a Content-Security-Policy names it; "" where the site sends them all
    itself."""
    if not url or not (found := parsed(url)).direct:
        return ""
    from jobs.storage.s3_client import origin  # with all of boto3, which a folder does not need

    return origin(found)


def _seconds(text: str) -> int:
    if not text.isdigit() or not 60 <= int(text) <= LONGEST_SECONDS:
        raise ValueError(f"In STORAGE_URL expires is {text!r}; use 60 to {LONGEST_SECONDS} seconds.")
    return int(text)
