"""Power Automate: the HTTP action of a flow."""
