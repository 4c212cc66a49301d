"""A bucket and its objects, which are named by prefix and key: looked at, listed and deleted."""

import errno
from collections.abc import Iterator
from typing import Any, cast

from jobs.storage.address import Address
from jobs.storage.s3_client import client, told
from jobs.storage.store import Found

AT_ONCE = 1000
"""Keys in one request to delete."""


class Bucket:
    def __init__(self, address: Address) -> None:
        self.address, self.bucket, self.prefix = address, address.bucket, address.prefix

    @property
    def client(self) -> Any:
        return client(self.address)

    def name(self, key: str) -> str:
        """The name of an object. Raises ValueError for a key that leads out of the prefix."""
        if key.startswith("/") or ".." in key.split("/"):
            raise ValueError(f"{key!r} leads out of the storage")
        return f"{self.prefix}/{key}" if self.prefix else key

    def object(self, key: str) -> dict[str, str]:
        """As requests name it."""
        return {"Bucket": self.bucket, "Key": self.name(key)}

    def encryption(self) -> dict[str, str]:
        """What every request says that makes an object."""
        asked = {"ServerSideEncryption": self.address.sse, "SSEKMSKeyId": self.address.kms_key}
        return {name: value for name, value in asked.items() if value}

    def head(self, key: str) -> dict[str, Any]:
        with told(key):
            return cast(dict[str, Any], self.client.head_object(**self.object(key)))

    def has(self, key: str) -> bool:
        try:
            return bool(self.head(key))
        except FileNotFoundError:
            return False

    def listed(self, key: str) -> Iterator[Found]:
        before = len(self.name(""))
        with told(key):
            for page in self._pages(key):
                for one in page.get("Contents", []):
                    yield Found(one["Key"][before:], one["Size"], one["LastModified"].timestamp())

    def folders(self, key: str) -> list[str]:
        before = len(self.name(f"{key}/"))
        with told(key):
            pages = self._pages(key, Delimiter="/")
            return [one["Prefix"][before:-1] for page in pages for one in page.get("CommonPrefixes", [])]

    def _pages(self, key: str, **options: str) -> Any:
        prefix = self.name(f"{key}/") if key else self.name("")
        return self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, **options)

    def place(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.name(key)}"

    def delete(self, key: str) -> None:
        if key:
            with told(key):
                self.client.delete_object(**self.object(key))

    def delete_tree(self, key: str) -> None:
        keys = [found.key for found in self.listed(key)]
        for first in range(0, len(keys), AT_ONCE):
            self._delete_some(keys[first : first + AT_ONCE])

    def _delete_some(self, keys: list[str]) -> None:
        listed = {"Objects": [{"Key": self.name(key)} for key in keys], "Quiet": True}
        with told(keys[0]):
            answer = self.client.delete_objects(Bucket=self.bucket, Delete=listed)
        if errors := answer.get("Errors"):
            raise OSError(errno.EIO, f"{len(errors)} of {len(keys)} were not deleted: {errors[0]}", keys[0])
