"""Telegram: a bot writes to people who started a conversation with it."""
