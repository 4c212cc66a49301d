import argparse
from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from jobs.operations import registry
from jobs.worker import MediaWorker, unique_name

# `/readyz` counts a worker whose machine went away for at most a minute longer than this.
ANNOUNCED_SECONDS = 60


class Command(BaseCommand):
    help = "Work on the jobs of one queue until told to stop."
    requires_system_checks: list[str] = []  # the web process runs them; here they would slow every start

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("queue", choices=sorted(settings.RQ_QUEUES))

    def handle(self, *args: Any, queue: str, **options: Any) -> None:
        registry.every()  # import the operations before forking, once instead of for every job
        waiting = django_rq.get_queue(queue)
        try:
            MediaWorker(
                [waiting],
                name=unique_name(queue),
                connection=waiting.connection,
                worker_ttl=ANNOUNCED_SECONDS,
                job_monitoring_interval=5,
            ).work(logging_level="WARNING")
        except RedisError as error:  # before it knew any: later it waits
            raise CommandError(f"Redis cannot be reached: {error} Start it, or check REDIS_URL.") from error
