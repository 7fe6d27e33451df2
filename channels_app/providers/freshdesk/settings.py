"""What staff enter about a Freshdesk account, and how it is read."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from channels_app.contract import Credentials
from channels_app.wire import lines, tickets
from channels_app.wire.hosts import account_below

# A help desk lives below this domain and nowhere else: no other host is ever called.
DOMAIN = "freshdesk.com"
DEFAULTS: Mapping[str, str] = {
    "order_field": "cf_order_id",
    "state_field": "cf_order_status",
    "tag_prefix": "order_",
    "status": "2",
    "priority": "1",
    "source": "2",
}
LONGEST_TAG = 32
_FIELD = r"^cf_[a-z0-9_]{1,80}\Z"
_STATE = re.compile(r"([a-z_]+)\s*=\s*(\S(?:.{0,98}\S)?)")
_TAG = re.compile(rf"[\w./-]{{1,{LONGEST_TAG}}}")
_IDS: Mapping[str, str] = {"group": "group_id", "product": "product_id"}


def domain_of(value: str) -> str:
    """The account's name in what was typed or pasted; empty when it is no Freshdesk address."""
    return account_below(value, DOMAIN)


def states_of(text: str) -> dict[str, str]:
    """`status = option` lines as a table; raises ValueError with the line that cannot be read."""
    return lines.table(text, _STATE)


def place_of(address: str) -> tickets.Place:
    """What the address of a destination means: `group:1 product:2`, all else is a tag."""
    return tickets.place_of(address, _IDS, _TAG)


def _field(label: Any, help_text: Any) -> forms.RegexField:
    """The name of a ticket field of the account's own."""
    return forms.RegexField(
        _FIELD,
        label=label,
        required=False,
        help_text=help_text,
        error_messages={"invalid": _("It starts with cf_ and is in small letters.")},
    )


def _choice(label: Any, choices: list[tuple[str, Any]], help_text: Any) -> forms.ChoiceField:
    """A choice that may be left empty."""
    return forms.ChoiceField(
        label=label, required=False, choices=[("", "—"), *choices], help_text=help_text
    )


class FreshdeskCredentials(Credentials):
    """The account, and which fields and tags of a ticket say where the order is."""

    secret = frozenset({"api_key"})

    domain = forms.CharField(
        label=_("Domain"),
        max_length=200,
        help_text=_("The first part of your address: nonna for nonna.freshdesk.com."),
    )
    api_key = forms.RegexField(
        r"^\S+$",
        label=_("API key"),
        help_text=_("Of an agent: your picture, Profile settings, View API key."),
    )
    mark = _choice(
        _("The state of the order goes into"),
        [("field", _("a ticket field")), ("tag", _("a tag")), ("both", _("both"))],
        _("A field is safer: agents change tags. Empty: a ticket field."),
    )
    order_field = _field(
        _("Field for the order"), _("A text field; we find the ticket by it. Empty: cf_order_id")
    )
    state_field = _field(
        _("Field for the state"),
        _("Text, or a drop-down with an option for each state. Empty: cf_order_status"),
    )
    text_field = _field(
        _("Field for the words"),
        _("A paragraph field for what we say, to be used in your rules' mails. Empty: none."),
    )
    states = forms.CharField(
        label=_("Your own words for states"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "The drop-down's options, one on a line: ready = Ready to collect. An event that is no "
            "status, such as delayed, changes the state only if it has a line here."
        ),
    )
    tag_prefix = forms.RegexField(
        r"^[a-z0-9_-]{1,12}\Z",
        label=_("Prefix of the tag"),
        required=False,
        help_text=_("Before the order's status. Empty: order_"),
    )
    status = _choice(
        _("Status of new tickets"),
        [("2", _("Open")), ("3", _("Pending")), ("4", _("Resolved")), ("5", _("Closed"))],
        _("Empty: open."),
    )
    priority = _choice(
        _("Priority of new tickets"),
        [("1", _("Low")), ("2", _("Medium")), ("3", _("High")), ("4", _("Urgent"))],
        _("Empty: low."),
    )
    source = _choice(
        _("Source of new tickets"),
        [("1", _("Email")), ("2", _("Portal")), ("3", _("Phone")), ("7", _("Chat"))],
        _("Your rules may look at it. Empty: portal."),
    )

    def clean_domain(self) -> str:
        """Only the name, whatever was pasted; other hosts are refused."""
        found = domain_of(self.cleaned_data["domain"])
        if not found:
            raise ValidationError(
                _("Enter the first part of your address at freshdesk.com. Other hosts are no use.")
            )
        return found

    def clean_states(self) -> str:
        """Lines that can be read."""
        refusal = _("This line is not status = option: %s")
        return lines.checked(self.cleaned_data["states"], states_of, refusal)
