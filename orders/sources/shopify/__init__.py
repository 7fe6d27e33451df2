"""Shopify: webhooks of the Admin API, and of the Events preview."""
