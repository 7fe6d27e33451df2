"""How fast the product is, beside what a user would write instead. Run `make bench`."""
