"""Orders and where they come from. Knows nothing of channels or messages."""
