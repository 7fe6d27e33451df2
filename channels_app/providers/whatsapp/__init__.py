"""WhatsApp Business by Meta: the Cloud API."""
