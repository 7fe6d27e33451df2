"""Discord: rooms where staff talk, written to through a webhook of the room."""
