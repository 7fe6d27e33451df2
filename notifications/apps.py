"""Notifications."""

import importlib

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Planning, sending, and what became of it."""

    name = "notifications"

    def ready(self) -> None:
        """Connect the project's one domain signal. (Receivers need models: not before now.)"""
        importlib.import_module("notifications.receivers").connect()
