"""Intercom: an event on the customer's contact, which starts the operator's own workflows."""
