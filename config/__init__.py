"""Settings, URLs and process entry points. Imports every app; nobody imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
