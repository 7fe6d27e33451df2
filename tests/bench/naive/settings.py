"""A small shop, as `startproject` and the tutorials of its parts lead to it."""

import os

import environ

env = environ.Env()
SECRET_KEY = "bench"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "tests.bench.naive",
]
MIDDLEWARE: list[str] = []  # every one would only make it slower
ROOT_URLCONF = "tests.bench.naive.urls"
DATABASES = {"default": {**env.db_url("DATABASE_URL"), "CONN_MAX_AGE": 60}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}

# --- The bench's own ---
PROVIDER_URL = os.environ.get("NAIVE_PROVIDER_URL", "http://127.0.0.1:1")
# "1": the expert's version, which keeps the database connection from task to task.
TUNED = os.environ.get("NAIVE_TUNED") == "1"
WEBHOOK_SECRET = os.environ.get("NAIVE_WEBHOOK_SECRET", "bench")
