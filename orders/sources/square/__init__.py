"""Square: webhooks that point at orders, and the Orders API that holds them."""
