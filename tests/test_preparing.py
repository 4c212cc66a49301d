"""`manage.py prepare`: what a new version needs is done once, whoever asks for it and how often."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.processes import BASE_DIR, wait_for
from tests.site import Site, Sites
from videoservice import preparing

pytestmark = pytest.mark.one_database


def prepare(*options: str, **env: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}
    return subprocess.Popen(
        [sys.executable, "manage.py", "prepare", *options],
        cwd=BASE_DIR,
        env=kept | {"DJANGO_SETTINGS_MODULE": "videoservice.settings", "SECRET_KEY": "only-for-tests"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(*started: subprocess.Popen[str]) -> list[str]:
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), "\n".join(said)
    return said


def test_an_image_gets_its_static_files_without_a_data_folder_and_several_at_once_write_them_once(tmp_path: Path):
    folder, nowhere = tmp_path / "image", "/proc/data"  # as when an image is built: nothing can be kept
    env = {"STATIC_ROOT": str(folder), "DATA_DIR": nowhere}
    said = done(*(prepare("--static", **env) for _ in range(2)))
    assert all(f"{folder}" in text for text in said)
    assert preparing.has_static(folder)
    manifest = (folder / "staticfiles.json").stat().st_mtime_ns
    assert done(prepare("--static", **env)) == [f"The static files are there: {folder}\n"]
    assert (folder / "staticfiles.json").stat().st_mtime_ns == manifest


def test_processes_that_start_before_it_wait_and_say_so(make_web_site: Callable[..., Site]):
    site = make_web_site()
    site.kill(site.processes["web"])
    site.env |= {"DATABASE_URL": f"sqlite:///{site.data / 'new.sqlite3'}", "STATIC_ROOT": str(site.data / "new")}
    web, worker, reconcile = site.start_web(), site.start_worker("fast"), site.start_reconcile()
    wait_for(lambda: f"no static files in {site.data / 'new'}: run manage.py prepare" in web.said(), "the web process")
    shutil.copytree(site.data / "static", site.data / "new")
    wait_for(lambda: answers(site), "it to listen")
    assert site.client().get("/readyz").json()["checks"] == {
        "database": True,
        "tables": False,
        "redis": True,
        "storage": True,
    }
    page = site.client().get("/accounts/login/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "10")
    assert "The site is being upgraded." in page.text
    body = site.client().post("/uploads", data=b"1" * 2**17, headers={"Authorization": "Bearer vs_nobody"})
    assert (body.status_code, body.json()["error"]["code"]) == (503, "upgrading")
    for process in (worker, reconcile):
        wait_for(lambda p=process: "the database waits for its migration" in p.said(), f"{process}\n{process.said()}")
    site.manage("prepare")
    wait_for(lambda: site.client().get("/readyz").ok, "the site to be ready")
    assert site.client().get("/accounts/login/", headers={"Accept": "text/html"}).status_code == 200
    wait_for(lambda: site.client().get("/status").json()["queues"]["fast"]["workers"], "the worker to listen")
    assert web.alive and worker.alive and reconcile.alive
    assert "Traceback" not in web.said() + worker.said() + reconcile.said()


def answers(site: Site) -> bool:
    with contextlib.suppress(requests.RequestException):
        return site.client().get("/healthz").ok
    return False


def test_files_of_another_version_in_an_image_that_cannot_be_written_are_told():
    process = prepare("--static", STATIC_ROOT="/proc/static", DATA_DIR="/proc/data")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("CommandError: The static files cannot be written to /proc/static")


def test_a_prepared_install_is_prepared_again_at_no_cost(sites: Sites, tmp_path: Path):
    data = tmp_path / "data"
    sites.copy_template(data)
    (said,) = done(prepare(DATA_DIR=str(data), DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}"))
    assert "Applying jobs.0001_initial" in said and f"The static files are there: {data / 'static'}" in said
    (said,) = done(prepare(DATA_DIR=str(data), DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}"))
    assert "No migrations to apply." in said
