"""Admin pages of those who speak to us: connections and API tokens."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.credentials import mask
from orders import registry, rotation, tokens, validation
from orders.admin_base import (
    ScopedAdmin,
    ScopedFilter,
)
from orders.models import (
    ApiToken,
    SourceConnection,
)


def show_once(request: HttpRequest, label: str, secret: str) -> None:
    """Put a secret on the next page that this person sees, and nowhere else."""
    messages.warning(request, format_html("{} <code>{}</code>", label, secret))


class TokenForm(forms.ModelForm):
    """A new token: its rights are chosen, its text is made."""

    rights = forms.MultipleChoiceField(
        choices=[(right, right) for right in tokens.RIGHTS], widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiToken
        fields = ("brand", "name", "rights")


@admin.register(ApiToken)
class ApiTokenAdmin(ScopedAdmin):
    """Bearer tokens: shown once when they are made, revoked, never changed."""

    form = TokenForm
    list_display = ("name", "brand", "prefix", "rights", "created_at", "last_used_at", "revoked_at")
    list_filter = (("brand", ScopedFilter),)
    list_select_related = ("brand",)
    search_fields = ("prefix__exact", "name__exact")
    autocomplete_fields = ("brand",)
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Lists and actions only; a token itself does not change."""
        return obj is None and super().has_change_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is asked for a new one; what is known of an old one."""
        return ("brand", "name", "rights") if obj is None else self.list_display

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the token, and show its text this once."""
        made, plain = tokens.issue(obj.brand, obj.name, form.cleaned_data["rights"])
        obj.__dict__.update(made.__dict__)
        show_once(request, _("The token, shown only now:"), plain)

    @admin.action(description=gettext_lazy("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Let the chosen tokens open nothing any more."""
        queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, _("Revoked. Calls with these tokens are answered 401."))


class ConnectionForm(forms.ModelForm):
    """A connection, with a place to put in a secret that the source has chosen."""

    source = forms.ChoiceField(choices=lambda: [(slug, slug) for slug in registry.slugs()])
    new_secret = forms.CharField(
        required=False,
        label=gettext_lazy("New signing secret"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "Only if the source gave you one. Empty keeps the present one; for a new connection "
            "one is made and shown once."
        ),
    )

    class Meta:
        model = SourceConnection
        fields = ("brand", "store", "source", "name", "mode", "enabled", "settings")

    def clean(self) -> dict[str, Any]:
        """Choices that the source knows, and a store of the same brand."""
        data = super().clean() or {}
        store, brand = data.get("store"), data.get("brand")
        if store and brand and store.brand_id != brand.pk:
            self.add_error("store", _("This store belongs to another brand."))
        if data.get("source") and isinstance(data.get("settings"), dict):
            try:
                validation.connection_settings(data["source"], data["settings"])
            except ValidationError as error:
                self.add_error("settings", error)
        return data


@admin.register(SourceConnection)
class SourceConnectionAdmin(ScopedAdmin):
    """Accounts of sources: the address to give them, secrets that can be renewed, never read."""

    form = ConnectionForm
    list_display = ("name", "brand", "source", "mode", "enabled", "refused_count", "refused_at")
    list_filter = (("brand", ScopedFilter), "source", "mode", "enabled")
    list_select_related = ("brand",)
    search_fields = ("key__exact", "name__istartswith")
    autocomplete_fields = ("brand", "store")
    readonly_fields = (
        "hook_url",
        "mapping_page",
        "signing",
        "refused_count",
        "refused_at",
        "refused_why",
    )
    fields = (
        "brand",
        "store",
        "source",
        "name",
        "mode",
        "enabled",
        "settings",
        "hook_url",
        "mapping_page",
        "signing",
        "new_secret",
        "refused_count",
        "refused_at",
        "refused_why",
    )
    actions = ("rotate_secret",)

    @admin.display(description=gettext_lazy("Address for the source"))
    def hook_url(self, obj: SourceConnection) -> str:
        """Where the source posts to; a click selects it."""
        if not obj.pk:
            return _("Known after saving.")
        return format_html(
            '<code class="select-all">{}/hooks/{}/</code> {}',
            settings.PUBLIC_BASE_URL,
            obj.key,
            _("Click to select, then copy it into the source's webhook settings."),
        )

    @admin.display(description=gettext_lazy("How bodies are understood"))
    def mapping_page(self, obj: SourceConnection) -> str:
        """Where the mapping and the words for statuses are tried and saved."""
        if not obj.pk:
            return _("Known after saving.")
        address = reverse("mapping", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', address, _("Mapping and words for statuses"))

    @admin.display(description=gettext_lazy("Signing secrets"))
    def signing(self, obj: SourceConnection) -> str:
        """Enough of each valid secret to recognise it by, and how long it stays good."""
        valid = obj.valid_secrets(timezone.now())
        until = {entry.get("secret"): entry.get("until") for entry in obj.secrets}
        return (
            ", ".join(
                mask(secret) + (_(" until %s") % until[secret] if until[secret] else "")
                for secret in valid
            )
            or "–"
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save; take in a given secret, or make one for a new connection."""
        super().save_model(request, obj, form, change)
        given = form.cleaned_data.get("new_secret", "")
        if given:
            rotation.rotate(obj, timezone.now(), given)
        elif not change:
            show_once(request, _("The signing secret, shown only now:"), self._rotate(obj))

    @staticmethod
    def _rotate(connection: SourceConnection) -> str:
        return rotation.rotate(connection, timezone.now())

    @admin.action(description=gettext_lazy("Rotate secret"), permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[SourceConnection]) -> None:
        """Make a new secret for each; the old ones stay good for 24 hours."""
        for connection in queryset:
            label = _("%s: the new secret, shown only now; the old one is good for 24 hours more:")
            show_once(request, label % connection.name, self._rotate(connection))
            self.log_change(request, connection, "Secret rotated.")
