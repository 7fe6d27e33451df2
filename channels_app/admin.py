"""The form of a channel: its provider's credentials as fields, secrets masked.

The pages themselves are registered by `notifications.admin`, which knows the
brands that channels belong to.
"""

import copy
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from channels_app import registry
from channels_app.contract import Credentials
from channels_app.credentials import mask
from channels_app.models import Channel

PREFIX = "credential_"


def merged(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Stored credentials with what was given now; an empty secret keeps the stored one."""
    return {**stored, **{name: value for name, value in given.items() if value not in ("", None)}}


def check(provider: str, values: Mapping[str, Any]) -> Credentials:
    """The provider's own form over `values`, validated: look at `errors` or `cleaned_data`."""
    form = registry.provider_class(provider).Credentials(dict(values))
    form.is_valid()
    return form


def storable(form: Credentials) -> dict[str, Any]:
    """What is kept of valid credentials: nothing empty."""
    return {n: v for n, v in form.cleaned_data.items() if v not in ("", None, [], {})}


def credential_fields(channel: Channel) -> dict[str, forms.Field]:
    """The provider's fields for the channel's form; secrets show their last characters only."""
    form = registry.provider_class(channel.provider).Credentials
    fields = {}
    for name, declared in form.base_fields.items():
        field = copy.deepcopy(declared)
        stored = channel.credentials.get(name)
        if name in form.secret:
            hint = mask(str(stored)) if stored else ""
            field.widget = UnfoldAdminTextInputWidget(
                attrs={"placeholder": hint, "autocomplete": "off"}
            )
            field.required = field.required and not stored
            field.help_text = f"{field.help_text} {_('Leave empty to keep it.') if stored else ''}"
        else:
            field.initial = stored
            field.widget = _styled(field.widget)
        fields[PREFIX + name] = field
    return fields


def _styled(widget: forms.Widget) -> forms.Widget:
    """The admin's own look for the plain fields of a provider's form."""
    if isinstance(widget, forms.Textarea):
        return UnfoldAdminTextareaWidget(attrs=widget.attrs)
    if type(widget) in (forms.TextInput, forms.EmailInput, forms.URLInput):
        return UnfoldAdminTextInputWidget(attrs=widget.attrs)
    return widget


class ChannelForm(forms.ModelForm):
    """A channel. Once its provider is known, the credentials that this provider asks for."""

    class Meta:
        model = Channel
        fields = (
            "name",
            "slug",
            "provider",
            "mode",
            "enabled",
            "position",
            "max_in_flight",
            "weight",
            "max_per_second",
            "daily_cap",
            "country_caps",
            "hold_unknown",
            "paused_until",
            "paused_why",
        )

    def clean(self) -> dict[str, Any]:
        """Ask the provider whether the credentials can be right."""
        data = super().clean() or {}
        if self.instance.pk is None:
            return data
        form = registry.provider_class(self.instance.provider).Credentials
        given = {n: data[PREFIX + n] for n in form.base_fields if PREFIX + n in data}
        kept = {n: v for n, v in self.instance.credentials.items() if n in form.secret}
        checked = check(self.instance.provider, merged(kept, given))
        for name, errors in checked.errors.items():
            self.add_error(PREFIX + name if PREFIX + name in self.fields else None, list(errors))
        if checked.is_valid():
            self.instance.credentials = storable(checked)
        return data


def form_for(channel: Channel) -> type[ChannelForm]:
    """`ChannelForm` with the fields of the channel's provider."""
    return type("ProviderChannelForm", (ChannelForm,), credential_fields(channel))
