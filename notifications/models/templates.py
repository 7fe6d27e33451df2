"""What to say."""

from collections.abc import Collection, Sequence
from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.contract import Family
from notifications import provider_texts
from notifications.variables import save_problems
from notifications.words import REPLIES
from orders.models import Brand, Store
from orders.statuses import EVENTS

# A change of any of these is another message, so another version.
VERSIONED = ("event", "family", "language", "subject", "body", "provider_texts")


class MessageTemplate(models.Model):
    """The words for one event, channel family and language; a store may have its own."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="templates")
    store = models.ForeignKey(Store, on_delete=models.CASCADE, null=True, blank=True)
    name = models.SlugField(default="customer", help_text=_("Rules choose templates by this name."))
    event = models.CharField(max_length=20)
    family = models.CharField(max_length=10)
    language = models.CharField(max_length=10, default="en")
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(help_text=_("Liquid. The variables are listed beside the editor."))
    provider_texts = models.JSONField(
        default=dict,
        blank=True,
        help_text=_(
            "Texts kept at a provider that say the same, by provider: "
            '{"whatsapp": {"id": "order_ready", "language": "en_US", '
            '"parameters": {"1": "{{ order.number }}"}}}'
        ),
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "event", "family", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "name", "event", "family", "language"],
                condition=models.Q(store__isnull=True),
                name="template_of_brand",
            ),
            models.UniqueConstraint(
                fields=["brand", "store", "name", "event", "family", "language"],
                condition=models.Q(store__isnull=False),
                name="template_of_store",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.event} · {self.family} · {self.language}"

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any
    ) -> "MessageTemplate":
        """Remember the words as they were stored, to see later whether they changed."""
        row = super().from_db(db, field_names, values, **more)
        row._stored = row._words()
        return row

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read the row again, and remember its words anew."""
        super().refresh_from_db(*args, **kwargs)
        self._stored = self._words()

    def clean(self) -> None:
        """Refuse what could not be sent, per field, with line and column."""
        errors = {
            "event": _not_one_of(self.event, [*EVENTS, *REPLIES]),
            "family": _not_one_of(self.family, [family.value for family in Family]),
        }
        if self.provider_texts:
            errors["provider_texts"] = provider_texts.problems(self.provider_texts)
        for problem in save_problems(self.body or "", self.subject or ""):
            errors.setdefault(problem.field, []).append(str(problem))
        if wrong := {field: found for field, found in errors.items() if found}:
            raise ValidationError(wrong)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Count the version up when the words changed."""
        words, stored = self._words(), getattr(self, "_stored", {})
        if any(words.get(name) != value for name, value in stored.items()):
            self.version += 1
            self.updated_at = timezone.now()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version", "updated_at"}
        super().save(*args, **kwargs)
        self._stored = words

    def _words(self) -> dict[str, Any]:
        """A copy: the texts at providers may be changed where they stand."""
        return deepcopy({name: self.__dict__[name] for name in VERSIONED if name in self.__dict__})


def _not_one_of(value: str, known: Sequence[str]) -> list[str]:
    if value in known:
        return []
    near = get_close_matches(value, known, n=1)
    hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(known)}."
    return [f"There is no “{value}”; {hint}"]
