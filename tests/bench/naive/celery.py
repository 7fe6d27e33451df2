"""Celery as its guide for Django sets it up; tuned, it also keeps the database connection."""

from celery import Celery
from django.conf import settings

app = Celery("naive")
app.conf.update(
    imports=["tests.bench.naive.tasks"],
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)
if settings.TUNED:
    # Without it Celery closes the connection around every task, whatever CONN_MAX_AGE says.
    app.conf.CELERY_DB_REUSE_MAX = 10**9
app.set_default()
