"""Consents."""

from django.apps import AppConfig


class ConsentsConfig(AppConfig):
    """Addresses, and what people allowed."""

    name = "consents"
