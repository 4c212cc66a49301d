"""Sockets of pages, to the application itself."""

from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from videoservice.asgi import application

ORIGIN = (b"origin", b"http://localhost")


def socket(
    account=None, query: str = "view=queue", origin: tuple[bytes, bytes] = ORIGIN, client: Client | None = None
) -> WebsocketCommunicator:
    """That of a page in the browser `client`, in a new one of this account, or in one of nobody's."""
    headers = [origin, (b"host", b"localhost")]
    if account is not None:
        client = Client()
        client.force_login(account)
    if client is not None:
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return WebsocketCommunicator(application, f"/ws/queue/?{query}", headers=headers)


async def state_of(page: WebsocketCommunicator) -> str:
    """All that a page is sent when it connects; the count in the bar comes last."""
    messages = [await page.receive_from(timeout=30)]
    while 'id="queue-count"' not in messages[-1]:
        messages.append(await page.receive_from(timeout=30))
    return "".join(messages)
