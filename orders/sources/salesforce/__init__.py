"""Salesforce: HTTP callouts of flows, and outbound messages."""
