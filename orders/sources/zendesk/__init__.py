"""Zendesk: webhooks of triggers and automations, and ticket event subscriptions."""
