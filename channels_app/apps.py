"""Channels."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    """Providers, and the accounts configured with them."""

    name = "channels_app"
    verbose_name = "Channels"
