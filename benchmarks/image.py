"""Builds the image and runs the services of compose.yaml in it, to the main job: sizes, times, and how each ends.

    .venv/bin/python benchmarks/image.py talk.mp4                        builds it first (minutes)
    .venv/bin/python benchmarks/image.py talk.mp4 --image videoservice   one that was built
    .venv/bin/python benchmarks/image.py talk.mp4 -- --volume /etc/pip.conf:/etc/pip.conf:ro    more for buildah

Needs root, buildah, crun, nginx, MariaDB and Redis on this machine; without docker it is how compose.yaml is tried.
Each container is as compose.yaml has it: command, variables, secrets, user, read-only file system, no capabilities,
limits of memory and processes. What is not: the network, nginx, MariaDB and Redis, which are this machine's.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django
import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()  # for what is imported of the tests

from tests import compose  # noqa: E402
from tests.hosts.caller import Caller  # noqa: E402
from tests.nginx import nginx  # noqa: E402
from tests.processes import Process, run, wait_for  # noqa: E402
from tests.servers import MariaDB  # noqa: E402
from tests.settings import free_port  # noqa: E402

WEBS = {"web1": "127.0.0.2", "web2": "127.0.0.3"}
WORKERS = ("fast", "cut", "encode", "speech", "hooks", "fetch")
NEEDED = ("buildah", "crun", "mariadb-install-db", "redis-server")
# crun knows no hybrid cgroups: it gets the older ones alone, in a namespace of its own.
CRUN = ("unshare", "-m", "sh", "-c", 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"', "crun")
UNITS = {"m": 1024**2, "g": 1024**3}


class Container:
    """A service of compose.yaml in a container of the image."""

    def __init__(self, name: str, service: dict[str, Any], install: "Install", **variables: str) -> None:
        self.name, self.service, self.install = f"try-{os.getpid()}-{name}", service, install
        self.folder = install.folder / name
        self.folder.mkdir()
        self.environment = install.image_env | service["environment"] | variables
        (self.folder / "config.json").write_text(json.dumps(self._config()))

    def start(self) -> None:
        argv = [*CRUN, "run", "--bundle", self.folder, self.name]
        self.process = Process(self.name, argv, self.folder / "log")

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        argv = [*CRUN, "exec", "--cwd", "/app", "--user", "1000:1000", self.name, *command]
        return subprocess.run(argv, capture_output=True, text=True)

    def is_well(self) -> str:
        """What its health check says, as compose.yaml asks or, without a test there, as the image does."""
        check = self.service["healthcheck"].get("test", ["CMD", "python", "-m", "videoservice.healthcheck"])
        return self.exec(*check[1:]).stdout.strip()

    def stop(self) -> tuple[float, int]:
        """SIGTERM; how many seconds it took to end, and its exit status."""
        begun = time.monotonic()
        run([*CRUN, "kill", self.name, "TERM"])
        wait_for(lambda: not self.process.alive, f"{self.name} to end", 700)
        return time.monotonic() - begun, self.process.end()

    def _config(self) -> dict[str, Any]:
        run([*CRUN, "spec"], cwd=self.folder)
        config = json.loads((self.folder / "config.json").read_text())
        limits = self.service["deploy"]["resources"]["limits"]
        memory = limits["memory"]
        config["root"] = {"path": self.install.root, "readonly": True}
        config["hostname"] = self.name
        config["process"] |= {
            "terminal": False,
            "user": {"uid": 1000, "gid": 1000},
            "cwd": "/app",
            "args": ["/usr/bin/tini", "--", *self.service["command"]],
            "env": [f"{name}={value}" for name, value in self.environment.items()],
            "noNewPrivileges": True,
            "capabilities": {kind: [] for kind in config["process"]["capabilities"]},
        }
        config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] != "/sys/fs/cgroup"]
        config["mounts"] += [
            self._bind(self.install.data, "/data"),
            self._bind(self.install.folder / "scratch", "/scratch"),
            *(
                self._bind(self.install.folder / "secrets" / name, f"/run/secrets/{name}", "ro")
                for name in self.service["secrets"]
            ),
            self._bind(self.install.folder / "hosts", "/etc/hosts", "ro"),
            {
                "destination": "/tmp",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "nodev", "size=256m", "mode=1777"],
            },
        ]
        kept = [space for space in config["linux"]["namespaces"] if space["type"] not in ("network", "cgroup")]
        config["linux"] |= {
            "namespaces": kept,
            "resources": {
                "memory": {"limit": int(memory[:-1]) * UNITS[memory[-1]]},
                "pids": {"limit": int(limits["pids"])},
            },
        }
        return config

    @staticmethod
    def _bind(source: Path, target: str, access: str = "rw") -> dict[str, Any]:
        return {"destination": target, "type": "bind", "source": str(source), "options": ["rbind", access]}


class Install:
    """The services, their folders and the servers that they stand on."""

    def __init__(self, image: str, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        for place in (self.data, folder / "scratch"):
            place.mkdir(mode=0o700)
            os.chown(place, 1000, 1000)
        self.container = run(["buildah", "from", "--pull-never", image]).stdout.strip()
        self.root = run(["buildah", "mount", self.container]).stdout.strip()
        told = json.loads(run(["buildah", "inspect", "--type", "image", image]).stdout)
        self.image_env = dict(pair.split("=", 1) for pair in told["OCIv1"]["config"]["Env"])
        self.mariadb = MariaDB(folder / "mariadb", free_port(), bind="127.0.0.1")
        self.redis_port = free_port()
        self.containers: dict[str, Container] = {}

    def prepare(self) -> None:
        """Secrets, names of hosts, MariaDB and Redis, as compose.yaml has them."""
        copy = self.folder / "deploy" / "compose"
        copy.mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "compose" / "setup", copy)
        run(["sh", copy / "setup"])
        (self.folder / "hosts").write_text("127.0.0.1 localhost mariadb redis\n")
        self._name("database_url", "mariadb:3306", f"mariadb:{self.mariadb.port}")
        self._name("redis_url", "redis:6379", f"redis:{self.redis_port}")
        self.mariadb.start()
        password = (self.folder / "secrets" / "database_password").read_text()
        self.mariadb.execute("CREATE DATABASE videoservice CHARACTER SET utf8mb4")
        self.mariadb.execute(f"GRANT ALL ON videoservice.* TO videoservice@'127.0.0.1' IDENTIFIED BY '{password}'")
        self._start_redis()

    def _name(self, secret: str, old: str, new: str) -> None:
        file = self.folder / "secrets" / secret
        text = file.read_text()
        file.unlink()
        file.write_text(text.replace(old, new))
        file.chmod(0o444)

    def _start_redis(self) -> None:
        """By the very command of compose.yaml, but in a folder and on a port of its own."""
        *shell, script = compose.services()["redis"]["command"]
        script = script.replace("/run/secrets", str(self.folder / "secrets"))
        script = script.replace("--dir /data", f"--dir {self.folder} --port {self.redis_port}")
        self.redis = Process("redis", [*shell, script], self.folder / "redis.log")

    def start(self, name: str, service: str, **variables: str) -> Container:
        made = self.containers[name] = Container(name, compose.services()[service], self, **variables)
        made.start()
        return made

    def close(self) -> None:
        for container in self.containers.values():
            subprocess.run([*CRUN, "kill", container.name, "KILL"], capture_output=True)
            container.process.end(signal.SIGKILL)
        self.redis.end()
        self.mariadb.stop(signal.SIGKILL)
        subprocess.run(["buildah", "rm", self.container], capture_output=True)


def build(extra: Sequence[str]) -> str:
    begun = time.monotonic()
    argv = [
        "buildah",
        "build",
        "--format",
        "docker",
        "--isolation",
        "chroot",
        "--layers",
        *extra,
        "-t",
        "videoservice",
        ".",
    ]
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    tell("built in", f"{time.monotonic() - begun:.0f} s")
    return "videoservice"


def tell(what: str, figure: str) -> None:
    print(f"{what:<44} {figure}", flush=True)


def sizes(image: str, root: Path) -> None:
    told = json.loads(run(["buildah", "images", "--json", image]).stdout)[0]
    tell("image", str(told["size"]))
    for name in ("venv/share", "venv", "app", "usr"):
        total = sum(
            file.lstat().st_size for file in (root / name).rglob("*") if not file.is_symlink() and file.is_file()
        )
        tell(f"  /{name}", f"{total / 1e6:.0f} MB")
    bom = json.loads((root / "usr/share/sbom/videoservice.cdx.json").read_text())
    tell("components in its list", str(len(bom["components"])))


def main_job(address: str, token: str, recording: Path) -> None:
    """By nginx: an upload in chunks, a cut, the result whole and in part."""
    caller, data = Caller(address, token), recording.read_bytes()
    begun = time.monotonic()
    video = caller.upload(data, recording.name, piece=8 * 1024**2)
    tell("upload by tus through nginx", f"{len(data) / 1e6:.1f} MB in {time.monotonic() - begun:.2f} s")
    begun = time.monotonic()
    job = caller.wait(caller.ask(video, "silence-cut"), seconds=600)
    tell(f"cut {job['status']}", f"{time.monotonic() - begun:.1f} s")
    assert job["status"] == "succeeded", job
    url = job["artifacts"][0]["url"]
    whole = caller.get(url)
    part = caller.get(url, headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206 and part.content == whole.content[1000:2000]
    assert len(whole.content) == job["artifacts"][0]["size"] and part.headers["X-Content-Type-Options"] == "nosniff"
    tell("result by X-Accel, whole and a range", f"{len(whole.content) / 1e6:.1f} MB, right")
    others = ("transcribe", "preview", "thumbnails", "clean-audio", "watermark")
    asked = {name: caller.ask(video, name, **({"text": "Ü"} if name == "watermark" else {})) for name in others}
    asked["silence-cut by voice"] = caller.ask(video, "silence-cut", detector="voice")
    for name, pk in asked.items():
        tell(f"  {name}", str(caller.wait(pk, seconds=900)["status"]))


def live_page(address: str) -> None:
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    with requests.get(
        f"{address}/ws/queue/?view=bar", headers=headers | {"Origin": address}, stream=True, timeout=20
    ) as answer:
        tell("socket of nobody through nginx", str(answer.status_code))


def is_ready(address: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"http://{address}:8000/readyz", timeout=5).status_code == 200
    return False


def tried(install: Install, image: str, recording: Path) -> None:
    sizes(image, Path(install.root))
    install.prepare()
    begun = time.monotonic()
    prepared = install.start("prepare", "prepare")
    wait_for(lambda: not prepared.process.alive, "the tables to be made", 600)
    assert prepared.process.end() == 0, prepared.process.said()
    tell("tables made", f"{time.monotonic() - begun:.1f} s")
    begun = time.monotonic()
    for name, address in WEBS.items():
        install.start(name, "web", BIND=address)
    for name in (*WORKERS, "reconcile"):
        install.start(name, name)
    for name, address in WEBS.items():
        wait_for(
            lambda address=address: is_ready(address), f"{name}: {install.containers[name].process.said()[-2000:]}", 300
        )
    tell("two webs ready", f"{time.monotonic() - begun:.1f} s")
    token = install.containers["web1"].exec("python", "manage.py", "createtoken", "ann@example.org", "--create")
    webs = " ".join(f"{address}:8000" for address in WEBS.values())
    variables = {"NGINX_MEDIA": str(install.data / "media"), "NGINX_USER": "root"}
    with nginx(install.folder, webs, **variables) as address:
        main_job(address, token.stdout.split()[-1], recording)
        live_page(address)
    written = install.containers["cut"].exec("sh", "-c", "touch /app/x /venv/x /etc/x; id -u")
    tell(
        "writes where it may not", f"{written.stderr.count('Read-only')} of 3 refused, as user {written.stdout.strip()}"
    )
    for name, container in install.containers.items():
        if name != "prepare":
            tell(f"{name}: {container.is_well()}", "ended {:.1f} s after SIGTERM, status {}".format(*container.stop()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--image", help="one that was built before")
    parser.add_argument("buildah", nargs="*")
    options = parser.parse_args()
    if os.getuid() or (missing := [name for name in NEEDED if not shutil.which(name)]):
        sys.exit(
            f"Needs root, and {', '.join(NEEDED)}; {', '.join(missing) if not os.getuid() else 'root'} is missing."
        )
    image = options.image or build(options.buildah)
    with tempfile.TemporaryDirectory(prefix="try-image-") as folder:
        Path(folder).chmod(0o755)
        install = Install(image, Path(folder))
        try:
            tried(install, image, options.recording)
        finally:
            install.close()


if __name__ == "__main__":
    main()
