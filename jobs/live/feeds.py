"""What the open pages of an owner are sent while things change: worked out once for all of them in this process.

A message says only that something changed. A feed then reads the present rows once for each view that is open, works
out the difference to what the pages show, and sends the same words to all that show the same. So a push cannot arrive
in the wrong order, and a message that got lost is made good by the next one.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.core.exceptions import ValidationError
from redis.exceptions import RedisError

from jobs import publish
from jobs.auth.credentials import signed_in
from jobs.live import markup, rows
from jobs.models import Account
from jobs.queries import in_thread

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
"""The least time between two pushes: at most two a second."""
SIGNED_OUT, UNAVAILABLE = 4401, 4503
"""Why a socket is closed. Codes below 3000 are not for applications: autobahn refuses to send them."""


@dataclasses.dataclass(eq=False)
class Page:
    """One open page: how to speak to it, and what it shows. `shown` is None until that is known."""

    send: Callable[[str], Awaitable[None]]
    close: Callable[[int], Awaitable[None]]
    session_key: str
    view: rows.View
    state: str
    shown: rows.Shown | None = None
    count: str = ""


def look(owner_pk: int, pages: Iterable[Page]) -> dict[Page, list[str] | None]:
    """What each page has to be sent to show what is in the database now; None for one whose session is over."""
    users = {key: signed_in(key) for key in {page.session_key for page in pages}}
    owners = {key: user for key, user in users.items() if user and user.pk == owner_pk}
    if not owners:
        return dict.fromkeys(pages)
    owner = next(iter(owners.values()))
    count = markup.render_count(owner, out_of_band=True)
    views = {view: present(owner, view) for view in {page.view for page in pages}}
    changes: dict[tuple[rows.View, str, bool], list[str]] = {}
    found: dict[Page, list[str] | None] = {}
    for page in pages:
        if page.session_key not in owners:
            found[page] = None
            continue
        now = views[page.view]
        key = (page.view, page.state, page.shown is None)
        if key not in changes:
            changes[key] = [] if page.state == now.state else now.changes(page.shown)
        found[page] = changes[key] + ([count] if page.count != count else [])
        page.shown, page.state, page.count = now.shown, now.state, count
    return found


def present(owner: Account, view: rows.View) -> markup.Present:
    try:
        return markup.present(owner, view.allowed(owner))
    except (ValidationError, ValueError):  # the id in it is none
        return markup.present(owner, rows.View())


class Feed:
    """Keeps the open pages of one owner up to date, for as long as there are any.

    Whatever goes wrong in it closes their sockets: no page believes itself live that is told nothing any more.
    """

    def __init__(self, owner_pk: int) -> None:
        self.owner_pk = owner_pk
        self.pages: set[Page] = set()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def join(self, page: Page) -> None:
        """It is sent its whole state first, unless it shows that already."""
        self.pages.add(page)
        self._changed.set()

    def leave(self, page: Page) -> None:
        self.pages.discard(page)
        if not self.pages:
            self._task.cancel()
            self._forget()

    async def _run(self) -> None:
        try:
            await self._follow()
        except Exception:
            log.exception("pages are told to come back later")
            self._forget()
            for page in list(self.pages):
                await page.close(UNAVAILABLE)

    async def _follow(self) -> None:
        layer, group = get_channel_layer(), publish.group(self.owner_pk)
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        try:
            async with asyncio.TaskGroup() as tasks:  # one that fails ends the other
                tasks.create_task(self._listen(layer, channel))
                tasks.create_task(self._push(layer, channel))
        finally:
            with contextlib.suppress(RedisError, OSError):
                await layer.group_discard(group, channel)
                await layer.group_discard(publish.EVERYBODY, channel)

    async def _listen(self, layer: Any, channel: str) -> None:
        while True:
            await layer.receive(channel)
            self._changed.set()

    async def _push(self, layer: Any, channel: str) -> None:
        """Push after each change, several quick ones together."""
        hears_everybody = False
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted = any(page.view.whose for page in self.pages)
            if wanted != hears_everybody:  # before the rows are read, so that no change is missed
                await (layer.group_add if wanted else layer.group_discard)(publish.EVERYBODY, channel)
                hears_everybody = wanted
            for page, messages in (await in_thread(look)(self.owner_pk, list(self.pages))).items():
                if page in self.pages:
                    await self._tell(page, messages)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell(self, page: Page, messages: list[str] | None) -> None:
        if messages is None:
            await page.close(SIGNED_OUT)
            self.leave(page)
            return
        for message in messages:
            await page.send(message)

    def _forget(self) -> None:
        """Pages that come from now on get another feed."""
        feeds = FEEDS[asyncio.get_running_loop()]
        if feeds.get(self.owner_pk) is self:
            del feeds[self.owner_pk]


FEEDS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Feed]] = WeakKeyDictionary()


def feed_of(owner_pk: int) -> Feed:
    """The feed of this owner in this process."""
    feeds = FEEDS.setdefault(asyncio.get_running_loop(), {})
    if owner_pk not in feeds:
        feeds[owner_pk] = Feed(owner_pk)
    return feeds[owner_pk]
