import asyncio
import logging
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from redis.exceptions import RedisError

from jobs import live
from jobs.models import Job

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.45
"""The least time between two pushes to one page: at most about two a second."""
SIGNED_OUT, UNAVAILABLE = 4401, 1013


class QueueConsumer(AsyncWebsocketConsumer):
    """Keeps one page up to date: its whole state on connect, then the difference whenever something changed.

    Every push is made from the rows as they are in the database now and from what this page is known to show, so pushes
    cannot arrive in the wrong order and a message that got lost is made good by the next one.
    """

    async def connect(self) -> None:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.accept()  # a close before the handshake would reach the browser without its reason
            await self.close(code=SIGNED_OUT)
            return
        self.owner = user
        query = dict(parse_qsl(self.scope["query_string"].decode(errors="replace")))
        self.view = live.View.of(query)
        self.shown: live.Shown = {}
        self.last_count = ""
        self.changed = asyncio.Event()
        await self.channel_layer.group_add(live.group(user.pk), self.channel_name)
        await self.accept()
        await self.push(await self.whole(known=query.get("state", "")))
        self.pusher = asyncio.create_task(self.push_changes())

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "pusher"):
            self.pusher.cancel()
        if hasattr(self, "owner"):
            try:
                await self.channel_layer.group_discard(live.group(self.owner.pk), self.channel_name)
            except (RedisError, OSError) as error:
                log.info("left a group without saying so: %s", error)

    async def jobs_changed(self, event: dict[str, Any]) -> None:
        self.changed.set()

    async def push_changes(self) -> None:
        """Push after each change, several quick ones together."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            try:
                if not await self.still_signed_in():
                    return await self.close(code=SIGNED_OUT)
                await self.push(await self.difference())
            except DatabaseError as error:
                log.warning("a page is told to come back later: %s", error)
                return await self.close(code=UNAVAILABLE)
            await asyncio.sleep(PAUSE_SECONDS)

    async def still_signed_in(self) -> bool:
        """Whether the session that opened this socket still belongs to its owner."""
        sessions = import_module(settings.SESSION_ENGINE).SessionStore
        user = await get_user({"session": sessions(self.scope["session"].session_key)})
        return bool(user.is_authenticated and user.is_active and user.pk == self.owner.pk)

    async def push(self, markup: str) -> None:
        if markup:
            await self.send(text_data=markup)

    @database_sync_to_async
    def whole(self, known: str) -> str:
        """Everything the page should show; nothing if it says that it shows just that."""
        jobs = self.rows()
        self.remember(jobs)
        count = self.count()
        if self.view.name == "bar" or known == live.state_of(jobs):
            return count
        return live.render_list(jobs, self.view, out_of_band=True) + count

    @database_sync_to_async
    def difference(self) -> str:
        before, jobs = self.shown, self.rows()
        self.remember(jobs)
        return live.render_change(before, jobs, self.view) + self.count()

    def rows(self) -> list[Job]:
        try:
            return live.rows(self.owner, self.view)
        except (ValidationError, ValueError):  # the id of the video is none
            return []

    def remember(self, jobs: list[Job]) -> None:
        self.shown = live.shown(jobs)

    def count(self) -> str:
        """The count of the bar, if it is another than before."""
        markup = live.render_count(self.owner, out_of_band=True)
        if markup == self.last_count:
            return ""
        self.last_count = markup
        return markup
