"""Sending files: in chunks by tus, from where an earlier attempt was ended."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import requests
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from videoservice.client.api import CONNECT_SECONDS, Api, Json
from videoservice.client.failures import Failure, Misused, Unreachable
from videoservice.client.memory import Memory

SMALLEST, LARGEST = 256 << 10, 8 << 20
"""Bytes of a chunk. The server takes none that is larger."""
CHUNK_SECONDS = 2.0
"""How long a chunk may take, so that a bar moves and a broken line costs little."""
FINISH_SECONDS = 900.0
"""How long the last chunk may take: the server then looks at the whole recording."""
ATTEMPTS = 8
Told = Callable[[int], None]


class Transfer(Uploader):
    """An upload at work. tuspy's, whose own requests each open a connection and wait for an answer for ever, through
    our requests."""

    def __init__(self, api: Api, file: Path, url: str, metadata: dict[str, str]) -> None:
        self.api, self.file, self.video = api, file, ""
        super().__init__(
            str(file), url=url or None, client=TusClient(api.address("uploads")), metadata=metadata, chunk_size=SMALLEST
        )

    def get_offset(self) -> int:
        return self._take(self.api.send("HEAD", str(self.url), headers=self.get_headers()))

    def create_url(self, key: str = "") -> str:
        """By the same key it is the same upload, also where the answer to an earlier request was lost."""
        response = self.api.make("uploads", key, headers=self.get_url_creation_headers())
        return urljoin(self.api.address("uploads"), response.headers["Location"])

    def upload_chunk(self) -> None:
        """Send the next chunk, which the server holds against its hash."""
        started = time.monotonic()
        with self.file.open("rb") as file:
            file.seek(self.offset)
            chunk = file.read(self.get_request_length())
        if not chunk:
            raise Failure("The file has become shorter while it was sent.", "changed")
        digest = base64.b64encode(hashlib.sha1(chunk, usedforsecurity=False).digest()).decode()
        headers = {
            "Upload-Offset": str(self.offset),
            "Upload-Checksum": f"sha1 {digest}",
            "Content-Type": "application/offset+octet-stream",
        }
        timeout = (CONNECT_SECONDS, FINISH_SECONDS)
        headers = self.get_headers() | headers
        self.offset = self._take(self.api.send("PATCH", str(self.url), data=chunk, headers=headers, timeout=timeout))
        self._fit_chunks(time.monotonic() - started)

    def _fit_chunks(self, seconds: float) -> None:
        factor = 2 if seconds < CHUNK_SECONDS / 2 else 0.5 if seconds > CHUNK_SECONDS * 2 else 1
        self.chunk_size = int(min(LARGEST, max(SMALLEST, self.chunk_size * factor)))

    def _take(self, response: requests.Response) -> int:
        self.video = response.headers.get("Video-Id", "")
        return int(response.headers["Upload-Offset"])


def send(api: Api, file: Path, memory: Memory, metadata: dict[str, str], told: Told, stop: threading.Event) -> str:
    """Upload a file, and return the id of its recording. `told` gets the bytes that have arrived.

    Goes on through broken lines; raises Failure when the site refuses the file, and Unreachable when it stays away.
    """
    transfer = began(api, file, memory, metadata)
    told(transfer.offset)
    failures = 0
    while not transfer.video:
        if stop.is_set():
            raise KeyboardInterrupt
        try:
            transfer.upload_chunk()
            failures = 0
        except Unreachable:
            failures += 1
            if failures >= ATTEMPTS:
                raise
            stop.wait(min(30, 2**failures / 2))
            catch_up(transfer)
        except Failure as failure:
            failures += 1
            if failure.code not in OUT_OF_STEP or failures >= ATTEMPTS:
                raise
            stop.wait(1)
            catch_up(transfer)
        told(transfer.offset)
    return transfer.video


OUT_OF_STEP = ("offset", "busy", "checksum")
"""Refusals of a chunk by their code, after which the site knows how far the upload is."""


def catch_up(transfer: Transfer) -> None:
    """Ask how far it is; where nobody answers, the next chunk finds that out."""
    try:
        transfer.offset = transfer.get_offset()
    except Unreachable:
        return


def began(api: Api, file: Path, memory: Memory, metadata: dict[str, str]) -> Transfer:
    """The upload of an earlier attempt where the site still has it, else a new one."""
    if memory.url:
        try:
            return Transfer(api, file, memory.url, metadata)
        except Misused:  # it has expired, or was given up
            memory.forget_upload()
    transfer = Transfer(api, file, "", metadata)
    url = transfer.create_url(memory.upload_key(metadata))
    transfer.set_url(url)
    memory.remember_url(url)
    return transfer


def twin(api: Api, file: Path, told: Told) -> Json | None:
    """The recording that has the very same bytes already. The file is only read when one has its size."""
    size = file.stat().st_size
    same_size = list(api.items("videos", size=size))
    if not same_size:
        return None
    digest = sha256(file, told)
    return next((item for item in same_size if item["sha256"] == digest), None)


def sha256(file: Path, told: Told) -> str:
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
            done += len(block)
            told(done)
    return digest.hexdigest()
