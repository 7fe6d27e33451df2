"""The project itself as an application: it brings the system checks."""

from django.apps import AppConfig
from django.core.checks import register

from config import checks
from config.celery import OUR_CHECKS


class ProjectConfig(AppConfig):
    """Named in INSTALLED_APPS so that `manage.py check` knows our checks."""

    name = "config"
    verbose_name = "Orderbell"

    def ready(self) -> None:
        """Register the checks; those about production only run with --deploy."""
        for check in checks.ALWAYS:
            register(check, OUR_CHECKS)
        for check in checks.DEPLOY:
            register(check, OUR_CHECKS, deploy=True)
