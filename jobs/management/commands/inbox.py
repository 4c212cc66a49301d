import logging
import signal
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, close_old_connections, connection

from jobs.services.inbox import Inbox
from videoservice import healthcheck, tables

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Make recordings of files that appear in INBOX_DIR/<e-mail>/<chain>/, and run that chain on them."
    requires_system_checks: list[str] = []  # the web process runs them; here they would slow every start

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.INBOX_DIR is None:
            raise CommandError("Say in INBOX_DIR which folder to look at.")
        tables.wait()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        inbox = Inbox(settings.INBOX_DIR, settings.INBOX_STILL_SECONDS, time.monotonic)
        while not stop.wait(min(5.0, settings.INBOX_STILL_SECONDS / 2)):
            try:
                close_old_connections()
                inbox.look()
            except Error as error:
                log.warning("the database is away: %s", error)
                connection.close()
            except OSError as error:
                log.warning("the inbox cannot be looked at: %s", error)
            healthcheck.sign("inbox")
