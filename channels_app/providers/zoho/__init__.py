"""Zoho CRM: keeps an order's record up to date, for workflow rules to act on."""
