"""Open pages by the thousand, as browsers hold them: the client process of `live.py`, which speaks to it line by line.

Each line in is a request in JSON, each line out its answer:

- `{"open": [[path, cookie], ...]}`: connect them all at once. `{"shown": seconds of each until it showed its state}`
- `{"hear": marker}`: from now on the moment is kept in which a page first hears a message with these characters.
- `{"heard": count, "within": seconds}`: wait until so many pages have. `{"at": the moments, sorted}`
- `{"lose": seconds}`: the web process is about to be started again. Wait until every page was closed and has its state
  again, as `static/scripts/live.js` does it. `{"back": the moments, "tries": refused connects, "lost": pages without}`
- `{"close": true}`: close them all.

Moments are seconds since 1970. Addresses of this machine are taken in turn, since a site counts what comes from one.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp

AT_ADDRESS = 200
"""How many pages one address has open."""
COUNT = 'id="queue-count"'
"""What a page is sent last of its state."""
PATIENCE_SECONDS = 60


class Page:
    """One open page, which comes back by itself when its socket is closed."""

    def __init__(self, pages: "Pages", number: int, url: str, cookie: str) -> None:
        self.pages, self.url, self.cookie = pages, url, cookie
        self.address = f"127.0.1.{1 + number // AT_ADDRESS}"
        self.shown_at: float | None = None
        self.heard_at: float | None = None
        self.closed = asyncio.Event()
        self.refused = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._stay())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stay(self) -> None:
        failures = 0
        while True:
            try:
                await self._follow()
                failures = 0 if self.shown_at else failures
            except (aiohttp.ClientError, OSError, TimeoutError):
                self.refused += 1
            self.shown_at = None
            self.closed.set()
            await asyncio.sleep(self.pages.pause(failures))
            failures += 1

    async def _follow(self) -> None:
        headers = {"Cookie": self.cookie, "Origin": self.pages.origin}
        timeout = aiohttp.ClientWSTimeout(ws_close=1)
        session = self.pages.session(self.address)
        async with session.ws_connect(self.url, headers=headers, timeout=timeout, max_msg_size=0) as socket:
            async for message in socket:
                self._hear(message.data)

    def _hear(self, text: str) -> None:
        if self.shown_at is None and COUNT in text:
            self.shown_at = time.time()
        if self.heard_at is None and self.pages.marker and self.pages.marker in text:
            self.heard_at = time.time()


class Pages:
    """All of them. `pause`: how long a page waits before it connects again after so many failures in a row."""

    def __init__(self, url: str, pause: Callable[[int], float]) -> None:
        self.url, self.origin, self.pause = url.replace("http:", "ws:"), url, pause
        self.every: list[Page] = []
        self.marker = ""
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    def session(self, address: str) -> aiohttp.ClientSession:
        if address not in self._sessions:
            connector = aiohttp.TCPConnector(local_addr=(address, 0), force_close=True, limit=0)
            self._sessions[address] = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._sessions[address]

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        ((name, value),) = [
            (name, request[name]) for name in ("open", "hear", "heard", "lose", "close") if name in request
        ]
        return await getattr(self, name)(value, **{key: request[key] for key in request if key != name}) or {}

    async def open(self, which: list[tuple[str, str]]) -> dict[str, Any]:
        begun = time.time()
        self.every = [Page(self, n, self.url + path, cookie) for n, (path, cookie) in enumerate(which)]
        for page in self.every:
            page.start()
        await self._until(lambda page: page.shown_at, len(self.every), PATIENCE_SECONDS)
        return {"shown": sorted(page.shown_at - begun for page in self.every if page.shown_at)}

    async def hear(self, marker: str) -> None:
        self.marker = marker
        for page in self.every:
            page.heard_at = None

    async def heard(self, count: int, within: float) -> dict[str, Any]:
        await self._until(lambda page: page.heard_at, count, within)
        return {"at": sorted(page.heard_at for page in self.every if page.heard_at)}

    async def lose(self, within: float) -> dict[str, Any]:
        for page in self.every:
            page.closed.clear()
            page.refused = 0
        await self._until(lambda page: page.closed.is_set() and page.shown_at, len(self.every), within)
        back = [page.shown_at for page in self.every if page.closed.is_set() and page.shown_at]
        tries = sum(page.refused for page in self.every)
        return {"back": sorted(back), "tries": tries, "lost": len(self.every) - len(back)}

    async def close(self, _: bool) -> None:
        await asyncio.gather(*(page.stop() for page in self.every))
        self.every = []

    async def _until(self, is_so: Callable[[Page], Any], count: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while sum(1 for page in self.every if is_so(page)) < count and time.monotonic() < end:
            await asyncio.sleep(0.02)


def as_browsers(failures: int) -> float:
    """As `reconnectDelay` in `static/scripts/live.js`."""
    return min(5.0, 0.5 * 2**failures) * random.uniform(0.5, 1)


async def main(url: str) -> None:
    pages = Pages(url, as_browsers)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await pages.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
