"""Olo: the webhooks of a restaurant brand's own online ordering."""
