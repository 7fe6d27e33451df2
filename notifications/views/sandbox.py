"""Speaks to the control side of the sandbox, which is on this machine or beside it."""

import json
from http.client import HTTPException
from urllib.request import Request, urlopen

from django.conf import settings
from django.utils.translation import gettext as _

TIMEOUT_SECONDS = 3


def write(provider: str, sender: str, text: str) -> str:
    """Let `sender` write `text` to us over `provider`; a sentence when it did not work."""
    body = json.dumps({"provider": provider, "from": sender, "text": text}).encode()
    request = Request(  # noqa: S310 - the address is the operator's own setting
        f"{settings.SANDBOX_URL}/_control/inbound",
        data=body,
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            answer.read(1024)
    except (OSError, HTTPException):
        return _("The sandbox did not take the answer. Is it running? Try again.")
    return ""
