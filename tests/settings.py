"""The site's settings, turned to a temporary folder with a Redis and, with TEST_DATABASE=mysql, a MariaDB of its own.

The environment is set first, since settings read it. Processes that tests start inherit it and so share the folder;
each process that runs tests itself (pytest-xdist has several) makes one of its own.
"""

import atexit
import os
import shutil
import socket
import tempfile

FOREIGN = (
    "ACTIVE_JOBS_LIMIT ALLOWED_HOSTS BEHIND_PROXY BIND CONNECTIONS_PER_ADDRESS DAILY_MINUTES_LIMIT DATABASE_URL DEBUG "
    "EMAIL_FROM EMAIL_URL FREE_MARGIN_MB KEEP_CACHES_DAYS KEEP_ORIGINALS_DAYS KEEP_RESULTS_DAYS "
    "DATABASE_TIMEOUT_SECONDS QUOTA_GB QUOTA_JOBS QUOTA_MINUTES "
    "OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_GROUPS_CLAIM OIDC_ISSUER OIDC_NAME OIDC_ONLY OIDC_OPERATOR_GROUP "
    "OIDC_SCOPE OIDC_VERIFIED_DOMAINS "
    "FORM_LIMIT_MB HTTPS IMPORT_MINUTES IMPORT_PRIVATE_ADDRESSES JOB_MEMORY_MB LOST_AFTER_SECONDS METRICS_TOKEN PORT "
    "CACHE_REDIS_URL LIVE_REDIS_URL QUEUE_REDIS_URL RECONCILE_SECONDS REDIS_URL SCRATCH_DIR SCRATCH_GB "
    "SIGNUP STATIC_ROOT STORAGE_ALSO STORAGE_URL "
    "UPLOAD_EXPIRES_HOURS UPLOAD_LIMIT_MB WEB WEB_THREADS WHISPER_MODEL WORKERS "
    "TOKEN_CALLS_PER_MINUTE ACCOUNT_CALLS_PER_MINUTE"
)
ON_MARIADB = os.environ.get("TEST_DATABASE", "sqlite") == "mysql"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


runner = os.environ.get("PYTEST_XDIST_WORKER", "alone")
if os.environ.get("TEST_RUNNER") != runner:
    os.environ["TEST_RUNNER"] = runner
    for name in FOREIGN.split():  # what the shell has set for a real site is not for tests
        os.environ.pop(name, None)
    folder = tempfile.mkdtemp(prefix="videoservice-tests-", dir=os.environ.get("TEST_DATA_DIR"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["TEST_DATA_DIR"] = os.environ["DATA_DIR"] = folder
    os.environ["SECRET_KEY"] = "only-for-tests-" * 4
    if ON_MARIADB:
        os.environ["DATABASE_URL"] = f"mysql://root@127.0.0.1:{free_port()}/videoservice"

from videoservice.settings import *  # noqa: E402, F403
from videoservice.settings import DATA_DIR, DATABASES, STATIC_ROOT  # noqa: E402

if not ON_MARIADB:
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}  # a file: threads and processes share it
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns when it is missing
WHISPER_MODEL = ""  # the recogniser that is always there, and quick; tests of the engine try the model
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",  # quick
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
