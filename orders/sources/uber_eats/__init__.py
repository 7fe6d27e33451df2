"""Uber Eats: orders of the marketplace, read beside the till."""
