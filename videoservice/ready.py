"""Says that the site is up, once it is: `python -m videoservice.ready`."""

import http.client
import json
import time
from typing import Any

from videoservice import preflight, settings

PATIENCE_SECONDS = 20


def host() -> str:
    """A name that the site answers to."""
    names = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    return "localhost" if not names or "localhost" in names else names[0].lstrip(".")


def address(port: int) -> str:
    if settings.HTTPS or host() != "localhost":
        return f"{'https' if settings.HTTPS else 'http'}://{host()}/ (here on port {port})"
    return f"http://localhost:{port}/"


def near_end(bound: str) -> str:
    """Where to reach what listens on this address from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)  # noqa: S104 nothing is bound here


def missing(port: int) -> list[str]:
    """What the site lacks to do its work, as /readyz and /status tell it; nothing when it is up."""
    connection = http.client.HTTPConnection(near_end(preflight.bind_address()), port, timeout=10)
    try:
        status, ready = _asked(connection, "/readyz")
        if lacking := [name for name, good in ready["checks"].items() if not good]:
            return lacking
        status, work = _asked(connection, "/status")
        return [f"{name} worker" for name in settings.RQ_QUEUES if not work["queues"][name]["workers"]]
    except (OSError, http.client.HTTPException):
        return ["web"]
    except (ValueError, KeyError, TypeError):
        return [f"web (answers {status})"]
    finally:
        connection.close()


def _asked(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def main() -> int:
    port = preflight.port()
    impatient_at = time.monotonic() + PATIENCE_SECONDS
    while lacking := missing(port):
        if time.monotonic() > impatient_at:
            impatient_at = float("inf")
            logs = settings.DATA_DIR / "log"
            print(f"Not ready yet; missing: {', '.join(lacking)}. The logs are in {logs}.", flush=True)
        time.sleep(0.05)
    print(f"Ready: {address(port)}  (Ctrl-C stops it)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
