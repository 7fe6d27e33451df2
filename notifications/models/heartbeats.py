"""Signs of life, and of a life lived twice."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When something that must happen all the time last happened; one row per name."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    count = models.BigIntegerField(default=0, db_default=0)  # never goes back, but by a restore
    mark = models.CharField(
        max_length=80, blank=True, default="", db_default=""
    )  # the database that wrote it

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"


class Restoration(models.Model):
    """The database is a copy of an earlier one: what it owes may have been sent already."""

    class Verdict(models.TextChoices):
        SEND = "send", _("Send what is still news")
        DROP = "drop", _("Send nothing of it")

    noticed_at = models.DateTimeField()
    why = models.CharField(max_length=300)
    # What came in up to here belongs to the copied past.
    last_event_id = models.BigIntegerField(default=0)
    last_change_id = models.BigIntegerField(default=0)
    verdict = models.CharField(max_length=4, choices=Verdict.choices, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.noticed_at:%Y-%m-%d %H:%M} {self.verdict or 'open'}"
