"""A restaurant to look at: its configuration, its customers, and a lunch service."""
