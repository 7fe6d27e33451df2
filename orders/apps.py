"""Orders."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders and their sources."""

    name = "orders"
