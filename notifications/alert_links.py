"""The link in an alert: opens one incident for whoever was told, for a week, without a login."""

from datetime import timedelta

from django.conf import settings
from django.core import signing

_SALT = "notifications.alert"
_MAX_TOKEN = 200
LIFE = timedelta(days=7)


def alert_url(incident_id: int, destination_id: int) -> str:
    """The whole address of the page, made for one destination: what is done there has a name."""
    token = _signer().sign(f"{incident_id}-{destination_id}")
    return f"{settings.PUBLIC_BASE_URL}/a/{token}/"


def read(token: str) -> tuple[int, int] | None:
    """The ids of the incident and of the destination; None for a link that is not ours, or old."""
    if len(token) > _MAX_TOKEN:
        return None
    try:
        incident, _dash, destination = _signer().unsign(token, max_age=LIFE).partition("-")
        return int(incident), int(destination)
    except (signing.BadSignature, ValueError):
        return None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(sep=".", salt=_SALT)
