"""Firebase Cloud Messaging: notifications of the operator's own apps."""
