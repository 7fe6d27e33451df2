"""Links that a customer can use without logging in: signed, long-lived, nothing personal inside."""

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext_lazy as _

from consents.models import ContactPoint

# A token of one page must not open the other, so each has a salt of its own.
_PREFERENCES = "consents.preferences"
_UNSUBSCRIBE = "consents.unsubscribe"
_MAX_TOKEN = 200


class LinkInvalid(Exception):
    """A link that is not ours, or leads nowhere any more; its text is for the person."""

    def __init__(self) -> None:
        super().__init__("link")
        self.sentence = _(
            "This link is not complete, or no longer valid. Open the newest message from the "
            "shop and use its link, or reply STOP to a text message to stop it."
        )


def preference_token(brand_id: int, contact_point_id: int) -> str:
    """Opens the preference page of the customer behind a contact point."""
    return _sign(_PREFERENCES, brand_id, contact_point_id)


def unsubscribe_token(brand_id: int, contact_point_id: int) -> str:
    """Ends emails to a contact point with one POST."""
    return _sign(_UNSUBSCRIBE, brand_id, contact_point_id)


def preference_url(brand_id: int, contact_point_id: int) -> str:
    """The whole address of the preference page."""
    return f"{settings.PUBLIC_BASE_URL}/p/{preference_token(brand_id, contact_point_id)}/"


def unsubscribe_url(brand_id: int, contact_point_id: int) -> str:
    """The whole address for List-Unsubscribe."""
    return f"{settings.PUBLIC_BASE_URL}/u/{unsubscribe_token(brand_id, contact_point_id)}/"


def read_preference(token: str) -> ContactPoint:
    """The contact point of a preference link. Raises LinkInvalid."""
    return _read(_PREFERENCES, token)


def read_unsubscribe(token: str) -> ContactPoint:
    """The contact point of an unsubscribe link. Raises LinkInvalid."""
    return _read(_UNSUBSCRIBE, token)


def _sign(salt: str, brand_id: int, contact_point_id: int) -> str:
    return signing.Signer(sep=".", salt=salt).sign_object([brand_id, contact_point_id])


def _read(salt: str, token: str) -> ContactPoint:
    try:
        if len(token) > _MAX_TOKEN:
            raise LinkInvalid
        brand_id, point_id = signing.Signer(sep=".", salt=salt).unsign_object(token)
        return ContactPoint.objects.select_related("brand", "customer").get(
            pk=point_id, brand_id=brand_id
        )
    except (signing.BadSignature, ValueError, TypeError, ContactPoint.DoesNotExist):
        raise LinkInvalid from None
