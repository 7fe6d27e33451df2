"""Who may be told, and how."""
