"""Zoho CRM: webhooks of workflow rules, and notification channels."""
