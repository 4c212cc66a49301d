"""The environment's way into the settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.processes import BASE_DIR
from videoservice import env, preparing, redis_servers


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch):
    return lambda value: monkeypatch.setenv("NAME", value)


def settings(expression: str, **variables: str) -> str:
    """What an expression over freshly read settings prints, in a process of its own."""
    command = [sys.executable, "-c", f"from videoservice import settings as s; print({expression})"]
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("false", False)]
)
def test_a_flag_is_read(variable, value: str, expected: bool):
    variable(value)
    assert env.flag("NAME", default=not expected) is expected


@pytest.mark.parametrize("default", [True, False])
def test_an_empty_flag_is_its_default(variable, default: bool):
    variable("  ")
    assert env.flag("NAME", default) is default


@pytest.mark.parametrize("read", [env.flag, lambda name: env.integer(name, 5), env.smtp])
def test_a_value_that_cannot_be_used_names_its_variable(variable, read):
    variable("nonsense")
    with pytest.raises(ImproperlyConfigured, match="NAME"):
        read("NAME")


@pytest.mark.parametrize("value", ["2", "-5", "3.5", "1e3"])
def test_a_number_below_the_minimum_or_not_whole_is_refused(variable, value: str):
    variable(value)
    with pytest.raises(ImproperlyConfigured, match="at least 3"):
        env.integer("NAME", 10, 3)


def test_a_variable_may_lead_to_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    monkeypatch.setenv("NAME_FILE", str(file))
    assert env.text("NAME", "default") == "from the file"
    assert env.kept_secret("NAME", tmp_path / "kept", lambda: "made") == "from the file"
    monkeypatch.setenv("NAME", "")
    assert env.text("NAME") == "from the file", "compose files hand on what is not set as nothing"
    monkeypatch.setenv("NAME", "given")
    with pytest.raises(ImproperlyConfigured, match="leave one of them out"):
        env.text("NAME")
    monkeypatch.delenv("NAME")
    file.unlink()
    with pytest.raises(ImproperlyConfigured, match=r"NAME_FILE leads to .* no such file"):
        env.text("NAME", "default")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImproperlyConfigured, match="no text"):
        env.text("NAME")


def test_words_are_split_at_commas(variable):
    variable(" a.example.org, ,b.example.org ")
    assert env.words("NAME") == ["a.example.org", "b.example.org"]


@pytest.mark.parametrize(
    ("scheme", "hosts", "variables", "url"),
    [
        ("http", ["localhost", "127.0.0.1"], {}, "http://localhost:8000"),
        ("http", ["localhost"], {"PORT": "8123"}, "http://localhost:8123"),
        ("https", [".example.org"], {}, "https://example.org"),
        ("http", ["*", "videos.example.org"], {"BEHIND_PROXY": "1"}, "http://videos.example.org"),
    ],
)
def test_letters_call_the_site_by_what_other_settings_tell(monkeypatch, scheme, hosts, variables, url):
    for name in ("PORT", "BEHIND_PROXY"):
        monkeypatch.setenv(name, variables.get(name, ""))
    assert env.site_url(scheme, hosts) == url


def test_a_mail_address_is_taken_apart(variable):
    variable("smtp+tls://me%40example.org:p%3Ass@mail.example.org")
    assert env.smtp("NAME") == {
        "EMAIL_HOST": "mail.example.org",
        "EMAIL_PORT": 587,
        "EMAIL_HOST_USER": "me@example.org",
        "EMAIL_HOST_PASSWORD": "p:ss",
        "EMAIL_TIMEOUT": 20,
        "EMAIL_USE_SSL": False,
        "EMAIL_USE_TLS": True,
    }


def test_a_secret_is_made_once_and_kept_for_us_alone(tmp_path: Path):
    file = tmp_path / "new" / "secret"
    assert env.kept_secret("UNSET_NAME", file, lambda: "first") == "first"
    assert env.kept_secret("UNSET_NAME", file, lambda: "second") == "first"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_secret_from_the_environment_is_not_written_down(variable, tmp_path: Path):
    variable("given")
    assert env.kept_secret("NAME", tmp_path / "secret", lambda: "made") == "given"
    assert not (tmp_path / "secret").exists()


def test_with_nothing_set_all_data_is_below_one_folder(tmp_path: Path):
    folder = tmp_path / "data"
    assert settings("s.DATABASES['default']['NAME']", DATA_DIR=str(folder)) == str(folder / "db.sqlite3")
    assert settings("s.MEDIA_ROOT", DATA_DIR=str(folder)) == str(folder / "media")
    assert settings("s.REDIS.queue", DATA_DIR=str(folder)) == f"unix://{folder}/redis.sock?db=0"


def test_a_socket_path_too_long_for_the_kernel_is_replaced(tmp_path: Path):
    folder = tmp_path / ("long" * 30)
    path = settings("s.REDIS_SOCKET", DATA_DIR=str(folder))
    assert len(path) < 100
    assert path == settings("s.REDIS_SOCKET", DATA_DIR=str(folder)), "the same for every process"
    assert path != settings("s.REDIS_SOCKET", DATA_DIR=str(folder / "other"))


def test_a_database_and_a_redis_can_be_named(tmp_path: Path):
    given = {
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "mysql://ann:secret@db.example.org:3307/videos",
        "REDIS_URL": "redis://cache.example.org:6380/2",
    }
    expression = "*(s.DATABASES['default'][k] for k in ('ENGINE', 'USER', 'HOST', 'PORT', 'NAME'))"
    assert settings(expression, **given) == "django.db.backends.mysql ann db.example.org 3307 videos"
    assert settings("s.REDIS_EMBEDDED", **given) == "False"
    assert settings("s.RQ_QUEUES['cut']['URL']", **given) == given["REDIS_URL"]


def test_each_use_of_redis_can_have_one_of_its_own(tmp_path: Path):
    live = "s.CHANNEL_LAYERS['default']['CONFIG']['hosts'][0]"
    used = f"s.CACHES['default']['LOCATION'], s.RQ_QUEUES['hooks']['URL'], {live}"
    given = {"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://r/0", "CACHE_REDIS_URL": "rediss://:s%40fe@c:6380/1"}
    assert settings(used, **given) == "rediss://:s%40fe@c:6380/1 redis://r/0 redis://r/0"
    given = {"DATA_DIR": str(tmp_path), "QUEUE_REDIS_URL": "redis://q/0", "LIVE_REDIS_URL": "redis://l/0"}
    assert (
        settings(f"s.REDIS_EMBEDDED, {used}", **given)
        == f"True unix://{tmp_path}/redis.sock?db=0 redis://q/0 redis://l/0"
    )
    assert settings("s.REDIS_EMBEDDED", **given, CACHE_REDIS_URL="redis://c/0") == "False", "nobody would use it"


@pytest.mark.parametrize("value", ["host:6379", "redis://", "redis://:pa/ss@host", "http://host", "unix://relative"])
def test_an_address_of_redis_that_cannot_be_read_is_refused_without_its_password(monkeypatch, value: str):
    monkeypatch.setenv("LIVE_REDIS_URL", value)
    with pytest.raises(ImproperlyConfigured, match="LIVE_REDIS_URL cannot be read") as refused:
        redis_servers.read("unix:///socket")
    assert "pa/ss" not in str(refused.value)


def test_https_turns_on_what_belongs_to_it(tmp_path: Path):
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
    expression = f"*(bool(getattr(s, name)) for name in {names})"
    assert settings(expression, DATA_DIR=str(tmp_path)) == "False False False False"
    assert settings(expression, DATA_DIR=str(tmp_path), HTTPS="1") == "True True True True"
    origins = settings("s.CSRF_TRUSTED_ORIGINS", DATA_DIR=str(tmp_path), HTTPS="1", ALLOWED_HOSTS="v.example.org")
    assert origins == "['https://v.example.org']"


def test_email_is_confirmed_only_when_it_can_be_sent(tmp_path: Path):
    assert settings("s.ACCOUNT_EMAIL_VERIFICATION", DATA_DIR=str(tmp_path)) == "none"
    given = {"DATA_DIR": str(tmp_path), "EMAIL_URL": "smtp://mail.example.org"}
    assert settings("s.ACCOUNT_EMAIL_VERIFICATION, s.EMAIL_HOST", **given) == "mandatory mail.example.org"


def test_what_changes_the_static_files_or_the_tables_changes_their_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(preparing, "BASE_DIR", tmp_path)

    def write(name: str, text: str) -> tuple[str, str]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return preparing.static_digest(), preparing.tables_digest("")

    for name in ("requirements.txt", "videoservice/settings.py", "videoservice/staticfiles.py"):
        write(name, "one")
    static, tables = write("static/app.css", "one")
    assert write("static/app.css", "two")[0] != static
    assert write("static/app.css", "one") == (static, tables), "the content counts"
    assert write("static/new.js", "one")[1] == tables
    (tmp_path / "static/new.js").unlink()
    assert write("jobs/migrations/0002_more.py", "one") == (static, preparing.tables_digest(""))
    assert tables not in (preparing.tables_digest(""), preparing.tables_digest("mysql://elsewhere/db"))
    both = write("requirements.txt", "two")
    assert both[0] != static
    assert both[1] != tables
