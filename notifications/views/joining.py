"""What a customer may choose on the tracking page: push on this phone, Telegram, preferences."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from channels_app.contract import AddressKind, Family
from channels_app.models import Channel
from channels_app.providers.webpush import keys
from channels_app.providers.webpush.provider import WebPush
from channels_app.wire.hosts import push_endpoint
from channels_app.wire.reading import json_object, part
from consents import addresses, links, policy, recording
from consents.folding import Action
from consents.models import ConsentEvent, ContactPoint, Purpose
from notifications.views.labels import provider_of
from orders.api.bodies import read_body
from orders.api.problems import Problem, problem_response
from orders.models import Order

WORKER = "js/push-worker.js"
LARGEST_BODY = 4096  # bytes; a subscription has about 500
LONGEST_KEY = 100
MOST_PHONES = 20  # per customer: whoever holds the link must not make us send without end
MOST_POINTS = 50
# What a provider says of an address tells nothing about what the customer wants.
_NOT_THEIR_WISH = (Action.HARD_BOUNCE, Action.PROVIDER_BLOCK, Action.PROVIDER_UNBLOCK)


@dataclass(frozen=True, slots=True)
class Chat:
    """A messenger in which the customer can begin to talk to us."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Offers:
    """What the page of one order offers; an empty text is not offered."""

    push_key: str
    push_scope: str
    chats: Sequence[Chat]
    preferences: str

    def __bool__(self) -> bool:
        """Whether there is anything to offer."""
        return bool(self.push_key or self.chats or self.preferences)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser's subscription, checked; `previous` is the endpoint that it takes the place of."""

    endpoint: str
    p256dh: str
    auth: str
    previous: str


# --- The page -----------------------------------------------------------------


def offers(order: Order) -> Offers | None:
    """The ways in which the customer of `order` could hear of it; None for a test, or nobody."""
    if order.is_test or order.customer_id is None:
        return None
    push = _push_channel(order.brand_id)
    return Offers(
        _public_key(push) if push else "",
        _scope(push) if push else "",
        _chats(order),
        _preferences(order, timezone.now()),
    )


def _push_channel(brand_id: int) -> Channel | None:
    """The brand's first push channel whose key works."""
    return next((one for one in _channels(brand_id, WebPush.slug) if _public_key(one)), None)


def _channels(brand_id: int, provider: str) -> list[Channel]:
    rows = Channel.objects.filter(brand_id=brand_id, provider=provider, enabled=True)
    return list(rows.order_by("position", "id"))


def _public_key(channel: Channel) -> str:
    """The key that browsers subscribe with; empty when the channel is not set up yet."""
    try:
        return channel.speaker.public_key if isinstance(channel.speaker, WebPush) else ""
    except (KeyError, ValueError):
        return ""


def _scope(channel: Channel) -> str:
    """Where the worker is registered.

    A registration holds one subscription, which is bound to one key. Brands that share an address
    would take the phone from each other if they shared a registration.
    """
    return f"/push/{channel.pk}/"


def _chats(order: Order) -> list[Chat]:
    """One link for each messenger that the brand has; a link carries the order's token."""
    found: dict[str, Chat] = {}
    rows = Channel.objects.filter(brand_id=order.brand_id, enabled=True)
    for channel in rows.order_by("position", "id"):
        provider = provider_of(channel)
        if provider is None or provider.family != Family.CHAT or provider.slug in found:
            continue
        if url := channel.speaker.join_link(order.token):
            found[provider.slug] = Chat(provider.name, url)
    return list(found.values())


def _preferences(order: Order, now: datetime) -> str:
    """The link to the preference page, in the name of an address that is open.

    It must not speak for an address that was stopped: only whoever gets messages there may open
    that one again, and this page was perhaps reached from another address.
    """
    points = ContactPoint.objects.filter(
        brand_id=order.brand_id, customer_id=order.customer_id or 0, proxy=False
    ).order_by("id")[:MOST_POINTS]
    facts = policy.load(order.brand_id, points)
    for point in points:
        family = addresses.family_of(point.kind)
        if policy.recheck(facts, point, family, Purpose.ORDER, now) is None:
            return links.preference_url(order.brand_id, point.pk)
    return ""


# --- Joining ------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def push(request: HttpRequest, token: str) -> HttpResponse:
    """POST: send push messages to this browser. GET: what its worker needs to subscribe anew."""
    order = get_object_or_404(Order, token=token)
    channel = _push_channel(order.brand_id)
    if channel is None:
        raise Http404
    if request.method == "GET":
        known = {"key": _public_key(channel), "csrf": get_token(request)}
        return _private(JsonResponse(known))
    try:
        _join(order, read_subscription(read_body(request, LARGEST_BODY)), timezone.now())
    except Problem as problem:
        return _private(problem_response(problem.status_code, str(problem.detail)))
    return _private(JsonResponse({"joined": True}, status=201))


def read_subscription(body: bytes) -> Subscription:
    """The subscription in `body`; raises Problem with a sentence for the person."""
    try:
        given = json_object(body, LARGEST_BODY)
    except ValueError:
        raise _again(_("This is not what a browser sends.")) from None
    endpoint, secrets = given.get("endpoint"), part(given, "keys")
    previous = given.get("previous", "")
    p256dh, auth = (_key(secrets.get(name)) for name in ("p256dh", "auth"))
    if not isinstance(endpoint, str) or not 0 < len(endpoint) <= addresses.MAX_LENGTH:
        raise _again(_("The push address is missing, or too long."))
    if not isinstance(previous, str) or len(previous) > addresses.MAX_LENGTH:
        raise _again(_("The earlier push address is not readable."))
    try:
        push_endpoint(endpoint, frozenset(settings.PRIVATE_HOSTS_ALLOWED))
    except ValueError:
        raise _again(_("The push address is not at a push service that we know.")) from None
    try:
        point, secret = keys.receiver_key(p256dh), keys.receiver_secret(auth)
    except ValueError:
        raise _again(_("The keys of the browser are not complete.")) from None
    return Subscription(endpoint, keys.encode64(point), keys.encode64(secret), previous)


def _key(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_KEY else ""


def _again(why: str) -> Problem:
    return Problem(400, why + " " + _("Load the page again and press the button once more."))


def _join(order: Order, wanted: Subscription, now: datetime) -> None:
    """Store the subscription, or raise Problem and store nothing."""
    if order.is_test or order.customer_id is None:
        raise Problem(400, _("This is a test order, or nobody's: no messages are sent about it."))
    with transaction.atomic():
        previous = _previous(order, wanted)
        if _phones(order, wanted) >= MOST_PHONES:
            raise Problem(400, _("No more phones can be added. Please ask the shop."))
        recording.join(
            order.brand_id,
            order.customer_id,
            AddressKind.PUSH,
            wanted.endpoint,
            now,
            data={"p256dh": wanted.p256dh, "auth": wanted.auth},
        )
        if previous is not None:
            recording.suppress_address(previous, "The browser has a new one.", now)


def _phones(order: Order, wanted: Subscription) -> int:
    """How many other browsers the customer has."""
    return (
        ContactPoint.objects.filter(
            brand_id=order.brand_id,
            customer_id=order.customer_id or 0,
            kind=AddressKind.PUSH,
            invalid_at=None,
        )
        .exclude(address__in=(wanted.endpoint, wanted.previous))
        .count()
    )


def _previous(order: Order, wanted: Subscription) -> ContactPoint | None:
    """The subscription that a browser renewed by itself, if it did.

    Nobody pressed anything then, so a stop must stay one: raises Problem unless the last word
    about the earlier subscription was yes.
    """
    if wanted.previous in ("", wanted.endpoint):
        return None
    known = ContactPoint.objects.filter(
        brand_id=order.brand_id,
        customer_id=order.customer_id or 0,
        kind=AddressKind.PUSH,
        digest=addresses.digest(AddressKind.PUSH, wanted.previous),
    ).first()
    if known is None or not _last_word_was_yes(known):
        raise _again(_("Push messages to this phone were stopped, or never asked for."))
    return known


def _last_word_was_yes(point: ContactPoint) -> bool:
    acts = ConsentEvent.objects.filter(
        brand_id=point.brand_id, address_kind=point.kind, address_digest=point.digest
    ).exclude(action__in=_NOT_THEIR_WISH)
    last = acts.order_by("-id").first()
    return last is not None and last.action == Action.GRANT


# --- The worker ---------------------------------------------------------------


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, at the root so that it may be registered for any scope below."""
    found = finders.find(WORKER)
    if not found:
        raise Http404
    with open(found, "rb") as file:
        answer = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    answer["Service-Worker-Allowed"] = "/"
    answer["Cache-Control"] = "no-cache"
    return answer


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
