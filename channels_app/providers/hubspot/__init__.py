"""HubSpot: keeps an order's record up to date, or sends a custom event, for workflows to act on."""
