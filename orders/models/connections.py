"""Where orders come from."""

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.credentials import EncryptedJSONField
from orders.models.keys import new_key
from orders.models.tenants import Brand, Store


class SourceConnection(models.Model):
    """One configured account of a source: its address, its secrets, its choices."""

    class Mode(models.TextChoices):
        LIVE = "live", _("Live")
        TEST = "test", _("Test: nothing goes to customers")
        IMPORT = "import", _("Importing history: nothing is sent")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="connections")
    store = models.ForeignKey(
        Store,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        help_text=_("Orders belong here unless the body names another location."),
    )
    source = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    key = models.CharField(max_length=64, unique=True, default=new_key, editable=False)
    # [{"secret": "...", "until": iso or null}], newest first; an old one stays good until `until`
    secrets = EncryptedJSONField(default=list, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    credentials = EncryptedJSONField(default=dict, blank=True)  # for the source's own API
    token = EncryptedJSONField(default=dict, blank=True, editable=False)  # {"value", "until"}
    listed_until = models.DateTimeField(null=True, blank=True, editable=False)
    list_cursor = models.CharField(max_length=500, blank=True, editable=False)
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.LIVE)
    enabled = models.BooleanField(default=True)
    refused_count = models.PositiveBigIntegerField(default=0, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused_why = models.CharField(max_length=200, blank=True, editable=False)
    duplicate_count = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["brand_id", "name"]
        constraints = [models.UniqueConstraint(fields=["brand", "name"], name="connection_name")]

    def __str__(self) -> str:
        return self.name

    def valid_secrets(self, now: datetime) -> list[str]:
        """The secrets that may sign at `now`, newest first; never an empty one."""
        return [
            entry["secret"]
            for entry in self.secrets
            if entry.get("secret") and (not entry.get("until") or entry["until"] > now.isoformat())
        ]
