"""What a user would write instead of Orderbell: a signal, a Celery task per message, an SDK."""
