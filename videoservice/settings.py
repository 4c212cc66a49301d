"""Settings of the site. With nothing set it runs on one laptop: SQLite, local files, a Redis of its own on a socket.

docs/settings.md has the table of all environment variables read here.
"""

from importlib.metadata import distribution
from pathlib import Path

from django.core.management.utils import get_random_secret_key
from whitenoise.compress import Compressor

from jobs.engine.captions import bundled_model
from videoservice import company, databases, env, redis_servers, tracing, worker_set

tracing.keep_out()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("DATA_DIR", BASE_DIR / "var")
MEDIA_ROOT = DATA_DIR / "media" if env.text("DATA_DIR") else BASE_DIR / "media"

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.kept_secret("SECRET_KEY", DATA_DIR / "secret_key", get_random_secret_key)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
HTTPS = env.flag("HTTPS")
SCHEME = "https" if HTTPS else "http"
CSRF_TRUSTED_ORIGINS = [
    f"{SCHEME}://{'*' if host.startswith('.') else ''}{host}" for host in ALLOWED_HOSTS if host != "*"
]

COMPANY = company.read()
"""The service by which a company signs its people in, if one is set up."""

INSTALLED_APPS = [
    "videoservice.apps.BrandedAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",  # also without a service: its rows go with their accounts
    *(["allauth.socialaccount.providers.openid_connect"] if COMPANY else []),
    "channels",
    "django_htmx",
    "django_rq",
    "jobs",
]

MIDDLEWARE = [
    "videoservice.request_traces.RequestTracesMiddleware",
    "videoservice.request_metrics.RequestMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "videoservice.compression.CompressionMiddleware",
    "videoservice.headers.ContentSecurityPolicyMiddleware",
    "videoservice.gate.GateMiddleware",
    "jobs.auth.limits.LimitHeadersMiddleware",
    "videoservice.errors.NotThisWayMiddleware",
    "jobs.api.errors.JsonErrorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "jobs.preferences.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "jobs.api.conditional.ConditionalMiddleware",
    "jobs.auth.sessions.SeenMiddleware",
]

ROOT_URLCONF = "videoservice.urls"
ASGI_APPLICATION = "videoservice.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "jobs.views.context_processors.bar",
            ],
        },
    },
]

# Data ----------------------------------------------------------------------------------------------------------------

DATABASE_SECONDS = env.integer("DATABASE_TIMEOUT_SECONDS", 30, 2)
"""How long a statement is waited for: a server that hangs counts as away then. Migrations take what they need."""
DATABASES = {"default": databases.read(DATA_DIR / "db.sqlite3", DATABASE_SECONDS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_SOCKET = redis_servers.embedded_socket(DATA_DIR)
REDIS = redis_servers.read(f"unix://{REDIS_SOCKET}?db=0")
REDIS_EMBEDDED = REDIS.embedded

CACHES = {
    "default": {
        "BACKEND": "videoservice.cache.Cache",
        "LOCATION": REDIS.cache,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_timeout": 1},
    }
}
CHANNEL_LAYERS = {
    "default": {
        # The core layer's idle sockets die after redis-py 8's default timeout of 5 s; the pubsub layer's do not.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS.live], "prefix": "live"},
    }
}

# Jobs ----------------------------------------------------------------------------------------------------------------

RQ_QUEUES = {name: {"URL": REDIS.queue, "DEFAULT_TIMEOUT": -1} for name in worker_set.QUEUES}
RQ_SHOW_ADMIN_LINK = True
WEB_THREADS = env.integer("WEB_THREADS", 20, 4)
"""How many requests a web process works on at a time, and how many uploads besides."""
WORKERS = worker_set.size()
"""How many jobs of each heavy queue run at once on this machine."""
HEAVY_WORKERS = worker_set.heavy(WORKERS)
"""How many heavy jobs run at once on this machine, and so share its memory."""
JOB_MEMORY_BYTES = env.integer("JOB_MEMORY_MB", 0, 0) * 1024**2
"""What one job may take at most; 0 for a share of the machine's memory."""
HEARTBEAT_SECONDS = 1.0
"""How often a running job says that it is alive, and asks whether it should stop."""
LOST_AFTER_SECONDS = env.integer("LOST_AFTER_SECONDS", 15, 3)
RECONCILE_SECONDS = env.integer("RECONCILE_SECONDS", 5, 1)
STOP_GRACE_SECONDS = env.integer("STOP_GRACE_SECONDS", 20)
"""How long a worker that is told to stop by SIGTERM may go on with what it does; 0: it is released at once."""
WHISPER_MODEL = env.text("WHISPER_MODEL") or str(bundled_model.folder() or "")
"""A folder with a Whisper model for CTranslate2, or the name of one to fetch once; without any pocketsphinx listens."""
MAX_ATTEMPTS = 5
"""How often a job may lose its worker before it counts as failed. Workers that are told to stop do not count."""

INBOX_DIR = env.path("INBOX_DIR", DATA_DIR) if env.text("INBOX_DIR") else None
"""Where files become recordings by themselves: <e-mail>/<chain>/<file>."""
INBOX_STILL_SECONDS = env.integer("INBOX_STILL_SECONDS", 10, 1)
"""How long such a file has to stand still before it is taken."""
PASSED_ON_MINUTES = env.integer("PASSED_ON_MINUTES", 60, 0)
"""How long the results of steps that are only on the way to others stay after their chain is done."""
TRASH_DAYS = env.integer("TRASH_DAYS", 7, 0)
"""How long what people remove stays in their trash; 0: it is deleted at once."""

# For how many days things stay after their last use; 0: for good
KEEP_RESULTS_DAYS = env.integer("KEEP_RESULTS_DAYS", 0)
KEEP_ORIGINALS_DAYS = env.integer("KEEP_ORIGINALS_DAYS", 0)
KEEP_CACHES_DAYS = env.integer("KEEP_CACHES_DAYS", 0)

# What one account may take, where its row of `Room` says nothing else; 0: any number
QUOTA_BYTES = env.integer("QUOTA_GB", 0) * 1024**3
QUOTA_MINUTES = env.integer("QUOTA_MINUTES", 0)
"""Minutes of recordings worked on in a calendar month."""
QUOTA_JOBS = env.integer("QUOTA_JOBS", env.integer("ACTIVE_JOBS_LIMIT", 1000))
"""Jobs that wait or run at the same time; ACTIVE_JOBS_LIMIT is its older name."""
DAILY_MINUTES_LIMIT = env.integer("DAILY_MINUTES_LIMIT", 0)
"""How many minutes of recordings an account may have worked on a day; 0: any number."""

TOKEN_CALLS_PER_MINUTE = env.integer("TOKEN_CALLS_PER_MINUTE", 3000)
"""How many calls a bearer token may make in a minute; 0: any number."""
ACCOUNT_CALLS_PER_MINUTE = env.integer("ACCOUNT_CALLS_PER_MINUTE", 6000)
"""How many calls of the API an account may make in a minute, by all of its tokens and pages; 0: any number."""

# Webhooks ------------------------------------------------------------------------------------------------------------

WEBHOOK_PRIVATE_ADDRESSES = env.flag("WEBHOOK_PRIVATE_ADDRESSES")
"""Whether webhooks may lead to this machine and to private networks."""
WEBHOOK_PAUSES = env.integers("WEBHOOK_PAUSES", (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""Seconds between a try that failed and the next one; after the last of them a delivery is given up."""
WEBHOOK_TIMEOUT_SECONDS = env.integer("WEBHOOK_TIMEOUT_SECONDS", 15, 1)
"""How long one try may take in all."""

# Uploads -------------------------------------------------------------------------------------------------------------

UPLOAD_LIMIT_BYTES = env.integer("UPLOAD_LIMIT_MB", 10_240, 1) * 1024**2
"""The largest recording, by chunks."""
FORM_LIMIT_BYTES = env.integer("FORM_LIMIT_MB", 256, 1) * 1024**2
"""The largest body of one plain request (the form without JavaScript, `POST /videos`)."""
CHUNK_LIMIT_BYTES = 8 * 1024**2
UPLOAD_EXPIRES_HOURS = env.integer("UPLOAD_EXPIRES_HOURS", 48, 1)
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = CHUNK_LIMIT_BYTES  # a chunk is not copied to disk twice
IMPORT_MINUTES = env.integer("IMPORT_MINUTES", 360, 1)
"""How long a recording may take to come from an address."""
IMPORT_PRIVATE_ADDRESSES = env.flag("IMPORT_PRIVATE_ADDRESSES")
"""Whether that address may be one of this machine or of a private network."""
FREE_MARGIN_BYTES = env.integer("FREE_MARGIN_MB", 512) * 1024**2
"""Room on the disk that bodies and uploads have to leave for everything else."""
SENDFILE = env.text("SENDFILE")
"""`nginx`: the server in front sends files itself; it maps /protected-media/ (internal) to MEDIA_ROOT."""
STORAGE_URL = env.text("STORAGE_URL")
"""The bucket in which all that is kept lies, in place of MEDIA_ROOT (`jobs.storage.address`)."""
STORAGE_ALSO = env.text("STORAGE_ALSO")
"""While an install moves: where else files are looked for, a bucket's address or a folder's path."""
SCRATCH_BYTES = env.integer("SCRATCH_GB", 0) * 1000**3
"""How much of SCRATCH_DIR local copies of a bucket's files may take; 0: all but FREE_MARGIN_MB."""
SCRATCH_DIR = env.path("SCRATCH_DIR", MEDIA_ROOT) if env.text("SCRATCH_DIR") else None
"""Where work lies while it is done, if not in MEDIA_ROOT: a disk of this machine, quick rather than safe."""
FILE_UPLOAD_TEMP_DIR = (SCRATCH_DIR if STORAGE_URL and SCRATCH_DIR else MEDIA_ROOT) / "uploads"
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# Accounts ------------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "jobs.Account"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "jobs.auth.passwords.Length"},
    {"NAME": "jobs.auth.passwords.NotOwn"},
    {"NAME": "jobs.auth.passwords.NotCommon"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "jobs.auth.allauth_adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_SESSION_REMEMBER = True
# Who finds a browser left open changes nothing about the account in it.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "jobs.auth.second_factor.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"add_webauthn": "jobs.auth.second_factor.AddPasskeyForm"}
MFA_PASSKEY_LOGIN_ENABLED = not (COMPANY and COMPANY.only)
MFA_TOTP_ISSUER = "videoservice"
USERSESSIONS_TRACK_ACTIVITY = True
if COMPANY:
    SOCIALACCOUNT_ADAPTER = "jobs.auth.company.CompanyAdapter"
    SOCIALACCOUNT_PROVIDERS = COMPANY.providers
    # The adapter says which addresses count.
    SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
    # By a link: browsers would hold what a form leads to against form-action, through all of the service's redirects.
    SOCIALACCOUNT_LOGIN_ON_GET = True
SIGNUP = env.choice("SIGNUP", "open", "invite", "closed")
"""Whether people may make accounts themselves, or by invitation of others; the first one always may."""
ACCOUNT_FORMS = {
    "signup": "jobs.auth.signup_form.InvitedSignupForm",
    "login": "jobs.auth.entrance_forms.LoginForm",
    "add_email": "jobs.auth.entrance_forms.AddEmailForm",
    "reauthenticate": "jobs.auth.entrance_forms.ReauthenticateForm",
    "change_password": "jobs.auth.entrance_forms.ChangePasswordForm",
    "set_password": "jobs.auth.entrance_forms.SetPasswordForm",
    "reset_password": "jobs.auth.entrance_forms.ResetPasswordForm",
    "reset_password_from_key": "jobs.auth.entrance_forms.ResetPasswordKeyForm",
}
# By visitor and address, not by address alone: see jobs.auth.allauth_adapter.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,10/5m/key"}

SITE_URL = env.text("SITE_URL").rstrip("/") or env.site_url(SCHEME, ALLOWED_HOSTS)
"""What letters and notices call the site."""
EMAIL_URL = env.text("EMAIL_URL")
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_URL)
# Without mail no address can ever be confirmed.
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_URL
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "videoservice@localhost")
if EMAIL_URL:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    vars().update(env.smtp("EMAIL_URL"))
else:
    # Not the console: whoever reads the log could use the links of letters.
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# Pages ---------------------------------------------------------------------------------------------------------------

FORM_RENDERER = "videoservice.form_renderer.KeptFields"
STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", DATA_DIR / "static")
"""Written by `manage.py prepare`; in an image when that is built."""
# Of django-ninja Django finds the scripts of the API's page only. As an installed app it would be imported by every
# process, workers too, which takes a fifth of their start.
STATICFILES_DIRS = [BASE_DIR / "static", Path(str(distribution("django-ninja").locate_file("ninja/static")))]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "videoservice.staticfiles.StaticFilesStorage"},
}
# Pages, styles and modules call files by their hashed names alone; compressing the others too would take twice as long.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Source maps are for debuggers only, and take longer to compress than all else together.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]
MEDIA_URL = "/unused-media/"  # owners' files are served by views that check who asks, never by their path
LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = env.text("TZ", "UTC")

# Security ------------------------------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "jobs.auth.session_store"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
# Asked from within, by plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^status$", r"^metrics$"]
METRICS_TOKEN = env.text("METRICS_TOKEN")
"""Who sends it may read /metrics; without one that is for programs on this machine."""
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Other names below this one are not ours to speak for, unless the operator says so.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS and env.flag("HSTS_SUBDOMAINS")
# models.W036: MariaDB does not hold allauth.mfa to one app and one set of codes for an account, its forms do.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", "models.W036"]
CONNECTIONS_PER_ADDRESS = env.integer("CONNECTIONS_PER_ADDRESS", 256)
if env.flag("BEHIND_PROXY"):
    CONNECTIONS_PER_ADDRESS = 0  # all of them come from the proxy, which has to count its own
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # else everybody shares the limits on attempts of one address, the proxy's

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"brief": {"()": "videoservice.outages.Brief"}, "cut": {"()": "videoservice.secret_paths.Cut"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["cut", "brief"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "INFO"},
        "daphne": {"level": "WARNING"},
        "botocore": {"level": "WARNING"},
        "av": {"level": "ERROR"},
    },
}
