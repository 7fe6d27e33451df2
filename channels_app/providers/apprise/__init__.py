"""Apprise: alerts for staff, by way of the operator's own Apprise API server."""
