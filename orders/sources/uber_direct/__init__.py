"""Uber Direct: couriers that bring the shop's own orders."""
