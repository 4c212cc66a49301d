"""A Redis for each use, and each of them away while the others go on."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from asgiref.sync import sync_to_async
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.cache.backends.redis import RedisCache
from django_rq.connection_utils import get_redis_connection

from jobs.services import parts
from tests import media
from tests.page_socket import Socket
from tests.processes import Process, run, wait_for
from tests.servers import Redis
from tests.settings import free_port
from tests.site import Client, Site

pytestmark = pytest.mark.one_database
ANN = "ann@example.org"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, Redis]]:
    """Those for the cache and for open pages; the site's own is left the queue."""
    made = {}
    for use in ("cache", "live"):
        (tmp_path / use).mkdir()
        made[use] = Redis(tmp_path / use, tmp_path / f"{use}.sock")
        made[use].start()
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture
def site(make_site: Callable[..., Site], servers: dict[str, Redis]) -> Site:
    urls = {f"{use.upper()}_REDIS_URL": f"unix://{server.socket}?db=0" for use, server in servers.items()}
    return make_site(RECONCILE_SECONDS="1", **urls)


def uploaded(ann: Client, folder: Path) -> str:
    path = folder / "one.mp4"
    media.run_ffmpeg(*media.picture(1, 10, "64x64"), *media.FAST_X264, media.url(path))
    with path.open("rb") as file:
        answer = ann.post("/api/v1/videos", files={"file": (path.name, file)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def asked_for(ann: Client, video: str) -> str:
    asked = {"video": video, "operation": "thumbnails", "params": {"count": 1}}
    answer = ann.post("/api/v1/jobs", json=asked)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def kinds(client: redis.Redis) -> set[str]:
    return {key.decode().split(":")[0] for key in client.scan_iter()}


def test_each_redis_holds_its_own_and_what_needs_none_of_it_goes_on_without(
    site: Site, servers: dict[str, Redis], tmp_path: Path
):
    ann = site.client(ANN)
    video = uploaded(ann, tmp_path)
    page = Socket(site.url, ann.cookies["sessionid"])
    page.frame()
    site.wait_for_job(asked_for(ann, video), "succeeded")
    page.frame()  # of what the job came to
    with site.redis.client() as queue, servers["cache"].client() as cache, servers["live"].client() as live:
        assert kinds(queue) == {"rq"}
        assert kinds(cache) == {"cache"}
        assert not kinds(live) and live.pubsub_channels(), "messages are passed on, not kept"

    site.account("bob@example.org")
    servers["cache"].stop()
    assert site.client().sign_in("bob@example.org").url == f"{site.url}/", "attempts are counted by each process"
    site.wait_for_job(asked_for(ann, video), "succeeded")
    ready = ann.get("/readyz")
    assert ready.status_code == 200 and "redis (queue)" in ready.json()["checks"], "nobody has to be sent elsewhere"
    servers["cache"].start()

    servers["live"].stop()
    assert ann.get("/queue/").status_code == 200
    site.wait_for_job(asked_for(ann, video), "succeeded")
    servers["live"].start()
    page = Socket(site.url, ann.cookies["sessionid"])
    page.frame()  # how it is now
    site.wait_for_job(asked_for(ann, video), "succeeded")
    page.frame()  # and what changed since

    site.redis.stop()
    kept = asked_for(ann, video)
    assert ann.get("/queue/").status_code == 200
    assert ann.get("/status").json()["queues"]["fast"]["workers"] is None
    time.sleep(1)
    assert site.job(kept).status == "queued"
    site.redis.start()
    site.wait_for_job(kept, "succeeded")


# TLS and passwords ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a Redis that speaks TLS alone and wants a password, and the certificate that it shows."""
    key, certificate, port = tmp_path / "key.pem", tmp_path / "certificate.pem", free_port()
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run([*made, *subject, "-keyout", key, "-out", certificate])
    tls = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    options = ["--port", "0", "--tls-port", str(port), "--requirepass", "p@ss", "--save", "", *tls]
    server = Process("redis", ["redis-server", *options], tmp_path / "redis.log")
    wait_for(lambda: "Ready to accept" in server.said(), f"Redis:\n{server.said()}")
    yield f"rediss://:p%40ss@localhost:{port}", certificate
    server.end()


async def test_each_use_speaks_tls_with_a_password_and_looks_at_the_certificate(sealed: tuple[str, Path]):
    address, certificate = sealed
    good, unknown = f"{address}/1?ssl_ca_certs={certificate}", f"{address}/1"
    queue = get_redis_connection({"URL": good})
    assert queue.ping()
    queue.close()
    assert parts.redis_answers(good) and not parts.redis_answers(unknown)
    with pytest.raises(redis.ConnectionError, match="certificate"):
        get_redis_connection({"URL": unknown}).ping()

    options = {"KEY_PREFIX": "cache", "OPTIONS": {"socket_timeout": 5}}
    cache = RedisCache(good, options)
    await sync_to_async(cache.set)("number", 1)
    assert await sync_to_async(cache.get)("number") == 1

    layer = RedisPubSubChannelLayer(hosts=[good], prefix="live")
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "told"})
    assert await asyncio.wait_for(layer.receive(channel), 20) == {"type": "told"}
    await layer.flush()
