"""The REST API over orders, and the address where sources deliver."""
