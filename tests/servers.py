"""A real Redis, a real MariaDB and real object storage, each in a folder of its own."""

import contextlib
import getpass
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import boto3
import MySQLdb
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.processes import Process, run, wait_for


class Redis:
    """redis-server with an append-only file, as script/server runs it, on a socket."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder, self.socket = folder, socket
        self.process: Process | None = None

    def start(self) -> None:
        options = f"--port 0 --unixsocket {self.socket} --dir {self.folder} --appendonly yes --save".split()
        self.process = Process("redis", ["redis-server", *options, ""], self.folder / "redis.log")
        wait_for(self._answers, f"Redis:\n{self.process.said()}")

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process:
            self.process.end(number)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False


class MariaDB:
    """mariadbd on a port of this machine, for root without a password. What is asked of it is quick and does not last:
    with `durable`, what it has acknowledged is there also when it is killed."""

    OPTIONS = (
        "--character-set-server=utf8mb4 "
        "--skip-name-resolve --skip-log-bin --innodb-flush-log-at-trx-commit=0 "
        "--innodb-doublewrite=0 --innodb-log-file-size=32M --innodb-buffer-pool-size=64M --max-connections=200 "
        # ANALYZE reads all, so that a plan does not hang on which pages it happened to look at.
        "--innodb-stats-persistent-sample-pages=256"
    )

    DURABLE = "--innodb-flush-log-at-trx-commit=1 --innodb-doublewrite=1"

    def __init__(
        self, folder: Path, port: int, *, durable: bool = False, bind: str = "127.0.0.1", inside: tuple[str, ...] = ()
    ) -> None:
        """`inside` is what makes it run on another host; from here it is then reached by its socket."""
        self.folder, self.port, self.durable, self.bind, self.inside = folder, port, durable, bind, inside
        self.process: Process | None = None

    def start(self) -> None:
        """Start it for the first time, or again with what it held."""
        data, user = self.folder / "data", getpass.getuser()
        if not data.exists():
            self._install(data, user)
        program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        own = [f"--datadir={data}", f"--socket={self._socket}", f"--user={user}"]
        own += [f"--port={self.port}", f"--bind-address={self.bind}"]
        options = f"{self.OPTIONS} {self.DURABLE if self.durable else ''}".split()
        argv = [*self.inside, program, "--no-defaults", *own, *options]
        self.process = Process("mariadb", argv, self.folder / "log")
        wait_for(self._answers, "MariaDB")

    def _install(self, data: Path, user: str) -> None:
        self.folder.mkdir(parents=True)
        install = shutil.which("mariadb-install-db")
        assert install, "script/bootstrap tests installs mariadb-server"
        options = [f"--user={user}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        run([install, "--no-defaults", f"--datadir={data}", *options])

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process:
            self.process.end(number)

    def connect(self, database: str = "") -> MySQLdb.Connection:
        if self.inside:
            return MySQLdb.connect(unix_socket=str(self._socket), user="root", database=database)
        return MySQLdb.connect(host="127.0.0.1", port=self.port, user="root", database=database)

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"

    def execute(self, statement: str) -> None:
        with contextlib.closing(self.connect()) as connection:
            connection.query(statement)

    def copy(self, source: str, target: str) -> None:
        """Make a database like another one, with its rows."""
        self.execute(f"CREATE DATABASE {target} CHARACTER SET utf8mb4")
        self.load(target, self.dump(source))

    def dump(self, name: str) -> str:
        """A database as statements."""
        return run(["mariadb-dump", *self._access, name]).stdout

    def load(self, name: str, dump: str) -> None:
        """Make what was dumped in a database that is empty."""
        run(["mariadb", *self._access, name], input=dump)

    @property
    def _access(self) -> list[str]:
        return ["--no-defaults", "--host=127.0.0.1", f"--port={self.port}", "--user=root"]

    def _answers(self) -> bool:
        assert self.process and self.process.alive, self.process and self.process.said()
        with contextlib.suppress(MySQLdb.OperationalError):
            self.execute("SELECT 1")
            return True
        return False


class ObjectStorage:
    """An S3 server on a port, with one bucket (tests.bucket.server says what it does and what it does not)."""

    KEY, SECRET, BUCKET, REGION = "test:tester", "testing", "recordings", "us-east-1"

    def __init__(self, folder: Path, port: int, host: str = "127.0.0.1", inside: tuple[str, ...] = ()) -> None:
        self.folder, self.port, self.host, self.inside = folder, port, host, inside
        self.endpoint = f"http://{host}:{port}"
        self.process: Process | None = None

    @property
    def env(self) -> dict[str, str]:
        """What a client finds its credentials in."""
        return {"AWS_ACCESS_KEY_ID": self.KEY, "AWS_SECRET_ACCESS_KEY": self.SECRET}

    def url(self, prefix: str = "", endpoint: str = "") -> str:
        """What STORAGE_URL says of it; with an `endpoint`, by way of that one (tests.bucket.faults)."""
        return f"s3://{self.BUCKET}/{prefix}?endpoint={endpoint or self.endpoint}&region={self.REGION}"

    def start(self) -> None:
        """Start it for the first time, or again with what it held."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {"folder": self.folder, "port": self.port, "host": self.host, "key": self.KEY, "secret": self.SECRET}
        flags = [piece for name, value in options.items() for piece in (f"--{name}", str(value))]
        argv = [*self.inside, sys.executable, "-m", "tests.bucket.server", *flags]
        self.process = Process("object storage", argv, self.folder / "log")
        wait_for(self._answers, "object storage", 30)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process:
            self.process.end(number)

    def client(self, key: str = KEY, secret: str = SECRET, endpoint: str = "") -> Any:
        """A client of it. `endpoint`: as for `url`."""
        return boto3.client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            region_name=self.REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def keys(self, prefix: str = "") -> list[str]:
        """All keys that begin with this, in order."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.BUCKET, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def empty(self) -> None:
        """Delete all that it holds, also parts of uploads that nobody finished."""
        client = self.client()
        for key in self.keys():
            client.delete_object(Bucket=self.BUCKET, Key=key)
        for upload in client.list_multipart_uploads(Bucket=self.BUCKET).get("Uploads", []):
            client.abort_multipart_upload(Bucket=self.BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])

    def _answers(self) -> bool:
        assert self.process and self.process.alive, self.process and self.process.said()
        try:
            self.client().create_bucket(Bucket=self.BUCKET)
        except BotoCoreError:
            return False
        except ClientError as error:  # it held one when it was ended
            return error.response["Error"]["Code"] == "BucketAlreadyOwnedByYou"
        return True
