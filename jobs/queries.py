"""Queries of coroutines: in threads of their own, since `database_sync_to_async` has one for all of a process."""

import functools
from concurrent.futures import ThreadPoolExecutor

from channels.db import DatabaseSyncToAsync

THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live")
in_thread = functools.partial(DatabaseSyncToAsync, thread_sensitive=False, executor=THREADS)
