"""The REST API over messages, customers and consents; provider callbacks; health."""
