"""Power Automate: an order's event starts a flow of the operator's."""
