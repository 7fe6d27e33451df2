"""An Apprise API server's /notify, and what its answers mean."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.providers.apprise.rooms import Unusable, private_host, rooms_of
from channels_app.wire.alerts import Alert, alert_label, alert_of
from channels_app.wire.hosts import is_listed, secure_endpoint, split_endpoint
from channels_app.wire.markup import cut, is_web_link, link_label
from channels_app.wire.reading import part, text_of

# The smallest that a service of the list takes is Pushover's: 1,024, and 250 for the title.
LONGEST_BODY = 1000
LONGEST_TITLE = 200
# An incident's state, else its kind -> Apprise's word, which decides colour and picture.
STATES = {"resolved": "success", "acknowledged": "info", "snoozed": "info"}
TYPES = {"channel": "failure", "silent": "failure", "unreached": "failure", "late": "warning"}
KINDS: Mapping[int, FailureKind] = {
    **dict.fromkeys((404, 405, 406, 421), FailureKind.MISCONFIGURED),
    424: FailureKind.TRANSIENT,
}
HINTS: Mapping[int, str] = {
    401: "The Apprise server wants another user name or password.",
    403: "The Apprise server wants another user name or password.",
    404: "There is no Apprise API at this address. Check the server's URL.",
    405: "There is no Apprise API at this address. Check the server's URL.",
    406: "The Apprise server calls itself. Check the notification URL.",
    421: "There is no Apprise API at this address. Check the server's URL.",
    424: "The service behind Apprise did not take it. The Apprise server's log says why.",
}


def a_server(value: str) -> None:
    """Refuse what is no plain web address."""
    try:
        if split_endpoint(value).query:
            raise ValueError
    except ValueError:
        raise ValidationError(
            _("Enter the server's address, such as https://apprise.example.com, and no more.")
        ) from None


def named_urls(value: str) -> None:
    """Refuse lines that are not a name and a URL of a service on the list."""
    try:
        rooms_of(value)
    except Unusable as error:
        raise ValidationError(str(error)) from None


class AppriseCredentials(Credentials):
    """The operator's own server, and what it is to call."""

    secret = frozenset({"notification_urls", "password"})

    server_url = forms.CharField(
        label=_("Apprise API server"),
        help_text=_("Yours. A private one must be listed in PRIVATE_HOSTS_ALLOWED."),
        validators=[a_server],
    )
    notification_urls = forms.CharField(
        label=_("Rooms"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One a line: a name, = and the notification URL: kitchen = ntfys://…"),
        validators=[named_urls],
    )
    username = forms.CharField(
        label=_("User name"), required=False, help_text=_("If the server asks for one.")
    )
    password = forms.CharField(label=_("Password"), required=False)


class Apprise(Provider):
    """One server. `Message.to` is the name of one of the channel's rooms."""

    slug = "apprise"
    name = "Apprise"
    family = Family.TEAM
    address = AddressKind.ROOM
    audiences = frozenset({"staff"})
    capabilities = Capabilities(max_text=LONGEST_BODY, subject=True)
    Credentials = AppriseCredentials
    base_url = ""  # the operator's own; the transport guards it as it guards every foreign one
    in_flight = 4
    resolves_incidents = True  # whoever was asked to act hears that it is done

    def request(self, message: Message) -> Request:
        """One notification to one room."""
        fitted = self.fit(message)
        if not fitted.text.strip():
            raise SendError(FailureKind.CONTENT_REJECTED, "no_text", "The text is empty.")
        body = {
            "urls": self._room(message.to),
            "title": fitted.subject,
            "body": fitted.text + tail_of(fitted),
            "type": type_of(message),
            "format": "text",
        }
        return Request.json(f"{self._server()}/notify", body, self._headers())

    def accepted(self, response: Response) -> Accepted:
        """A 200 that names no error. A 204 means that there was nothing it could call."""
        if response.status == 204:
            hint = "The Apprise server does not take this room's URL. Check it there."
            raise SendError(FailureKind.RECIPIENT_INVALID, "204", hint)
        if not response.ok:
            raise failure(response)
        answer = part(response.json())
        if response.status != 200 or "error" not in answer or answer["error"]:
            hint = "The Apprise server does not say that it notified anybody."
            raise SendError(FailureKind.UNKNOWN, str(response.status), hint)
        return Accepted()

    def fit(self, message: Message) -> Message:
        """Cut so that the links after it are still in the body."""
        longest = LONGEST_BODY - len(tail_of(message))
        return replace(
            message, subject=cut(message.subject, LONGEST_TITLE), text=cut(message.text, longest)
        )

    def verification(self) -> Request:
        """How the server is."""
        return Request.get(f"{self._server()}/status", None, self._headers())

    def verified(self, response: Response) -> str:
        """What it says about itself. A 417 is about its storage, which we do not use."""
        if not response.ok and response.status != 417:
            raise failure(response)
        details = part(response.json(), "status").get("details")
        said = [text_of(one, 60) for one in details[:5]] if isinstance(details, list) else []
        if not said:
            raise SendError(FailureKind.UNKNOWN, "200", "This is not the answer of an Apprise API.")
        return f"The Apprise server answers: {', '.join(said)}. Whether the rooms work is not said."

    def _server(self) -> str:
        """The server's address: https, unless the operator listed its host; or the stand-in."""
        if self.stand_in:
            return self.base
        url = self.credentials["server_url"].rstrip("/").removesuffix("/notify")
        try:
            secure_endpoint(url, self.allowed_hosts)
        except ValueError as error:
            raise SendError(
                FailureKind.MISCONFIGURED,
                "server_url",
                f"{error} If the Apprise server is yours, add its host to PRIVATE_HOSTS_ALLOWED.",
            ) from None
        return url

    def _room(self, name: str) -> str:
        """The URL that goes by this name."""
        try:
            url = rooms_of(self.credentials["notification_urls"]).get(name)
        except Unusable as error:
            raise SendError(FailureKind.MISCONFIGURED, "rooms", str(error)) from None
        if url is None:
            hint = "The channel has no room of this name. Add it to the channel's rooms."
            raise SendError(FailureKind.RECIPIENT_INVALID, "room", hint)
        host = private_host(url)
        if host and not is_listed(host, self.allowed_hosts):
            hint = "The room's URL leads into a private network. If it is yours, add its host to "
            raise SendError(
                FailureKind.RECIPIENT_INVALID, "private_address", f"{hint}PRIVATE_HOSTS_ALLOWED."
            )
        return url

    def _headers(self) -> dict[str, str]:
        known = {"Accept": "application/json"}
        if user := self.credentials.get("username"):
            pair = f"{user}:{self.credentials.get('password', '')}".encode()
            known["Authorization"] = f"Basic {b64encode(pair).decode()}"
        return known


def type_of(message: Message) -> str:
    """Apprise's word for how bad it is."""
    alert = alert_of(message.data)
    if alert is None:
        return "warning" if message.urgent else "info"
    return STATES.get(alert.state) or TYPES.get(alert.kind, "warning")


def tail_of(message: Message) -> str:
    """Links after the text: a room of Apprise has no buttons."""
    alert = alert_of(message.data)
    known = alert_links(alert, message.language) if alert else {}
    known.setdefault(message.url, link_label(message.language))
    lines = [f"{label}: {url}" for url, label in known.items() if fits(url)]
    return "".join(f"\n\n{line}" for line in lines)


def alert_links(alert: Alert, language: str) -> dict[str, str]:
    """The alert's own page, where people answer it."""
    return {alert.url: alert_label("open", language)}


def fits(url: str) -> bool:
    """Whether a link is one, and leaves room for words."""
    return is_web_link(url) and len(url) <= LONGEST_BODY // 3


def failure(response: Response) -> SendError:
    """What a refusal means. The server's own words may quote the URL, so they are not kept."""
    status = response.status
    kind = KINDS.get(status) or kind_of_status(status)
    return SendError(kind, str(status), HINTS.get(status, ""), response.retry_after)


PROVIDER = Apprise
