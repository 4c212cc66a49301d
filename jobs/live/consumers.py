import logging
from urllib.parse import parse_qsl

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError
from prometheus_client import Gauge

from jobs.live import feeds
from jobs.live.entrance import entrance
from jobs.live.view import View
from videoservice.request_metrics import REGISTRY

log = logging.getLogger(__name__)
SOCKETS = Gauge(
    "videoservice_sockets",
    "Open pages that this web process tells of changes.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)


class QueueConsumer(AsyncWebsocketConsumer):
    """The socket of one page: found out whose it is, it joins the feed of its owner."""

    channel_layer_alias = "none"
    """The feed listens, once for all of them."""
    page: feeds.Page | None = None

    async def connect(self) -> None:
        await self.accept()  # a close before the handshake would reach the browser without its reason
        session_key = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        try:
            owner = await entrance().owner(session_key)
        except DatabaseError as error:
            log.warning("a page is told to come back later: %s", error)
            await self.close(feeds.UNAVAILABLE)
            return
        if owner is None:
            await self.close(feeds.SIGNED_OUT)
            return
        query = dict(parse_qsl(self.scope["query_string"].decode(errors="replace")))
        self.feed = feeds.feed_of(owner.pk)
        view = View.of(query).allowed(owner)
        self.page = feeds.Page(self.send, self.close, session_key, view, query.get("state", ""))
        self.page.unsent_bytes = self.scope.get("unsent_bytes", self.page.unsent_bytes)
        self.feed.join(self.page)
        SOCKETS.inc()

    async def disconnect(self, code: int) -> None:
        if self.page:
            SOCKETS.dec()
            self.feed.leave(self.page)
