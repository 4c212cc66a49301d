"""compose.yaml: that every process has what it needs and no more, and that all settings reach them."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from jobs import delivering
from jobs.management.commands import inbox, prepare, reconcile, serve, work
from tests import compose
from tests.nginx import START
from tests.processes import BASE_DIR
from videoservice import worker_set

OURS = {"prepare", "web", "reconcile", "inbox", *worker_set.QUEUES}
SETUP = BASE_DIR / "deploy" / "compose" / "setup"
FIXED = {
    *("DATA_DIR", "STATIC_ROOT", "HEALTH_DIR"),  # places in the image
    *("PORT", "BIND", "CONNECTIONS_PER_ADDRESS"),  # where people find nginx, which counts them
    "WEB",  # --scale web=3
    "INBOX_DIR",  # only where it is mounted
    "ACTIVE_JOBS_LIMIT",  # the older name of QUOTA_JOBS
    "MEDIA_ROOT",  # a place of nginx's configuration
    "AWS_ACCESS_KEY_ID",  # in the file of secrets/aws_credentials
}
COMMANDS = {"serve": serve, "work": work, "reconcile": reconcile, "prepare": prepare, "inbox": inbox}


def settings_of_docs() -> set[str]:
    table = (BASE_DIR / "docs" / "settings.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    first = {name for row in rows for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", row.split("|")[1])}
    return first | set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", "".join(rows)))  # what is told beside another one, too


def settings_that_are_read() -> set[str]:
    files = [*(BASE_DIR / "videoservice").rglob("*.py"), *(BASE_DIR / "jobs").rglob("*.py")]
    return {name for file in files for name in re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', file.read_text())}


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_reaches_every_process(name: str):
    passed = {key.removesuffix("_FILE") for key in compose.services()[name]["environment"]}
    wanted = (settings_of_docs() | settings_that_are_read()) - FIXED
    assert wanted > {"STORAGE_URL", "QUOTA_GB", "OIDC_CLIENT_ID", "OTEL_SERVICE_NAME", "AWS_REGION"}
    assert wanted <= passed, sorted(wanted - passed)


def test_what_is_set_gets_through_and_what_is_not_is_left_to_the_site():
    given = {"QUOTA_GB": "7", "SENDFILE": "", "STORAGE_URL": "s3://bucket/a?region=x", "ALLOWED_HOSTS": "v.example.org"}
    passed = compose.services(given)["web"]["environment"]
    assert (passed["QUOTA_GB"], passed["SENDFILE"], passed["STORAGE_URL"]) == ("7", "", given["STORAGE_URL"])
    assert passed["ALLOWED_HOSTS"] == "v.example.org,127.0.0.1"
    assert passed["TRASH_DAYS"] == ""
    assert passed["OTEL_TRACES_SAMPLER"] == "parentbased_always_on", "an empty one would be complained of"


def test_every_queue_has_a_worker_and_every_command_is_there():
    found = compose.services()
    assert {name for name in found if found[name]["profiles"] == ["workers"]} == set(worker_set.QUEUES)
    for name in OURS:
        python, manage, command, *arguments = found[name]["command"]
        assert (python, manage) == ("python", "manage.py") and command in COMMANDS
        assert command != "work" or arguments[0] == name


@pytest.mark.parametrize("name", sorted(compose.services()))
def test_a_process_is_bounded_and_has_no_rights_that_it_does_not_need(name: str):
    service = compose.services()[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["logging"]["options"]["max-size"]
    assert service["healthcheck"] == {"disable": True} if name == "prepare" else "interval" in service["healthcheck"]
    assert service["restart"] == ("no" if name == "prepare" else "unless-stopped")


def test_parts_that_are_elsewhere_are_not_waited_for():
    for name, service in compose.services().items():
        for other, how in service.get("depends_on", {}).items():
            assert other in compose.services()
            same = service["profiles"] == compose.services()[other]["profiles"]
            assert same or how["required"] is False, f"{name} cannot run where {other} does not"


def test_workers_are_given_longer_than_they_take_to_drain():
    for queue in worker_set.QUEUES:
        service = compose.services()[queue]
        minutes = int(service["stop_grace_period"].removesuffix("m"))
        assert minutes * 60 > int(service["environment"]["STOP_GRACE_SECONDS"]) + 30


def test_how_long_workers_get_is_told_together(copy: Path):
    given = prepared(copy)
    assert int(given["STOP_GRACE_PERIOD"].removesuffix("m")) * 60 == int(given["STOP_GRACE_SECONDS"]) + 60
    told = (BASE_DIR / "docs" / "operating.md").read_text()
    assert "`STOP_GRACE_SECONDS`" in told and "`STOP_GRACE_PERIOD`" in told
    later = compose.services({"STOP_GRACE_SECONDS": "1800", "STOP_GRACE_PERIOD": "31m"})["cut"]
    assert (later["environment"]["STOP_GRACE_SECONDS"], later["stop_grace_period"]) == ("1800", "31m")


@pytest.mark.parametrize("port", ["", "443"])
def test_plain_requests_are_led_to_where_tls_is(port: str):
    nginx = compose.services({"TLS_PORT": port})["nginx"]
    assert nginx["ports"][1].split(":")[1] == nginx["environment"]["NGINX_PUBLIC_TLS_PORT"] == (port or "8443")


def test_the_database_tells_nobody_its_password_and_has_enough_connections():
    database = compose.services()["mariadb"]
    assert "MARIADB_RANDOM_ROOT_PASSWORD" not in database["environment"], "that one is written into the log"
    assert database["environment"]["MARIADB_ROOT_HOST"] == "localhost"
    (most,) = (int(one.partition("=")[2]) for one in database["command"] if one.startswith("--max-connections="))
    assert most >= 6 * (2 * settings.WEB_THREADS + 15) + 2 * (delivering.AT_ONCE + 4) + 20 * 4


def test_secrets_come_by_files_alone(tmp_path: Path):
    whole = compose.loaded()
    for service in whole["services"].values():
        assert set(service.get("secrets", [])) <= whole["secrets"].keys()
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], name
            assert not re.search(r"PASSWORD$|SECRET$|SECRET_KEY$|TOKEN$", name), name
    assert not re.search(r"://[^/\s]*:[^/\s]*@", compose.FILE.read_text()), "an address with a password"


def test_nginx_is_told_nothing_that_it_does_not_know():
    known = set(re.findall(r"\b(?:NGINX|CONNECTIONS)_[A-Z_]+", START.read_text()))
    assert compose.services()["nginx"]["environment"].keys() <= known


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    target = tmp_path / "deploy" / "compose"
    target.mkdir(parents=True)
    (target / "setup").write_bytes(SETUP.read_bytes())
    return tmp_path


def prepared(copy: Path, *arguments: str) -> dict[str, str]:
    """What setup writes into .env."""
    subprocess.run(["sh", "deploy/compose/setup", *arguments], cwd=copy, check=True, capture_output=True)
    return dict(line.split("=", 1) for line in (copy / ".env").read_text().splitlines() if line and line[0] != "#")


def test_setup_makes_all_secrets_once(copy: Path):
    for _ in range(2):
        subprocess.run(["sh", "deploy/compose/setup"], cwd=copy, check=True, capture_output=True)
        seen = {file.name: file.read_text() for file in (copy / "secrets").iterdir()}
    assert seen.keys() == compose.loaded()["secrets"].keys()
    assert seen["database_password"] in seen["database_url"]
    assert seen["redis_password"] in seen["redis_url"]
    assert len(seen["secret_key"]) >= 50
    assert (copy / "secrets").stat().st_mode & 0o777 == 0o700
    first = dict(seen)
    subprocess.run(["sh", "deploy/compose/setup", "workers"], cwd=copy, check=True, capture_output=True)
    assert {file.name: file.read_text() for file in (copy / "secrets").iterdir()} == first
    assert "COMPOSE_PROFILES=site,workers,database,redis" in (copy / ".env").read_text(), "what is there stays"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_files_can_be_moved_out_of_the_inbox_that_root_has_made(copy: Path):
    prepared(copy)
    assert (copy / "inbox").stat().st_uid == 1000
    os.chown(copy / "inbox", 33, 33)
    prepared(copy)
    assert (copy / "inbox").stat().st_uid == 33, "what somebody has chosen stays"


def test_a_further_host_starts_workers_alone(copy: Path):
    given = prepared(copy, "workers")
    profiles = set(given["COMPOSE_PROFILES"].split(","))
    started = {name for name, service in compose.services(given).items() if set(service["profiles"]) & profiles}
    assert started == set(worker_set.QUEUES)


def test_nothing_that_setup_makes_is_kept_in_the_repository():
    ignored = (BASE_DIR / ".gitignore").read_text().split()
    assert {"/secrets/", "/certificates/", ".env"} <= set(ignored)
    assert yaml.safe_load(compose.FILE.read_text())
