"""Otter: one signed webhook for the orders of many delivery platforms."""
