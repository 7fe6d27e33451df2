"""The form of the preference page."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

FAMILY_LABELS = {
    "sms": _("Text message (SMS)"),
    "email": _("Email"),
    "chat": _("Chat"),
    "push": _("Push notification"),
}
_RANKS = (_("First"), _("Then"), _("Then"), _("Last"))


class PreferenceForm(forms.Form):
    """Language, order of channels, quiet hours. Nothing here is a consent."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, required=False)
    quiet_from = forms.TimeField(
        label=_("Quiet from"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("until"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    live_order_exempt = forms.BooleanField(
        label=_("Tell me about an order that is under way even then"), required=False
    )

    def __init__(self, *args: Any, families: Sequence[str], **kwargs: Any) -> None:
        """`families`: those that the customer can be reached by, in their present order."""
        super().__init__(*args, **kwargs)
        self.families = list(families)[: len(_RANKS)]
        choices = [(family, FAMILY_LABELS.get(family, family)) for family in self.families]
        for place, family in enumerate(self.families if len(choices) > 1 else ()):
            self.fields[f"rank_{place}"] = forms.ChoiceField(
                label=_RANKS[place], choices=choices, initial=family, required=False
            )

    def clean(self) -> dict[str, Any]:
        """Quiet hours have two ends, and they differ."""
        data = super().clean() or {}
        start, end = data.get("quiet_from"), data.get("quiet_until")
        if (start is None) != (end is None):
            raise forms.ValidationError(
                _("Quiet hours need a beginning and an end. Fill in both, or empty both.")
            )
        if start is not None and start == end:
            raise forms.ValidationError(
                _("Quiet hours cannot begin and end at the same time. Change one of them.")
            )
        return data

    def chosen_families(self) -> list[str]:
        """The order they like: what was chosen, each once, then what was left out."""
        chosen = [self.cleaned_data.get(f"rank_{n}", "") for n in range(len(self.families))]
        return list(dict.fromkeys([family for family in chosen if family] + self.families))
