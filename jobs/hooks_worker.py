"""The worker that calls webhooks: RQ's own scheduler, which wakes it for the next delivery, runs beside it."""

import logging
import os
from importlib import import_module
from typing import Any

from django.db import connections
from redis.exceptions import RedisError
from rq.scheduler import RQScheduler

from jobs.services import outbox
from jobs.worker import MediaWorker, die_with_parent, outliving_redis

log = logging.getLogger(__name__)


class Scheduler(RQScheduler):
    """It ends with its worker: one that lives on would keep the lock, and nobody would end it."""

    def start(self) -> Any:
        connections.close_all()
        self._parent = os.getpid()
        return super().start()

    def work(self) -> None:
        die_with_parent(self._parent)
        try:
            super().work()
        except (RedisError, OSError) as error:  # its worker starts another one when Redis is back
            log.warning("the next deliveries are woken by the reconciler until Redis is back: %s", error)


class HooksWorker(MediaWorker):
    """Its work-horse delivers what is due, and no job."""

    scheduler: Scheduler | None
    run_scheduler = outliving_redis(lambda self: self._run_scheduler())

    def work(self, *args: Any, **options: Any) -> bool:
        import_module("jobs.delivering")  # once, not in each work-horse
        return super().work(*args, **{**options, "with_scheduler": True})

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        super().heartbeat(timeout, pipeline)
        self.run_scheduler()

    def _start_scheduler(
        self, burst: bool = False, logging_level: str | None = "INFO", *args: Any, **rest: Any
    ) -> None:
        self.scheduler = Scheduler(self.queues, connection=self.connection, logging_level=logging_level or "WARNING")
        self.run_scheduler()

    def _run_scheduler(self) -> None:
        """RQ looks every ten minutes whether it lives. It dies with Redis, and one elsewhere may hold the lock."""
        if (
            self.scheduler
            and not self.is_horse
            and not (self.scheduler._process and self.scheduler._process.is_alive())
        ):
            self.scheduler.acquire_locks(auto_start=True)

    def _ring(self) -> None:
        outbox.ring()
