"""Microsoft Teams: channels where staff talk, reached through a workflow of their own."""
