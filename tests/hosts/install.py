"""An install on several hosts: nginx in front of two web hosts, two of workers, one with MariaDB, Redis and bucket."""

import contextlib
import functools
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import MySQLdb.cursors
import requests

from tests import nginx, static_files
from tests.hosts.caller import Caller
from tests.hosts.load import Person
from tests.hosts.network import Network
from tests.processes import BASE_DIR, Process, run, wait_for
from tests.servers import MariaDB, ObjectStorage

WEBS = ("web1", "web2")
WORKERS = {"work1": ("cut", "fast"), "work2": ("cut", "fast", "encode", "speech", "hooks", "fetch")}
"""The queues of each host of workers."""
DATABASE = "videoservice"


class Install:
    """One that runs. `hosts` are its machines, by name; `url` is where people find it."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.folder = network, folder
        names = ("front", "data", *WEBS, *WORKERS)
        self.hosts = {name: network.host(name) for name in names}
        self.url = f"http://{self.hosts['front'].address}"
        self.mariadb = MariaDB(folder / "mariadb", 3306, bind="0.0.0.0", inside=self.hosts["data"].inside)
        self.storage = ObjectStorage(folder / "objects", 9000, self.hosts["data"].address, self.hosts["data"].inside)
        self.password = secrets.token_hex(16)
        self.env = self._environment()
        self._tokens: dict[str, str] = {}

    # Parts -----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Everything, in the order in which an operator would."""
        (self.folder / "redis").mkdir()
        static_files.put(self.folder / "static")
        self.start_database()
        self.start_redis()
        self.storage.start()
        self.manage("migrate", "-v0")
        for name in WEBS:
            self.start_web(name)
        for name in WORKERS:
            self.start_workers(name)
        self.start_nginx()
        self.wait_ready()

    def start_database(self) -> None:
        self.mariadb.start()
        self.mariadb.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4")
        self.mariadb.execute(f"GRANT ALL ON {DATABASE}.* TO site@'%' IDENTIFIED BY '{self.password}'")

    def start_redis(self) -> None:
        options = f"--bind 0.0.0.0 --requirepass {self.password} --dir {self.folder / 'redis'} --appendonly yes --save"
        self.hosts["data"].run("redis", ["redis-server", *options.split(), ""])

    def start_web(self, name: str, clock: float = 0) -> Process:
        return self._start(name, "web", "serve", clock=clock)

    def start_workers(self, name: str, clock: float = 0) -> None:
        """The workers of a host and its reconciler; with its clock so many seconds wrong."""
        self._start(name, "workers", "work", *WORKERS[name], clock=clock)
        self._start(name, "reconcile", "reconcile", clock=clock)

    def start_nginx(self) -> None:
        webs = " ".join(f"{self.hosts[name].address}:8000" for name in WEBS)
        self.hosts["front"].run(
            "nginx", ["sh", nginx.START], nginx.environment(self.folder, webs, {"NGINX_PORT": "80"})
        )

    def mend(self) -> None:
        """Plug in and start again what a test has ended, with right clocks, and wait until all is ready."""
        for host in self.hosts.values():
            host.plug()
            host.processes = {name: process for name, process in host.processes.items() if process.alive}
        if not (self.mariadb.process and self.mariadb.process.alive):
            self.start_database()
        if not (self.storage.process and self.storage.process.alive):
            self.storage.start()
        starts = {"data": ("redis", self.start_redis), "front": ("nginx", self.start_nginx)}
        starts |= {name: ("web", functools.partial(self.start_web, name)) for name in WEBS}
        for name, (program, start) in starts.items():
            if program not in self.hosts[name].processes:
                start()
        for name in WORKERS:
            if self.hosts[name].processes.keys() != {"workers", "reconcile"}:
                self.hosts[name].kill()
                self.start_workers(name)
        self.wait_ready()

    def stop(self) -> None:
        for host in self.hosts.values():
            host.kill()
        self.mariadb.stop(signal.SIGKILL)
        self.storage.stop(signal.SIGKILL)

    def _start(self, host: str, name: str, *command: str, clock: float = 0) -> Process:
        program = ["-m", "tests.wrong_clock", str(clock)] if clock else ["manage.py"]
        return self.hosts[host].run(name, [sys.executable, *program, *command], self.env_of(host))

    def env_of(self, host: str) -> dict[str, str]:
        """What the processes of a host are told; each has a disk of its own."""
        return self.env | {"DATA_DIR": str(self.folder / host)}

    def manage(self, *command: str, host: str = "work1") -> str:
        """Run a command of the site on a host to its end, and return what it said."""
        argv = [*self.hosts[host].inside, sys.executable, "manage.py", *command]
        return run(argv, cwd=BASE_DIR, env=self.env_of(host)).stdout

    def wait_ready(self) -> None:
        for name in WEBS:
            wait_for(lambda name=name: self.is_ready(name), f"{name} to be ready:\n{self.said()}", 90)
        wait_for(self._works, f"every queue to have a worker:\n{self.said()}", 90)

    def is_ready(self, web: str) -> bool:
        """Whether this web host can serve."""
        with contextlib.suppress(requests.RequestException):
            address, host = f"http://{self.hosts[web].address}:8000/readyz", {"Host": self.hosts["front"].address}
            return requests.get(address, headers=host, timeout=5).status_code == 200
        return False

    def said(self) -> str:
        """The last lines of every process, for messages of failing tests."""
        parts = []
        for log in sorted(self.network.logs.glob("*.log")):
            parts.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:]))
        return "\n".join(parts)

    def _works(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return bool(requests.get(f"{self.url}/status", timeout=5).json()["ok"])
        return False

    def _environment(self) -> dict[str, str]:
        left_out = ("DATABASE_URL", "TEST_DATA_DIR")
        data, front = self.hosts["data"].address, self.hosts["front"].address
        return {name: value for name, value in os.environ.items() if name not in left_out} | {
            "DJANGO_SETTINGS_MODULE": "videoservice.settings",
            "STATIC_ROOT": str(self.folder / "static"),
            "STORAGE_URL": self.storage.url("videos"),
            **self.storage.env,
            "DATABASE_URL": f"mysql://site:{self.password}@{data}:3306/{DATABASE}",
            "REDIS_URL": f"redis://:{self.password}@{data}:6379/0",
            "ALLOWED_HOSTS": front,
            "BEHIND_PROXY": "1",
            "BIND": "0.0.0.0",
            "PORT": "8000",
            "LOST_AFTER_SECONDS": "5",
            "RECONCILE_SECONDS": "1",
        }

    # People ----------------------------------------------------------------------------------------------------------

    def client(self, email: str, web: str = "") -> "Caller":
        """An account's program, with a token for everything: through nginx, or straight to one of the web hosts."""
        if email not in self._tokens:
            self._tokens[email] = self.manage("createtoken", email, "--create").strip()
        if web:
            return Caller(f"http://{self.hosts[web].address}:8000", self._tokens[email], self.hosts["front"].address)
        return Caller(self.url, self._tokens[email])

    # Truth -----------------------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Read from the database, past everything that could be wrong about it."""
        with contextlib.closing(self.mariadb.connect(DATABASE)) as connection:
            cursor = connection.cursor(MySQLdb.cursors.DictCursor)
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def audit(self, *people: Person) -> None:
        """Nothing that was acknowledged is lost, and nothing was done twice."""
        for person in people:
            for video, sha256 in person.videos.items():
                rows = self.rows("SELECT sha256 FROM jobs_video WHERE id = %s", UUID(video).hex)
                assert [row["sha256"] for row in rows] == [sha256], f"recording {video}"
            for job in person.jobs:
                found = person.caller.wait(job)
                assert found["status"] == "succeeded", found
                rows = self.rows("SELECT position FROM jobs_artifact WHERE job_id = %s", UUID(job).hex)
                assert len(rows) == len({row["position"] for row in rows}) == len(found["artifacts"]) > 0
