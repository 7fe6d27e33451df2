"""Freshdesk: automation rules that trigger a webhook."""
