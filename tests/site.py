"""The real site for tests: web process, workers, reconciler and Redis, each a process that a test may kill.

It has a folder and a database of its own. Tests speak to it through HTTP, and look at its rows inside `site.orm()`.
"""

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections

from jobs.models import Account, Job, Token
from tests import static_files, tables
from tests.processes import BASE_DIR, PATIENCE_SECONDS, Process, run, wait_for
from tests.servers import MariaDB, Redis
from tests.settings import free_port
from videoservice import listening, web_group

PASSWORD = "correct horse battery staple"
WORKERS = (("cut",), ("fast", "encode", "speech", "hooks", "fetch"))
"""The queues of each process of workers, called by the name of the first. Most tests that end one end that of cuts."""


class Sites:
    """Makes sites. Migrating and collecting static files is done once, and copied."""

    def __init__(
        self, folder: Path, unblock: Callable[[], AbstractContextManager[None]], mariadb: MariaDB | None
    ) -> None:
        self.folder, self.unblock, self.mariadb = folder, unblock, mariadb
        self._numbers = itertools.count(1)
        self._template = folder / "template"
        self._made: list[Site] = []

    def make(self, *, only_web: bool = False, webs: int = 0, **env: str) -> "Site":
        """A site that runs, with these environment variables besides its own; with `webs`, so many web processes that
        share a socket, as under the supervisor."""
        name, data = self._place()
        self.copy_template(data)
        (data / "log").mkdir()
        if self.mariadb:
            self.mariadb.copy("template", name)
        site = self._site(name, data, env, only_web=only_web, webs=webs)
        site.start()
        return site

    def make_empty(self, **env: str) -> "Site":
        """The folders of a site and a database without a table. Nothing of it runs."""
        name, data = self._place()
        (data / "log").mkdir(parents=True)
        if self.mariadb:
            self.mariadb.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self._site(name, data, env)

    def _place(self) -> tuple[str, Path]:
        name = f"site{next(self._numbers)}"
        return name, self.folder / name

    def _site(self, name: str, data: Path, env: dict[str, str], *, only_web: bool = False, webs: int = 0) -> "Site":
        database: dict[str, Any] = {"NAME": str(data / "db.sqlite3")}
        if self.mariadb:
            database = {"NAME": name, "PORT": self.mariadb.port}
        site = Site(data, self._env(data, name) | env, self.unblock, database, only_web=only_web, webs=webs)
        self._made.append(site)
        return site

    def copy_template(self, data: Path) -> None:
        """A data folder that nothing has run on yet, with its static files and, on SQLite, its database."""
        if not self._template.exists():
            self._make_template()
        shutil.copytree(self._template, data)

    def stop(self) -> None:
        for site in self._made:
            site.stop()

    def _make_template(self) -> None:
        self._template.mkdir(parents=True)
        if self.mariadb:
            tables.load(self.mariadb, "template")
        else:
            tables.put(self._template / "db.sqlite3")
        static_files.put(self._template / "static")

    def _env(self, data: Path, database: str) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TEST_DATA_DIR")}
        env |= {
            "DJANGO_SETTINGS_MODULE": "videoservice.settings",
            "DATA_DIR": str(data),
            "IMPORT_PRIVATE_ADDRESSES": "1",
            "STOP_GRACE_SECONDS": "0",
        }
        if self.mariadb:
            env["DATABASE_URL"] = f"mysql://root@127.0.0.1:{self.mariadb.port}/{database}"
        return env


class Site:
    """One running install. `data` and `media` are its folders, `processes` what runs, by name."""

    def __init__(
        self,
        data: Path,
        env: dict[str, str],
        unblock: Callable[[], AbstractContextManager[None]],
        database: dict[str, Any],
        *,
        only_web: bool = False,
        webs: int = 0,
    ) -> None:
        self.data, self.media, self.name = data, data / "media", data.name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = env | {"PORT": str(self.port)}
        self.redis = Redis(data, data / "redis.sock")
        self.processes: dict[str, Process] = {}
        self.only_web, self.webs = only_web, webs
        self.listening = listening.listen("127.0.0.1", self.port) if webs else None
        self._unblock, self._database = unblock, database
        self._numbers = itertools.count(1)

    # Processes -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Redis, web, a worker on each queue and the reconciler; returns when the site is ready."""
        self.redis.start()
        for _ in range(max(1, self.webs)):
            self.start_web()
        if not self.only_web:
            for queues in WORKERS:
                self.start_worker(*queues)
            self.start_reconcile()
        self.wait_ready()

    def start_web(self) -> Process:
        if self.listening is None:
            return self._start("web", "serve")
        name = next(name for number in itertools.count(1) if (name := f"web{number}") not in self.processes)
        return self._start(name, "serve", "--inherited", stdin=self.listening.fileno())

    def start_worker(self, *queues: str) -> Process:
        return self._start(f"{queues[0]}{next(self._numbers)}", "work", *queues)

    def start_reconcile(self) -> Process:
        return self._start("reconcile", "reconcile")

    def workers(self, queue: str) -> list[Process]:
        return [process for name, process in self.processes.items() if name.rstrip("0123456789") == queue]

    def kill(self, process: Process, number: int = signal.SIGKILL) -> None:
        """End one of the processes with a signal; nothing starts it again."""
        process.end(number)
        self.processes.pop(process.name, None)

    def restart_redis(self, number: int = signal.SIGTERM) -> None:
        self.redis.stop(number)
        self.redis.start()

    def restart_web(self, number: int = signal.SIGTERM) -> None:
        self.kill(self.processes["web"], number)
        self.start_web()
        self.wait_ready()

    def mend(self) -> None:
        """Start again what of all this a test has ended, and wait until the site is ready."""
        self.processes = {name: process for name, process in self.processes.items() if process.alive}
        if not self.redis.alive:
            self.redis.start()
        if "web" not in self.processes:
            self.start_web()
        for queues in WORKERS:
            if not self.workers(queues[0]):
                self.start_worker(*queues)
        if "reconcile" not in self.processes:
            self.start_reconcile()
        self.wait_ready()

    def stop(self) -> None:
        """Kill everything, workers first, Redis last. Nobody looks at it any more, and ending in order costs a second
        of a processor."""
        for process in reversed(list(self.processes.values())):
            process.end(signal.SIGKILL)
        self.processes.clear()
        if self.listening:
            self.listening.close()
        self.redis.stop()

    def wait_ready(self, seconds: float = 180) -> None:
        wait_for(self._ready, f"the site to be ready; what it said:\n{self.said()}", seconds)

    def said(self) -> str:
        """The last lines of every process, for messages of failing tests."""
        parts = []
        for log in sorted((self.data / "log").glob("*.log")):
            parts.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:]))
        return "\n".join(parts)

    def manage(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a management command of this site to its end; it has to succeed."""
        return run([sys.executable, "manage.py", *args], cwd=BASE_DIR, env=self.env, **options)

    def _start(self, name: str, *args: str, stdin: int = subprocess.DEVNULL) -> Process:
        argv = [sys.executable, "manage.py", *args]
        env = {**self.env, web_group.COUNTS_AS: name}
        process = Process(name, argv, self.data / "log" / f"{name}.log", env, stdin)
        self.processes[name] = process
        return process

    def _ready(self) -> bool:
        for process in self.processes.values():
            assert process.alive, f"{process} ended:\n{process.said()}"
        if not self.only_web:
            return works(self.url)
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        return False

    # Rows ------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def orm(self) -> Iterator[None]:
        """Inside, this process's models are rows of the site. Not for tests that use pytest-django's `db`."""
        connection = connections["default"]
        connection.close()
        before = {key: connection.settings_dict[key] for key in self._database}
        connection.settings_dict |= self._database
        try:
            with self._unblock():
                yield
        finally:
            connection.close()
            connection.settings_dict |= before

    def rename_table(self, name: str, new: str) -> None:
        """Take a table away from the site, or give it back."""
        with self.orm(), connections["default"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {name} RENAME TO {new}")

    def account(self, email: str, **fields: Any) -> Account:
        """The account of this address, made when it is not there. Its password is PASSWORD."""
        with self.orm():
            if found := Account.objects.filter(email=email).first():
                return found
            account = Account.objects.create_user(email, **fields)
            # The site's own way of keeping passwords, but quick: the test process uses another one.
            account.password = PBKDF2PasswordHasher().encode(PASSWORD, secrets.token_hex(8), iterations=1000)
            account.save()
            return account

    def token(self, email: str) -> str:
        """A new API token of an account, which is made when it is not there."""
        account = self.account(email)
        with self.orm():
            return Token.issue(account, "tests")

    def client(self, email: str | None = None, **fields: Any) -> "Client":
        """An HTTP client: signed in as this account, or as nobody."""
        client = Client(self.url)
        if email:
            account = self.account(email, **fields)
            with self.orm():
                session = SessionStore()
                session[SESSION_KEY] = str(account.pk)
                session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
                session[HASH_SESSION_KEY] = account.get_session_auth_hash()
                # As allauth keeps that it was just now, by a password.
                session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time()}]
                session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = str(account.pk)
                session.create()
            client.cookies.set(settings.SESSION_COOKIE_NAME, session.session_key, domain="127.0.0.1")
        return client

    def job(self, pk: object) -> Job:
        """The row of a job as it is now."""
        with self.orm():
            return Job.objects.get(pk=pk)

    def wait_for_job(self, pk: object, *statuses: str, seconds: float = PATIENCE_SECONDS) -> Job:
        """Wait until the job has one of these states; of those that end, when none is named."""
        wanted = statuses or Job.TERMINAL

        def reached() -> Job | None:
            job = self.job(pk)
            return job if job.status in wanted else None

        return wait_for(reached, f"job {pk} to be {' or '.join(wanted)}:\n{self.said()}", seconds)  # type: ignore[return-value]


def works(url: str) -> bool:
    """Whether the site there can serve, and has a worker on each queue."""
    with contextlib.suppress(requests.RequestException, ValueError):
        ready = requests.get(f"{url}/readyz", timeout=10).status_code == 200
        return ready and requests.get(f"{url}/status", timeout=10).json()["ok"]
    return False


class Client(requests.Session):
    """Speaks to a site like a browser: relative addresses, cookies, and the CSRF token with everything that changes."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.cookies.set(settings.CSRF_COOKIE_NAME, secrets.token_hex(16), domain=urlsplit(url).hostname or "")

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        headers = dict(options.pop("headers", None) or {})
        if method.upper() not in ("GET", "HEAD", "OPTIONS") and "Authorization" not in headers:
            headers.setdefault("X-CSRFToken", self.cookies[settings.CSRF_COOKIE_NAME])
        options.setdefault("timeout", 60)
        return super().request(method, urljoin(self.url, url), headers=headers, **options)

    def sign_up(self, email: str, password: str = PASSWORD) -> requests.Response:
        """Through the form; signed in afterwards."""
        return self.post("/accounts/signup/", data={"email": email, "password1": password})

    def sign_in(self, email: str, password: str = PASSWORD) -> requests.Response:
        return self.post("/accounts/login/", data={"login": email, "password": password})

    def sign_out(self) -> requests.Response:
        return self.post("/accounts/logout/")
