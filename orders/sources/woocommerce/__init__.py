"""WooCommerce: webhooks with the REST v3 order as their body."""
