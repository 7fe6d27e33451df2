"""Clover: a doorbell that names orders, and the REST API that holds them."""
