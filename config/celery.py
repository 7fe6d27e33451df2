"""Celery: the doorbell and the beat. Every limit is set, so that no broker can hold anything up."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("orderbell")
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def _keep_djangos_logging(**_kwargs: object) -> None:
    """Celery does not replace the logging of the settings."""
