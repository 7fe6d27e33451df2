"""Deliveroo: order and rider events, signed in two ways."""
