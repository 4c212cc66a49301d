"""`manage.py serve`: the web process."""

import errno
import logging
import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

# Before anything else touches twisted: daphne chooses the reactor when it is imported.
from videoservice import web  # isort: skip

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs.services import arrivals
from videoservice import env, listening, preparing, tracing

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serve the site's pages, sockets and API until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default=env.text("BIND", "127.0.0.1"), help="address to listen on (BIND)")
        parser.add_argument("--port", type=int, default=env.integer("PORT", 8000), help="port to listen on (PORT)")
        parser.add_argument("--inherited", action="store_true", help="listen on the socket that is the standard input")

    def handle(self, *args: Any, bind: str, port: int, inherited: bool, **options: Any) -> None:
        # Bodies on their way in belong on the disk that has room for recordings; /tmp may be memory.
        wait_for_static()
        settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
        tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
        try:
            found = listening.inherited() if inherited else listening.listen(bind, port)
        except (OSError, OverflowError) as error:
            refuse(bind, port, error)
        from videoservice.asgi import application

        arrivals.allow_warm()
        address, port = found.getsockname()[:2]
        self.stdout.write(f"Serving on http://{f'[{address}]' if ':' in address else address}:{port}")
        self.stdout.flush()
        behind_proxy = settings.SECURE_PROXY_SSL_HEADER is not None
        web.Server(
            application,
            found,
            is_shared=inherited,
            proxy_forwarded_address_header="X-Forwarded-For" if behind_proxy else None,
        ).run()
        tracing.flush()
        # Threads that still check an upload cannot be stopped and must not hold us up; their children go with them,
        # and the upload can be gone on with.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def wait_for_static() -> None:
    """Return when there are static files. Those of another version are said so, and used: pages that need others fail.

    The database may still wait for its migration: then everybody is told so until it has come.
    """
    folder = Path(settings.STATIC_ROOT)
    if not settings.DEBUG and not preparing.has_manifest(folder):
        log.warning("waiting, as there are no static files in %s: run manage.py prepare", folder)
        while not preparing.has_manifest(folder):
            time.sleep(1)
    if not settings.DEBUG and not preparing.has_static(folder):
        log.warning("the static files in %s are of another version: run manage.py prepare", folder)


def refuse(bind: str, port: int, error: OSError | OverflowError) -> NoReturn:
    """End with one line that says why we cannot listen there."""
    reasons = {
        errno.EADDRINUSE: f"Port {port} is already in use. Stop the program that uses it, or set PORT to another one.",
        errno.EACCES: f"Port {port} is reserved for root. Set PORT to one from 1024 up.",
        errno.EADDRNOTAVAIL: f"This machine has no address {bind}. Set BIND to one that it has, or 0.0.0.0 for all.",
    }
    code = error.errno if isinstance(error, OSError) else None
    other = f"Cannot listen on {bind}, port {port}: {error}. Set BIND and PORT."
    sys.stderr.write(reasons.get(code or 0, other) + "\n")
    sys.exit(1)
