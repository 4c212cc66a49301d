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

from jobs.services import queues, reconcile

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Find jobs whose worker is gone and jobs that Redis forgot, and clear up what they left, again and again."
    requires_system_checks: list[str] = []  # the web process runs them; here they would slow every start

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round only")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            queues.forget_renamed()
        except RedisError as error:
            log.warning("Redis is away: %s", error)
        watch = reconcile.Watch(time.time())
        while True:
            try:
                close_old_connections()
                reconcile.sweep(silence_tells=watch.trusts_silence(time.time()))
                watch.saw(time.time())
            except Error as error:
                log.warning("the database is away: %s", error)
                connection.close()
            if once or stop.wait(settings.RECONCILE_SECONDS):
                return
