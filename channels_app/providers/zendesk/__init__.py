"""Zendesk: one ticket for each order, whose state drives the help desk's triggers."""
