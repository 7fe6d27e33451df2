"""Slack: rooms where staff talk, with buttons to answer."""
