"""What is asked about a source: its name, its choices, the credentials of its API."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.views import connection_rights
from notifications.views.scope import Scope
from orders import validation
from orders.contract import OrderSource
from orders.models import SourceConnection

SETTING, CREDENTIAL = "setting-", "credential-"
LONGEST = 8000


class CredentialsForm(forms.Form):
    """What the source's API is called with. What is saved is never shown; empty keeps it."""

    def __init__(self, source: OrderSource, data: Any = None, **more: Any) -> None:
        """One masked field for each credential that the source knows."""
        super().__init__(data, **more)
        for name, help_text in source.CREDENTIALS.items():
            self.fields[CREDENTIAL + name] = forms.CharField(
                label=_words(name),
                help_text=help_text,
                required=False,
                max_length=LONGEST,
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            )

    def credentials(self) -> dict[str, str]:
        """Those that were typed."""
        return {
            name.removeprefix(CREDENTIAL): typed
            for name, typed in self.cleaned_data.items()
            if name.startswith(CREDENTIAL) and typed
        }


class ConnectForm(CredentialsForm):
    """A new connection."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    store = forms.ChoiceField(
        label=gettext_lazy("Store"),
        required=False,
        help_text=gettext_lazy("Orders belong here unless they name another place."),
    )
    secret = forms.CharField(
        label=gettext_lazy("Signing secret"),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, source: OrderSource, seen: Scope, data: Any = None) -> None:
        """Offer the stores that `seen` may connect a source to."""
        super().__init__(source, data, initial={"name": source.name})
        self._source, self._brand = source, seen.brand
        every = [("", _("All stores"))] if connection_rights.whole_brand(seen) else []
        stores = [(str(one.pk), one.name) for one in connection_rights.stores(seen)]
        self.fields["store"].choices = [*every, *stores]  # type: ignore[attr-defined]
        self.fields["store"].initial = str(seen.store.pk) if seen.store else ""
        self.fields["store"].required = not every
        for name, (default, help_text) in source.SETTINGS.items():
            self.fields[SETTING + name] = _field(name, default, help_text)

    def clean_name(self) -> str:
        """A name that no other connection of the brand has."""
        name: str = self.cleaned_data["name"].strip()
        if SourceConnection.objects.filter(brand=self._brand, name=name).exists():
            raise ValidationError(_("Another source has this name. Choose one of its own."))
        return name

    def clean(self) -> dict[str, Any]:
        """Choices that the source understands."""
        data = super().clean() or {}
        if not self.errors:
            try:
                validation.connection_settings(self._source.slug, self.settings())
            except ValidationError as error:
                self.add_error(None, error)
        return data

    def settings(self) -> dict[str, Any]:
        """What differs from the source's defaults."""
        chosen: dict[str, Any] = {}
        for name, (default, _help) in self._source.SETTINGS.items():
            value = self.cleaned_data.get(SETTING + name)
            empty = value is None or (value == "" and not isinstance(default, str))
            if not empty and value != default:
                chosen[name] = value
        return chosen

    def parts(self) -> Mapping[str, list[Any]]:
        """The fields by what they are about, as the page groups them."""
        return {
            "main": [self["name"], self["store"], self["secret"]],
            "credentials": [self[name] for name in self.fields if name.startswith(CREDENTIAL)],
            "settings": [self[name] for name in self.fields if name.startswith(SETTING)],
        }


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _field(name: str, default: Any, help_text: str) -> forms.Field:
    """A field that takes what the default is an example of."""
    more: dict[str, Any] = {
        "label": _words(name),
        "help_text": help_text,
        "required": False,
        "initial": default,
    }
    if isinstance(default, bool):
        return forms.BooleanField(**more)
    if isinstance(default, int):
        return forms.IntegerField(**more)
    if isinstance(default, (list, dict)):
        more["initial"] = json.dumps(default) if default else ""
        return _JsonField(type(default), **more)
    return forms.CharField(max_length=LONGEST, **more)


class _JsonField(forms.CharField):
    """A list or an object, written as JSON."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})

    def __init__(self, kind: type, **more: Any) -> None:
        super().__init__(max_length=LONGEST, **more)
        self._kind = kind

    def clean(self, value: Any) -> Any:
        """The list or object; None when nothing was typed."""
        typed = super().clean(value)
        if not typed:
            return None
        try:
            found = json.loads(typed)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, self._kind):
            example = '["a", "b"]' if self._kind is list else '{"a": "b"}'
            raise ValidationError(_("Write it like %(example)s.") % {"example": example})
        return found
