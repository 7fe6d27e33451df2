"""Freshdesk: one ticket for each order, whose fields and tags drive the help desk's rules."""
