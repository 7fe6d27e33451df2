"""Klaviyo: an event on a person's profile, which the operator's own flows act on."""
