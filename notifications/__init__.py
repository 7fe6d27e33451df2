"""From a change to a message: planning, sending, and what became of it."""
