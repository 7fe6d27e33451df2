"""Just Eat: its partner webhooks for orders and deliveries."""
