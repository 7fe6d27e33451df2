"""Management of the orders app."""
