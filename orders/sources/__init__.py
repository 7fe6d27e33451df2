"""One folder per kind of ordering platform; `orders.registry` finds them."""
