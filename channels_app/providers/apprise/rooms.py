"""Which notification URLs a channel holds: one a line, with the name that staff know it by.

The Apprise server calls them, not we. So a scheme is taken only if it speaks HTTP to one service
for people; and a parameter only if it cannot change how or where the server calls.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

LONGEST_URL = 2000
MOST_ROOMS = 100
# At a host that is fixed in Apprise.
_FIXED = (
    "chanify cliq incidentio join opsgenie pagertree pbul pover prowl revolt ryver simplepush "
    "spike splunk spush victorops webex wxteams zulip"
)
FIXED = frozenset(_FIXED.split())
# At a host that the URL names; with an s it is called over TLS.
_SELF_HOSTED = "bark gotify matrix mmost nctalk ntfy pushdeer rocket signal"
SELF_HOSTED = frozenset(f"{scheme}{s}" for scheme in _SELF_HOSTED.split() for s in ("", "s"))
_PARAMETERS = (
    "auth channel device group image key level mode priority region sound stream tags targets to "
    "token topic"
)
PARAMETERS = frozenset(_PARAMETERS.split())
# Why a service is not taken -> its schemes. All others are refused, too, without a reason.
_REFUSED = {
    "It acts on the Apprise server itself, or on the network beside it.": (
        "exec file syslog rsyslog dbus kde qt glib gio gnome macosx windows growl blink1 irc ircs "
        "mqtt mqtts amqp amqps xmpp xmpps smpp smpps kodi kodis xbmc xbmcs hassio hassios"
    ),
    "Mail has a channel of its own here, with receipts and with what people declined.": (
        "mailto mailtos azure o365 ses smtp2go sparkpost"
    ),
    "It posts to any address. Use a channel of the kind Webhook: that one is signed.": (
        "json jsons xml xmls form forms apprise apprises ifttt http https"
    ),
    "Orderbell speaks to this service itself: make a channel of its own kind.": (
        "slack tgram discord workflow workflows msteams gchat pagerduty fcm vapid sendgrid mailgun"
    ),
    "It writes to customers' addresses. This channel is for staff rooms only.": (
        "twilio whatsapp viber vonage nexmo sns sinch plivo line"
    ),
}
REASONS: Mapping[str, str] = {
    scheme: reason for reason, schemes in _REFUSED.items() for scheme in schemes.split()
}
_NAME = re.compile(r"[^\s=:/#][^=:/#]{0,60}")
_URL = re.compile(r"([a-z0-9]{1,32})://[\x21-\x7e]+")


class Unusable(ValueError):
    """A line that is not taken; the sentence says why, without the URL."""


def rooms_of(value: str) -> dict[str, str]:
    """Name -> notification URL; raises Unusable."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        name, sign, url = (piece.strip() for piece in line.partition("="))
        if not sign or not _NAME.fullmatch(name):
            raise Unusable("Write one a line: a name, = and the URL. A name has no = : / or #.")
        if name in found:
            raise Unusable(f"The name {name} is there twice.")
        check(url)
        found[name] = url
    if not found:
        raise Unusable("Enter at least one name and URL.")
    if len(found) > MOST_ROOMS:
        raise Unusable(f"There are more than {MOST_ROOMS} names.")
    return found


def check(url: str) -> None:
    """Refuse a URL that is not one of a service that we let the server call."""
    match = _URL.fullmatch(url)
    if match is None or len(url) > LONGEST_URL or any(letter in url for letter in "\\#"):
        raise Unusable("A URL begins with its service, such as ntfys://. Write # as %23.")
    if url.count("://") > 1:
        raise Unusable("There is more than one URL in a line.")
    scheme = match[1]
    if scheme not in FIXED | SELF_HOSTED:
        reason = REASONS.get(scheme, "It is not on the list of the guide.")
        raise Unusable(f"{scheme}:// is not taken. {reason}")
    _check_parameters(url)


def _check_parameters(url: str) -> None:
    """Only those that we know: others switch off TLS checks, attach files or send elsewhere."""
    try:
        query = urlsplit(url).query
    except ValueError:
        raise Unusable("The URL cannot be read.") from None
    given = {name for name, _value in parse_qsl(query, keep_blank_values=True)}
    if strange := sorted(given - PARAMETERS):
        named = re.sub(r"[^a-z0-9_+:-]", "?", strange[0].lower())[:30]
        raise Unusable(f"The parameter {named} is not taken. The guide lists those that are.")


def private_host(url: str) -> str:
    """The host that the URL names, if that is written as one inside a network; else empty."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme not in SELF_HOSTED:
        return ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return host
    try:
        return "" if ipaddress.ip_address(host).is_global else host
    except ValueError:
        return ""
