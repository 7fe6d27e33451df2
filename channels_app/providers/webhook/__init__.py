"""A partner's endpoint, called as Standard Webhooks says."""
