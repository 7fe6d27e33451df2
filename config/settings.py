"""Orderbell's settings, in reading order.

Every default is safe for a laptop: SQLite, no broker, the sandbox in place of
the providers. Production sets the environment variables listed in the README;
`manage.py check --deploy` names what is missing.
"""

import sys
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config.embedded_secrets import local_secret
from config.processes import ADMIN_WITHOUT_PAGES, serves_pages

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")

# --- Where things live -------------------------------------------------------
DATA_DIR = Path(env.str("DATA", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

# --- Security ----------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
# Local runs keep a generated secret beside their database; production sets its own.
SECRET_KEY = env.str("SECRET_KEY", default="") or local_secret(DATA_DIR, "secret_key")
CREDENTIAL_KEYS = env.list("CREDENTIAL_KEYS", default=[]) or [
    local_secret(DATA_DIR, "credential_key")
]
# Recognises suppressed addresses without keeping them: it must outlive a change of SECRET_KEY.
DIGEST_KEY = env.str("DIGEST_KEY", default="") or SECRET_KEY
SECRETS_FROM_ENVIRONMENT = bool(env.str("SECRET_KEY", default="")) and bool(
    env.list("CREDENTIAL_KEYS", default=[])
)
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
_HTTPS = PUBLIC_BASE_URL.startswith("https://")
if _HTTPS and not SECRETS_FROM_ENVIRONMENT:
    raise ImproperlyConfigured(
        "Set SECRET_KEY and CREDENTIAL_KEYS in the environment: PUBLIC_BASE_URL is https, and "
        "secrets that one machine makes for itself are lost with it."
    )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
# WooCommerce takes a redirect for success and loses the event: the edge refuses http by itself.
SECURE_REDIRECT_EXEMPT = ["^hooks/", "^receipts/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if _HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Bodies of webhooks and callbacks are capped by their own views before they are read.
MAX_WEBHOOK_BYTES = 5 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_WEBHOOK_BYTES

# --- Applications ------------------------------------------------------------
# Celery workers and the dispatcher serve no pages: they do without the admin's modules, which
# would be a third of their memory.
SERVES_PAGES = env.bool("SERVES_PAGES", default=serves_pages(sys.argv))
INSTALLED_APPS = [
    *(["unfold", "django.contrib.admin"] if SERVES_PAGES else [ADMIN_WITHOUT_PAGES]),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *(["rest_framework", "drf_spectacular"] if SERVES_PAGES else []),
    "django_celery_beat",
    "config.apps.ProjectConfig",
    "orders",
    "channels_app",
    "consents",
    "notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.edge.MachineEdge",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "notifications.views.scope.navigation",
            ]
        },
    }
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# --- Database ----------------------------------------------------------------
DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'orderbell.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        ),
    }
else:
    DATABASES["default"]["ENGINE"] = "config.postgresql"
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Language and time -------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True

# --- Static files ------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# --- The doorbell: Celery and Redis ------------------------------------------
# Without a broker the pump runs as a thread of `manage.py up` or `manage.py dispatcher`.
REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_IMPORTS = ["notifications.tasks", "notifications.workers"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_QUEUE", default="orderbell")
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 120, 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "visibility_timeout": 300,
    }
    if CELERY_BROKER_URL.startswith("redis")
    else {"confirm_publish": True}
)
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
# Celery closes the database connection around every task unless told otherwise; the pump's own
# thread looks after its connection itself.
CELERY_DB_REUSE_MAX = 10**9
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "look": {"task": "notifications.tasks.drain", "schedule": 5.0, "options": {"expires": 5}},
    "forget_idempotent_calls": {
        "task": "notifications.tasks.chore",
        "schedule": 3600.0,
        "args": ["forget_idempotent_calls"],
    },
    "forget_foreign_receipts": {
        "task": "notifications.tasks.chore",
        "schedule": 3600.0,
        "args": ["forget_foreign_receipts"],
    },
    "list_sources": {
        "task": "notifications.tasks.chore",
        "schedule": 300.0,
        "args": ["list_sources"],
    },
    "balance_channels": {
        "task": "notifications.tasks.chore",
        "schedule": 60.0,
        "args": ["balance_channels"],
    },
    "forget_channel_minutes": {
        "task": "notifications.tasks.chore",
        "schedule": 3600.0,
        "args": ["forget_channel_minutes"],
    },
    "watch_sources": {
        "task": "notifications.tasks.chore",
        "schedule": 60.0,
        "args": ["watch_sources"],
    },
    "forget_times": {
        "task": "notifications.tasks.chore",
        "schedule": 3600.0,
        "args": ["forget_times"],
    },
    "purge_masked_contacts": {
        "task": "notifications.tasks.chore",
        "schedule": 900.0,
        "args": ["purge_masked_contacts"],
    },
}

# --- Sending -----------------------------------------------------------------
# Channels in mode `sandbox` speak to the stand-in server; `live` ones to the provider.
SANDBOX_URL = env.str("SANDBOX_URL", default="http://127.0.0.1:8001").rstrip("/")
# Provider slug -> base URL: a proxy, a self-hosted Bot API server, a regional host.
PROVIDER_BASE_URLS = env.json("PROVIDER_BASE_URLS", default={})
SEND_TIMEOUT_SECONDS = env.float("SEND_TIMEOUT_SECONDS", default=10.0)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=150)
# Hosts that user-supplied URLs may name although their address is private (tests, intranets).
PRIVATE_HOSTS_ALLOWED = env.list("PRIVATE_HOSTS_ALLOWED", default=[])
# Channel slug -> what one message costs, "0.0079 USD": for the estimate before a bulk delay.
CHANNEL_PRICES = env.json("CHANNEL_PRICES", default={})

# --- API ---------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["orders.api.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": ["orders.api.authentication.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "orders.api.problems.handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Orderbell API",
    "DESCRIPTION": "Order events in; timelines, deliveries, customers and consents out.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
}

# --- Logging: one line per event, never an address or a text -----------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"httpx": {"level": "WARNING"}, "sendgrid": {"level": "WARNING"}},
}

# --- Admin -------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Orderbell",
    "SITE_HEADER": "Orderbell",
    "SITE_SYMBOL": "notifications_active",
    "SHOW_HISTORY": True,
    "COLORS": {
        # The accent of static/css/orderbell.css, from pale to deep.
        "primary": {
            "50": "#fdf3ee",
            "100": "#fbe8e0",
            "200": "#f5cbb8",
            "300": "#eca789",
            "400": "#df7d55",
            "500": "#c95d31",
            "600": "#b4481f",
            "700": "#93381a",
            "800": "#762f19",
            "900": "#602917",
            "950": "#331309",
        }
    },
}
