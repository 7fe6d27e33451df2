"""Viber: a bot that people subscribe to."""
