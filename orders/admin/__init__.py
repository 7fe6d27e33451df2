"""Admin pages of this app, by what they are about."""

from orders.admin import access, brands, records

__all__ = ["access", "brands", "records"]
