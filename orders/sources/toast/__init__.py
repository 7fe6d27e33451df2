"""Toast: signed webhooks with the order in them, and its API for what they leave out."""
