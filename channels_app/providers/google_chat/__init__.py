"""Google Chat: spaces where staff talk, through a webhook or through an app."""
