"""A worker that an operator has start again, on the real parts."""

import pytest

from jobs.models import Job
from tests import media
from tests.processes import Process, alive, children, wait_for
from tests.site import Site
from tests.test_recovery import encoding, submitted, uploaded

S = Job.Status
BOSS = "boss@example.org"


@pytest.fixture
def site(mended_site: Site) -> Site:
    return mended_site


@pytest.fixture
def pool(site: Site, monkeypatch):
    """Two workers of cuts below one parent, with time to finish, in the place of the site's own."""
    for process in site.workers("cut"):
        site.kill(process)
    monkeypatch.setitem(site.env, "STOP_GRACE_SECONDS", "600")
    started = site.start_worker("cut", "cut")
    yield started
    site.kill(started)


def names(site: Site, pool: Process) -> dict[int, str]:
    """What the pool's workers that listen are called, by their process ids."""
    found, own = {}, children(pool.pid)
    with site.redis.client() as redis:
        for key in redis.smembers("rq:workers:cut"):
            pid = int(redis.hget(key, "pid") or 0)
            if pid in own and alive(pid):
                found[pid] = key.decode().removeprefix("rq:worker:")
    return found


def both(site: Site, pool: Process, without: int = 0) -> dict[int, str]:
    def there() -> dict[int, str] | None:
        found = names(site, pool)
        return found if len(found) == 2 and without not in found else None

    return wait_for(there, f"two workers:\n{site.said()}")  # type: ignore[return-value]


def restart(site: Site, name: str) -> None:
    client = site.client(BOSS, is_staff=True, is_superuser=True)
    client.post(f"/operators/workers/{name}/restart/").raise_for_status()


def test_an_idle_worker_starts_again_and_the_one_beside_it_stays(site, pool):
    before = both(site, pool)
    asked, beside = before
    restart(site, before[asked])
    after = both(site, pool, without=asked)
    assert beside in after and after[beside] == before[beside]
    assert not alive(asked) and "Traceback" not in pool.said()


def test_a_busy_worker_finishes_what_it_does_first(site, pool, tmp_path):
    both(site, pool)
    path = tmp_path / "talk.mp4"
    media.run_ffmpeg(
        *media.picture(40, 30, "640x360"), *media.tone(40), *media.FAST_X264, "-c:a", "aac", media.url(path)
    )
    job = submitted(site, uploaded(site, path))
    name = encoding(site, job).worker.split()[0]
    pid = next(pid for pid, one in names(site, pool).items() if one == name)
    restart(site, name)
    row = site.wait_for_job(job, seconds=120)
    assert (row.status, row.attempt, row.losses) == (S.SUCCEEDED, 1, 0), site.said()
    after = both(site, pool, without=pid)
    assert name not in after.values()
