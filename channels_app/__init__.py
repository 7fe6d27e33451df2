"""How to speak to providers. Knows no orders."""
