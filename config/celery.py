"""Celery: the doorbell and the beat. Every limit is set, so that no broker can hold anything up."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_init
from django.core.checks import run_checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# All of Django's checks would load every page into every worker, and Celery drops what they say.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
OUR_CHECKS = "orderbell"

app = Celery("orderbell")
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def _keep_djangos_logging(**_kwargs: object) -> None:
    """Celery does not replace the logging of the settings."""


@worker_init.connect
def _check_settings(**_kwargs: object) -> None:
    """A worker with settings that would do harm does not start, and says why."""
    found = [str(one) for one in run_checks(tags=[OUR_CHECKS]) if one.is_serious()]
    if found:
        raise SystemExit("\n".join(found))
