"""Anything else: our own normalised JSON, plain, in CloudEvents, or by the API."""
