"""Airship: notifications through the operator's own Airship project."""
