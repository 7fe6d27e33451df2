"""One drill for each fault: what breaks, what the three records say afterwards, and a line."""
