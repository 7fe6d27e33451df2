"""Stand-ins for the providers."""
