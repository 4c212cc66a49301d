import argparse
import gc
from importlib import import_module
from typing import Any

import django_rq
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from PIL import Image
from redis.exceptions import RedisError

from jobs import storage
from jobs.engine.container import ffmpeg
from jobs.engine.runtime import processors
from jobs.hooks_worker import HooksWorker
from jobs.operations import registry
from jobs.services import outbox
from jobs.worker import MediaWorker, unique_name
from jobs.worker_pool import Pool
from videoservice import tables, tracing
from videoservice.worker_set import HEAVY

# `/status` counts a worker whose machine went away for at most a minute longer than this.
ANNOUNCED_SECONDS = 60
LOADED_LATE = ("jobs.tasks", "django.db.models.sql.compiler", "numpy.fft", "numpy.ma")
"""What is needed by nearly every job and loaded by none of the modules here, but when it is first used."""


class Command(BaseCommand):
    help = "Work on the jobs of queues until told to stop: a process for each name, one that is there twice gets two."
    requires_system_checks: list[str] = []  # the web process runs them; here they would slow every start

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("queues", nargs="+", choices=list(settings.RQ_QUEUES), metavar="queue")
        parser.add_argument("--processes", type=int, default=1, metavar="N", help="so many for each name")

    def handle(self, *args: Any, queues: list[str], processes: int, **options: Any) -> None:
        if processes < 1:
            raise CommandError("--processes has to be 1 or more.")
        tables.wait()
        every = queues * processes
        processors.share_among(max(every.count(queue) for queue in HEAVY) or 1)
        preload()
        if len(every) == 1:
            listen(every[0])
        else:
            Pool(every, listen).run()


def listen(queue: str) -> None:
    """Be a worker of one queue, until a signal ends it."""
    waiting = django_rq.get_queue(queue)
    kind = HooksWorker if queue == outbox.QUEUE else MediaWorker
    try:
        kind(
            [waiting],
            name=unique_name(queue),
            connection=waiting.connection,
            worker_ttl=ANNOUNCED_SECONDS,
            job_monitoring_interval=5,
        ).work(logging_level="WARNING")
    except RedisError as error:  # before it knew any: later it waits
        raise CommandError(
            f"Redis cannot be reached: {error} Start it, or check QUEUE_REDIS_URL and REDIS_URL."
        ) from error


def preload() -> None:
    """Load what jobs need before forking, once instead of for every job. Opens no connection and starts no thread."""
    registry.every()
    for name in LOADED_LATE:
        import_module(name)
    get_channel_layer()
    tracing.load()
    storage.store()  # with a bucket, what speaks to it
    Image.preinit()
    ffmpeg.program()
    # A collection in a work-horse would touch, and so copy, every page of objects that it shares with its worker.
    gc.collect()
    gc.freeze()
