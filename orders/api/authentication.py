"""Who calls the API, and what they may do: bearer tokens, scoped to a brand and to rights."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from orders import tokens
from orders.models import ApiToken, Brand

logger = logging.getLogger(__name__)

USE_IS_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiPrincipal:
    """The caller: a token of one brand. Everything it sees and does is that brand's."""

    token: ApiToken
    brand: Brand
    rights: frozenset[str]
    is_authenticated: bool = True
    is_active: bool = True


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer obk_...`."""

    def authenticate(self, request: Request) -> tuple[ApiPrincipal, ApiToken] | None:
        """The principal, None without a header; a wrong token is refused, not ignored."""
        scheme, _space, plain = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Use the header `Authorization: Bearer <token>`.")
        digest = tokens.digest(plain.strip())
        token = (
            ApiToken.objects.select_related("brand")
            .filter(digest=digest, revoked_at__isnull=True)
            .first()
        )
        if token is None:
            raise AuthenticationFailed("This token is not known, or was revoked.")
        _note_use(token)
        return ApiPrincipal(token, token.brand, frozenset(token.rights)), token

    def authenticate_header(self, request: Request) -> str:
        """Makes a refusal a 401."""
        return 'Bearer realm="orderbell"'


class HasRight(BasePermission):
    """A view declares `rights = {"GET": "read", "POST": "write"}`; the token must have it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller's token has the right that `view` asks for this method."""
        if not isinstance(request.user, ApiPrincipal):
            return False
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        if not hasattr(view, method.lower()):
            return True  # the view answers 405, which tells more than a 403
        needed = getattr(view, "rights", {}).get(method)
        self.message = f"This token lacks the right {needed!r}."
        return needed in request.user.rights


def principal(request: Request) -> ApiPrincipal:
    """The caller of an API view, which HasRight has let through."""
    if not isinstance(request.user, ApiPrincipal):
        raise AuthenticationFailed
    return request.user


def _note_use(token: ApiToken) -> None:
    """Remember when the token was last used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at and now - token.last_used_at < USE_IS_NOTED_EVERY:
        return
    try:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    except DatabaseError:
        logger.warning("could not note the use of token %s", token.pk)
