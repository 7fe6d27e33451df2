"""Pusher Channels: pages that are open change by themselves."""
