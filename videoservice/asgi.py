import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoservice.settings")
django.setup(set_prefix=False)  # the imports below need the applications

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402

from jobs.urls import websocket_urlpatterns  # noqa: E402
from videoservice.handler import Handler  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": Handler(),
        "websocket": AllowedHostsOriginValidator(CookieMiddleware(URLRouter(websocket_urlpatterns))),
    }
)
