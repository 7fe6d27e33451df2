"""Admin pages of this app, by what they are about."""

from notifications.admin import escalations, health, main

__all__ = ["escalations", "health", "main"]
