"""Runs all processes of an install on one machine, and keeps them running: `python -m videoservice.supervise`.

What could stop the start is looked for first (preflight.py). Then supervisord takes over, in this process, with
script/supervisord.conf.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured
from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from videoservice import env, preflight, web_group, worker_set

WAIT_SECONDS = 0.2
CONFIG = preflight.BASE_DIR / "script" / "supervisord.conf"


def main() -> int:
    signal.signal(signal.SIGTERM, leave)
    try:
        run()
    except preflight.Refused as refusal:
        print(f"script/server: {refusal}", file=sys.stderr)
        return 1
    except ImproperlyConfigured as error:
        print(f"script/server: {error} Change it, then start again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def leave(number: int, frame: FrameType | None) -> None:
    """SIGTERM before supervisord took over."""
    raise SystemExit(128 + number)


def run() -> None:
    data = preflight.data_folder()
    from videoservice import settings  # reads the environment, and writes the secret key into the data folder

    local = (settings.STORAGE_URL and settings.SCRATCH_DIR) or settings.MEDIA_ROOT
    preflight.writable(Path(local), "The folder of recordings")
    preflight.check_tools(settings.REDIS_EMBEDDED)
    with preflight.only_server(data):
        if settings.REDIS_EMBEDDED:
            preflight.patiently(lambda: preflight.check_redis_gone(settings.REDIS_SOCKET))
        preflight.patiently(lambda: preflight.check_port(preflight.port()))
        preflight.prepare(data, Path(settings.STATIC_ROOT))
        os.environ |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PORT": str(preflight.port()),
            "WEB": str(web_group.size()),
            "SITE_QUEUES": " ".join(worker_set.queues(worker_set.size())),
            "SITE_INBOX": str(settings.INBOX_DIR is not None).lower(),
            "SITE_STOP_SECONDS": str(stop_seconds()),
            "SITE_REDIS": str(settings.REDIS_EMBEDDED).lower(),
            "SITE_REDIS_SOCKET": preflight.relative(settings.REDIS_SOCKET, data),
        }
        supervise(data)


def stop_seconds() -> int:
    """How long workers may take to end. Who presses Ctrl-C wants that now, and loses nothing: they are given no time to
    finish what they do unless STOP_GRACE_SECONDS says so."""
    os.environ.setdefault("STOP_GRACE_SECONDS", "0")
    return env.integer("STOP_GRACE_SECONDS", 0) + 10


class Terminal:
    """Shows what the processes print, each line with the name of its process, and what becomes of them."""

    def __init__(self) -> None:
        self._rests: dict[str, bytes] = {}
        self._stopping = False

    def log(self, event: events.ProcessLogEvent) -> None:
        name = event.process.config.name
        *lines, rest = (self._rests.get(name, b"") + event.data).split(b"\n")
        self._rests[name] = rest
        for line in lines:
            self._line(name, line.decode(errors="replace"))

    def exited(self, event: events.ProcessStateEvent) -> None:
        name = event.process.config.name
        if not self._stopping and name != "ready":
            self._line(name, f"ended unexpectedly and is started again; more in {event.process.config.stdout_logfile}")

    def stopping(self, event: events.SupervisorStoppingEvent) -> None:
        self._stopping = True
        self._line("", "Stopping.")

    def _line(self, name: str, text: str) -> None:
        prefix = "" if name in ("", "ready") else f"{name:<9} | "
        with contextlib.suppress(OSError):  # the terminal is gone: the logs in DATA_DIR go on
            print(f"{prefix}{text}", flush=True)


def supervise(data: Path) -> None:
    """Become the supervisor until a signal ends it."""
    os.chdir(data)
    options = ServerOptions()
    options.realize(["-c", str(CONFIG)])
    options.first, options.test = True, False
    web_group.arrange(options, data, preflight.bind_address(), preflight.port(), web_group.size())
    with contextlib.suppress(ExitNow):
        SiteSupervisor(options).main()


class SiteSupervisor(Supervisor):
    """supervisord with its events shown on our terminal, and without its reload: a closed terminal ends the site."""

    def runforever(self) -> None:
        held = self.process_groups[web_group.NAME].socket_manager.get_socket()  # else it would be closed in between
        terminal = Terminal()
        events.subscribe(events.ProcessLogEvent, terminal.log)
        events.subscribe(events.ProcessStateExitedEvent, terminal.exited)
        events.subscribe(events.ProcessStateBackoffEvent, terminal.exited)
        events.subscribe(events.SupervisorStoppingEvent, terminal.stopping)
        receive = self.options.signal_receiver.receive

        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopping:
                self.hurry()
            receive(signal.SIGTERM, frame)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)
        # supervisord looks at signals and at what is to be started only between two waits of up to a second.
        poll = self.options.poller.poll
        self.options.poller.poll = lambda timeout: poll(min(timeout, WAIT_SECONDS))
        super().runforever()
        del held

    def hurry(self) -> None:
        """A second signal: workers that finish what they do release it instead."""
        workers = self.process_groups["work"].processes["workers"]
        if workers.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(workers.pid, signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
