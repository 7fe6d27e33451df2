"""Which addresses start a flow: they carry a signature, and are never written anew."""

from urllib.parse import SplitResult, parse_qsl

from channels_app.wire import flows
from channels_app.wire.hosts import is_listed, secure_endpoint

# Where the webhook trigger of a custom connector is called back.
CALLBACK_HOSTS = flows.HOSTS | {".azure-apim.net"}
LONGEST_URL = 16_384


class Unusable(ValueError):
    """An address that starts no flow; the sentence says what to do."""


def trigger_of(url: str) -> SplitResult:
    """The parts of the address of a flow's HTTP trigger; raises Unusable."""
    parts = _plain(url)
    if is_listed(parts.hostname or "", flows.RETIRED_HOSTS):
        raise Unusable(
            "Microsoft has switched off Office 365 connectors. Make a flow with the trigger "
            "“When an HTTP request is received”, and paste its URL."
        )
    if not is_listed(parts.hostname or "", flows.HOSTS) or not flows.PATH.match(parts.path):
        raise Unusable(
            "This is not the URL of a flow's HTTP trigger. Copy it from the trigger "
            "“When an HTTP request is received”, whole."
        )
    return parts


def callback_of(url: str) -> SplitResult:
    """The parts of the address that a connector's trigger registers; raises Unusable."""
    parts = _plain(url)
    if not is_listed(parts.hostname or "", CALLBACK_HOSTS):
        raise Unusable("The callback address is not at Power Automate.")
    return parts


def is_signed(parts: SplitResult) -> bool:
    """Whether the address carries a signature: anyone who has it may start the flow."""
    return any(name == "sig" and value for name, value in parse_qsl(parts.query))


def _plain(url: str) -> SplitResult:
    if len(url) > LONGEST_URL:
        raise Unusable("The URL is longer than Power Automate's ever are.")
    try:
        return secure_endpoint(url, frozenset())
    except ValueError as error:
        raise Unusable(f"{error} Copy the URL again, whole.") from None
