"""What staff enter about a Zendesk account, and how it is read."""

import re
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import Credentials
from channels_app.wire import lines, tickets
from channels_app.wire.hosts import account_below

# A help desk lives below this domain and nowhere else: no other host is ever called.
DOMAIN = "zendesk.com"
DEFAULT_PREFIX = "order_"
_NUMBER = RegexValidator(r"^[0-9]{1,20}\Z", _("It is a number."))
_STATE = re.compile(r"([a-z_]+)\s*=\s*([\w:./-]{1,80})")
_TAG = re.compile(r"[\w:./-]{1,80}")
_FIELDS = {"group": "group_id", "form": "ticket_form_id", "brand": "brand_id"}


def subdomain_of(value: str) -> str:
    """The account's name in what was typed or pasted; empty when it is no Zendesk address."""
    return account_below(value, DOMAIN)


def states_of(text: str) -> dict[str, str]:
    """`status = word` lines as a table; raises ValueError with the line that cannot be read."""
    return lines.table(text, _STATE)


def place_of(address: str) -> tickets.Place:
    """What the address of a destination means: `group:1 form:2 brand:3`, all else is a tag."""
    found = tickets.place_of(address, _FIELDS, _TAG)
    return replace(found, tags=[tag.lower() for tag in found.tags])


class ZendeskCredentials(Credentials):
    """The account, and which field or tag of a ticket says where the order is."""

    secret = frozenset({"api_token", "access_token"})

    subdomain = forms.CharField(
        label=_("Subdomain"),
        max_length=200,
        help_text=_("The first part of your address: nonna for nonna.zendesk.com."),
    )
    email = forms.EmailField(
        label=_("Email of an agent"),
        required=False,
        help_text=_("The agent in whose name we work. Goes with the API token."),
    )
    api_token = forms.RegexField(
        r"^\S+$",
        label=_("API token"),
        required=False,
        help_text=_("Admin centre, Apps and integrations, APIs, API tokens."),
    )
    access_token = forms.RegexField(
        r"^\S+$",
        label=_("OAuth access token"),
        required=False,
        help_text=_("Instead of email and API token, if you have one that does not expire."),
    )
    mark = forms.ChoiceField(
        label=_("The state of the order goes into"),
        required=False,
        choices=[("field", _("a ticket field")), ("tag", _("a tag")), ("both", _("both"))],
        help_text=_("A drop-down field is safer: agents change tags. Empty: a ticket field."),
    )
    state_field = forms.CharField(
        label=_("ID of the field for the state"),
        required=False,
        validators=[_NUMBER],
        help_text=_("A drop-down whose options have the tags order_placed, order_ready, ..."),
    )
    state_prefix = forms.RegexField(
        r"^[a-z0-9_-]{1,40}\Z",
        label=_("Prefix of the state"),
        required=False,
        help_text=_("Before the order's status, in field and tag. Empty: order_"),
    )
    states = forms.CharField(
        label=_("Your own words for states"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "One on a line, such as ready = kitchen_done. An event that is no status, such as "
            "delayed, changes the state only if it has a line here."
        ),
    )
    comment = forms.ChoiceField(
        label=_("What we say on a ticket is"),
        required=False,
        choices=[
            ("none", _("not written, only the state changes")),
            ("private", _("an internal note")),
            ("public", _("a public comment, which Zendesk mails to the customer")),
        ],
        help_text=_("Empty: not written."),
    )
    reference_field = forms.CharField(
        label=_("ID of the field for our reference"),
        required=False,
        validators=[_NUMBER],
        help_text=_("A text field. Needed for comments: it keeps a repeat from saying it twice."),
    )

    def clean_subdomain(self) -> str:
        """Only the name, whatever was pasted; other hosts are refused."""
        found = subdomain_of(self.cleaned_data["subdomain"])
        if not found:
            raise ValidationError(
                _("Enter the first part of your address at zendesk.com. Other hosts are not used.")
            )
        return found

    def clean_states(self) -> str:
        """Lines that can be read."""
        refusal = _("This line is not status = word: %s")
        return lines.checked(self.cleaned_data["states"], states_of, refusal)

    def clean(self) -> dict[str, Any]:
        """One way to sign in, and a field for all that needs one."""
        found = {**(super().clean() or {})}
        if not found.get("access_token") and not (found.get("email") and found.get("api_token")):
            self.add_error("api_token", _("Enter an email and its API token, or an OAuth token."))
        if found.get("mark") != "tag" and not found.get("state_field"):
            self.add_error("state_field", _("Enter the field's ID, or choose a tag."))
        if found.get("comment") in ("private", "public") and not found.get("reference_field"):
            self.add_error(
                "reference_field", _("Comments need it: a repeat would be written twice.")
            )
        return found
