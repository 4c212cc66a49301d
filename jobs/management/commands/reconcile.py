import argparse
import logging
import signal
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections, connection
from redis.exceptions import RedisError

from jobs.services import queues, reconcile, sweeping
from videoservice import healthcheck, tables

log = logging.getLogger(__name__)


class Nights:
    """Compares files and rows each night, beside the rounds: that may take minutes, and lost work is not to wait."""

    LOOK_SECONDS = 60

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._looked = -float("inf")

    def look(self) -> None:
        if (self._thread and self._thread.is_alive()) or time.monotonic() < self._looked + self.LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        if self._thread:
            self._thread.join()

    @staticmethod
    def _sweep() -> None:
        try:
            sweeping.nightly()
        except (Error, OSError) as error:
            log.warning("files and rows could not be compared: %s", error)
        finally:
            connection.close()


class Command(BaseCommand):
    help = "Find jobs whose worker is gone and jobs that Redis forgot, and clear up what they left, again and again."
    requires_system_checks: list[str] = []  # the web process runs them; here they would slow every start

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round only")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        tables.wait()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            queues.forget_renamed()
        except RedisError as error:
            log.warning("Redis is away: %s", error)
        watch, nights = reconcile.Watch(time.time()), Nights()
        while True:
            try:
                close_old_connections()
                reconcile.sweep(silence_tells=watch.trusts_silence(time.time()))
                watch.saw(time.time())
                nights.look()
            except Error as error:
                log.warning("the database is away: %s", error)
                connection.close()
            healthcheck.sign("reconcile")
            if once:
                nights.finish()
            if once or stop.wait(settings.RECONCILE_SECONDS):
                return
