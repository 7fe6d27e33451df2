"""WooCommerce: what happened is written back on the order in the shop."""
