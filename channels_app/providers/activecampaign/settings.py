"""The account, and which of its fields and tags hold the state of an order."""

import re
from collections.abc import Mapping

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import Credentials
from channels_app.wire.hosts import is_listed, secure_endpoint

# Every account has a name of its own below one of these.
HOSTS = frozenset({".api-us1.com", ".activehosted.com"})
API = "/api/3"
MOST_TAGS = 100
AN_ID = RegexValidator(r"^[1-9]\d{0,11}\Z", _("An id is a number."))
# Setting -> what goes into the custom field that it names.
FIELDS = {
    "number_field": _("Field for the order's number"),
    "status_field": _("Field for the status"),
    "text_field": _("Field for the message"),
    "link_field": _("Field for the tracking link"),
}
_LINE = re.compile(r"([a-z][a-z0-9_.-]{0,59})\s*[=:]\s*([1-9]\d{0,11})")


def api_of(account_url: str) -> str:
    """The address of the account's API; ValueError unless it is at ActiveCampaign."""
    parts = secure_endpoint(account_url.strip(), frozenset())
    host = (parts.hostname or "").lower().removesuffix(".")
    path = parts.path.rstrip("/")
    if not is_listed(host, HOSTS) or path not in ("", API) or parts.query:
        raise ValueError("The address is not an account's at ActiveCampaign.")
    return f"https://{host}{API}"


def tags_of(value: str) -> dict[str, str]:
    """Event -> id of its tag, from lines such as "ready = 12"; ValueError for other lines."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None or match[1] in found:
            raise ValueError("A line is not an event and the id of its tag.")
        found[match[1]] = match[2]
    if len(found) > MOST_TAGS:
        raise ValueError("There are too many tags.")
    return found


def an_account(value: str) -> None:
    """Refuse what is not an account's address."""
    try:
        api_of(value)
    except ValueError:
        raise ValidationError(
            _(
                "Paste the API URL of Settings > Developer: https://<account>.api-us1.com. "
                "Other hosts are not called."
            )
        ) from None


def a_list_of_tags(value: str) -> None:
    """Refuse lines that are not an event and an id."""
    try:
        tags_of(value)
    except ValueError:
        raise ValidationError(
            _('One event a line, and the id of its tag: "ready = 12". No event twice.')
        ) from None


def field_ids(credentials: Mapping[str, str]) -> dict[str, str]:
    """Setting -> id of the custom field, for those that are set."""
    return {name: credentials[name] for name in FIELDS if credentials.get(name)}


class ActiveCampaignCredentials(Credentials):
    """What Settings > Developer shows, and the ids of fields and tags."""

    secret = frozenset({"api_token"})

    account_url = forms.CharField(
        label=_("API URL"),
        help_text=_("In ActiveCampaign under Settings > Developer: https://….api-us1.com."),
        validators=[an_account],
    )
    api_token = forms.CharField(
        label=_("API key"),
        help_text=_("On the same page."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{16,}\Z")],
    )
    tags = forms.CharField(
        label=_("Tags by event"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_('One a line: the event and the id of its tag, such as "ready = 12".'),
        validators=[a_list_of_tags],
    )
    number_field = forms.CharField(
        label=FIELDS["number_field"], required=False, validators=[AN_ID], help_text=_("Its id.")
    )
    status_field = forms.CharField(
        label=FIELDS["status_field"], required=False, validators=[AN_ID], help_text=_("Its id.")
    )
    text_field = forms.CharField(
        label=FIELDS["text_field"], required=False, validators=[AN_ID], help_text=_("Its id.")
    )
    link_field = forms.CharField(
        label=FIELDS["link_field"], required=False, validators=[AN_ID], help_text=_("Its id.")
    )
