"""What the open pages of an owner are sent while things change: worked out once for all of them in this process.

A message says only that something changed. A feed then has the present rows read once for each view that is open, and
sends the same words to all pages that show the same. So a push cannot arrive in the wrong order, and a message that got
lost is made good by the next one.
"""

import asyncio
import logging
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from jobs.live.hearing import hearing
from jobs.live.looking import Page, Told, look
from jobs.queries import in_thread

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
"""The least time between two pushes: at most two a second."""
SIGNED_OUT, UNAVAILABLE = 4401, 4503
"""Why a socket is closed. Codes below 3000 are not for applications: autobahn refuses to send them."""
BEHIND_BYTES = 64 * 1024
"""A page that has not taken so much of what it was sent is told the next time, of everything since: one that reads
slowly, or never, holds no more memory than that and one push."""
AT_ONCE = 200
"""How many owners are looked after by one round of queries."""
ROUNDS = 2
"""How many of these run at the same time: what is slow for some does not hold up the others."""
BREATH = 50
"""How many pages are sent something before others have their turn on the event loop."""


class Feed:
    """Keeps the open pages of one owner up to date, for as long as there are any.

    Whatever goes wrong in it closes their sockets, also that nothing is heard any more, once that is known
    (`subscription`): no page goes on believing itself live that is told nothing.
    """

    def __init__(self, owner_pk: int) -> None:
        self.owner_pk = owner_pk
        self.pages: set[Page] = set()
        self.hears_everybody = False
        self._behind: set[Page] = set()
        self._is_joined = self._is_changed = self._is_due = self._is_looked_at = False
        self._free_at = 0.0
        self._pusher = pusher()
        self._task = asyncio.create_task(self._run())

    def join(self, page: Page) -> None:
        """It is sent its whole state first, unless it shows that already."""
        self.pages.add(page)
        self._attend()
        if self._is_joined:
            self.heard()

    def leave(self, page: Page) -> None:
        self.pages.discard(page)
        self._attend()
        if not self.pages:
            self._task.cancel()
            self._forget()

    def heard(self) -> None:
        """Something changed: look as soon as half a second has passed since the last time."""
        if self._is_changed:
            return
        self._is_changed = True
        if not self._is_looked_at:
            self._wait()

    def begin(self) -> list[Page]:
        """A look begins; for these pages: where nothing changed, for those alone that were behind and have room now."""
        wanted = self.pages if self._is_changed else self._behind & self.pages
        self._is_changed, self._is_due, self._is_looked_at = False, False, True
        self._behind = {page for page in wanted if page.unsent_bytes() > BEHIND_BYTES}
        return [page for page in wanted if page not in self._behind]

    def end(self) -> None:
        """It is over, and what came of it was sent."""
        self._is_looked_at = False
        self._free_at = asyncio.get_running_loop().time() + PAUSE_SECONDS
        if self._is_changed or self._behind:
            self._wait()

    async def tell(self, page: Page, told: Told | None) -> None:
        if page not in self.pages:
            return
        if told is None:
            await page.close(SIGNED_OUT)
            self.leave(page)
            return
        for message in told.messages:
            await page.send(message)
        told.show(page)

    async def give_up(self, error: BaseException) -> None:
        """Close all sockets; pages that come from now on get another feed."""
        is_away = isinstance(error, RedisError | OSError)  # nobody's fault: no traceback
        log.error("pages are told to come back later: %s", error, exc_info=None if is_away else error)
        self._forget()
        pages, self.pages = self.pages, set()
        for page in pages:
            try:
                await page.close(UNAVAILABLE)
            except Exception:  # most likely it is gone already, and the others have to be told too
                log.debug("a page could not be closed", exc_info=True)
        if self._task is not asyncio.current_task():
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await hearing().follow(self, self._joined)
        except Exception as error:  # noqa: BLE001 see above
            await self.give_up(error)

    def _joined(self) -> None:
        self._is_joined = True
        self.heard()

    def _attend(self) -> None:
        wanted = any(page.view.whose for page in self.pages)
        if wanted != self.hears_everybody:
            self.hears_everybody = wanted
            hearing().attend(self)

    def _wait(self) -> None:
        if self._is_due:
            return
        self._is_due = True
        loop = asyncio.get_running_loop()
        if loop.time() >= self._free_at:
            self._pusher.due(self)
        else:
            loop.call_at(self._free_at, self._pusher.due, self)

    def _forget(self) -> None:
        """Pages that come from now on get another feed."""
        feeds = FEEDS[asyncio.get_running_loop()]
        if feeds.get(self.owner_pk) is self:
            del feeds[self.owner_pk]


class Pusher:
    """Looks after the feeds that are due, as many together as there are at the moment."""

    def __init__(self) -> None:
        self._due: dict[Feed, None] = {}
        self._rounds: set[asyncio.Task[None]] = set()

    def due(self, feed: Feed) -> None:
        if feed.pages:
            self._due[feed] = None
        if self._due and len(self._rounds) < ROUNDS:
            task = asyncio.create_task(self._go())
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _go(self) -> None:
        await asyncio.sleep(0)  # for those that the same message woke
        while self._due:
            feeds = list(self._due)[:AT_ONCE]
            for feed in feeds:
                del self._due[feed]
            await self._look({feed: feed.begin() for feed in feeds})

    async def _look(self, batch: dict[Feed, list[Page]]) -> None:
        try:
            wanted = {feed.owner_pk: pages for feed, pages in batch.items() if pages}
            found = await in_thread(look)(wanted) if wanted else {}
        except Exception as error:  # noqa: BLE001 whatever it is, no page is left without word
            for feed, pages in batch.items():
                if len(batch) == 1:
                    await feed.give_up(error)
                else:  # what is wrong with one is not with all
                    await self._look({feed: pages})
            return
        for number, feed in enumerate(batch):
            try:
                await self._tell(feed, batch[feed], found)
            except Exception as error:  # noqa: BLE001 the same
                await feed.give_up(error)
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)

    async def _tell(self, feed: Feed, pages: list[Page], found: dict[Page, Told | None]) -> None:
        for number, page in enumerate(pages):
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            await feed.tell(page, found[page])
        feed.end()


FEEDS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Feed]] = WeakKeyDictionary()
PUSHERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Pusher] = WeakKeyDictionary()


def feed_of(owner_pk: int) -> Feed:
    """The feed of this owner in this process."""
    feeds = FEEDS.setdefault(asyncio.get_running_loop(), {})
    if owner_pk not in feeds:
        feeds[owner_pk] = Feed(owner_pk)
    return feeds[owner_pk]


def pusher() -> Pusher:
    """That of this process."""
    return PUSHERS.setdefault(asyncio.get_running_loop(), Pusher())
