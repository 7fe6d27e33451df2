"""Who may see what. The one place that ties a signed-in person to brands, stores and rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce, wraps
from operator import or_
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.models import Channel
from notifications.models import CustomerMessage, Delivery, Incident, Notification
from notifications.views.paging import CAP, capped
from orders.models import (
    Brand,
    InboundEvent,
    Order,
    SourceConnection,
    StaffMembership,
    StatusChange,
    Store,
)

# Brand id -> the stores that may be seen, or None for the whole brand.
Grants = Mapping[int, frozenset[int] | None]
Row = TypeVar("Row", bound=Model)
View = Callable[..., HttpResponse]

BRAND_KEY = "brand"
STORE_KEY = "store"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one person may see, and which part of it they are looking at."""

    user: AbstractBaseUser | AnonymousUser
    memberships: tuple[StaffMembership, ...]
    brands: tuple[Brand, ...]
    stores: tuple[Store, ...]  # of the current brand, those that may be seen
    brand: Brand
    store: Store | None
    role: str
    grants: Grants

    @property
    def current(self) -> Grants:
        """The brand and stores that the lists are about."""
        if self.store is not None:
            return {self.brand.pk: frozenset({self.store.pk})}
        return {self.brand.pk: self.grants[self.brand.pk]}

    @property
    def actor(self) -> str:
        """The name that goes on the timeline."""
        return str(self.user.get_username())


def scope(request: HttpRequest) -> Scope:
    """The scope of a signed-in request. Raises PermissionDenied without any membership."""
    known = getattr(request, "orderbell_scope", None)
    if isinstance(known, Scope):
        return known
    found = _build(request)
    request.orderbell_scope = found  # type: ignore[attr-defined]
    return found


def _build(request: HttpRequest) -> Scope:
    members = tuple(
        StaffMembership.objects.filter(user_id=request.user.pk or 0)
        .select_related("brand", "store")
        .order_by("brand__name", "id")
    )
    everything = request.user.is_active and getattr(request.user, "is_superuser", False)
    brands = tuple(Brand.objects.all()) if everything else _brands(members)
    if not brands:
        raise PermissionDenied(_("No brand is open to you yet. Ask an owner to add you."))
    grants: Grants = {brand.pk: None for brand in brands} if everything else _grants(members)
    brand = _chosen(brands, request.session.get(BRAND_KEY)) or brands[0]
    stores = _stores(brand, grants[brand.pk])
    store = _chosen(stores, request.session.get(STORE_KEY))
    if store is None and grants[brand.pk] is not None and len(stores) == 1:
        store = stores[0]
    role = next((m.role for m in members if m.brand_id == brand.pk), StaffMembership.Role.OWNER)
    return Scope(request.user, members, brands, stores, brand, store, role, grants)


def _brands(members: tuple[StaffMembership, ...]) -> tuple[Brand, ...]:
    return tuple({member.brand_id: member.brand for member in members}.values())


def _grants(members: tuple[StaffMembership, ...]) -> Grants:
    """A membership without a store opens the whole brand, whatever the others say."""
    found: dict[int, frozenset[int] | None] = {}
    for member in members:
        known = found.get(member.brand_id, frozenset())
        if member.store_id is None or known is None:
            found[member.brand_id] = None
        else:
            found[member.brand_id] = known | {member.store_id}
    return found


def _stores(brand: Brand, granted: frozenset[int] | None) -> tuple[Store, ...]:
    rows = Store.objects.filter(brand=brand)
    return tuple(rows if granted is None else rows.filter(pk__in=granted))


def _chosen(rows: tuple[Row, ...], pk: object) -> Row | None:
    return next((row for row in rows if row.pk == pk), None)


# --- Rows ---------------------------------------------------------------------


def orders(seen: Scope, everywhere: bool = False) -> QuerySet[Order]:
    """Orders of the current brand and store; `everywhere`: all that the person may open."""
    return Order.objects.filter(_within(seen, everywhere, "brand_id", "store_id"))


def changes(seen: Scope, everywhere: bool = False) -> QuerySet[StatusChange]:
    """Timeline entries of those orders."""
    return StatusChange.objects.filter(_within(seen, everywhere, "brand_id", "order__store_id"))


def notifications(seen: Scope, everywhere: bool = False) -> QuerySet[Notification]:
    """Intents to tell somebody about those orders."""
    return Notification.objects.filter(_within(seen, everywhere, "brand_id", "order__store_id"))


def deliveries(seen: Scope, everywhere: bool = False) -> QuerySet[Delivery]:
    """Deliveries about those orders."""
    return Delivery.objects.filter(_within(seen, everywhere, "brand_id", "order__store_id"))


def customer_messages(seen: Scope, everywhere: bool = False) -> QuerySet[CustomerMessage]:
    """What customers of those orders wrote."""
    return CustomerMessage.objects.filter(_within(seen, everywhere, "brand_id", "order__store_id"))


def connections(seen: Scope, everywhere: bool = False) -> QuerySet[SourceConnection]:
    """Sources of the brand; for a person of some stores, those that feed them or all stores."""
    return SourceConnection.objects.filter(
        _within(seen, everywhere, "brand_id", "store_id")
        | _within(seen, everywhere, "brand_id") & Q(store__isnull=True)
    )


def inbound(seen: Scope, everywhere: bool = False) -> QuerySet[InboundEvent]:
    """Events of those orders, and events without an order that came in for those stores."""
    return InboundEvent.objects.filter(inbound_within(seen, everywhere))


def inbound_within(seen: Scope, everywhere: bool = False) -> Q:
    """The condition of `inbound`, for a query that bounds its own window first."""
    with_order = _within(seen, everywhere, "connection__brand_id", "order__store_id")
    without = _within(seen, everywhere, "connection__brand_id", "connection__store_id")
    return with_order | without & Q(order__isnull=True)


def incidents(seen: Scope, everywhere: bool = False) -> QuerySet[Incident]:
    """What needs a person there, and what is about no store: a channel, a source."""
    return Incident.objects.filter(
        _within(seen, everywhere, "brand_id", "store_id")
        | _within(seen, everywhere, "brand_id") & Q(store__isnull=True, order__isnull=True)
    )


def channels(seen: Scope) -> QuerySet[Channel]:
    """Channels of the current brand; they serve all its stores."""
    return Channel.objects.filter(brand_id=seen.brand.pk)


def _within(seen: Scope, everywhere: bool, brand: str, store: str = "") -> Q:
    """The condition that keeps a query inside the grants."""
    parts = []
    for brand_id, stores in (seen.grants if everywhere else seen.current).items():
        part = Q(**{brand: brand_id})
        if stores is not None and store:
            part &= Q(**{f"{store}__in": stores})
        parts.append(part)
    return reduce(or_, parts)


# --- Pages --------------------------------------------------------------------


def staff_page(view: View) -> View:
    """Only for signed-in staff of some brand; times are shown on the store's clock."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_login(request)
        with timezone.override(clock(scope(request))):
            response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return guarded


def _to_login(request: HttpRequest) -> HttpResponse:
    """Send a page to the login; tell a live part to load the login as a page."""
    page = urlsplit(request.headers.get("HX-Current-URL", "")).path
    back = urlencode({"next": page or request.get_full_path()})
    target = f"{resolve_url(settings.LOGIN_URL)}?{back}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": target})
    return redirect(target)


def clock(seen: Scope) -> ZoneInfo:
    """The time zone of the current store, or of the brand's first one."""
    store = seen.store or next(iter(seen.stores), None)
    return zone(store.time_zone if store else "UTC")


def zone(name: str) -> ZoneInfo:
    """The time zone called `name`; UTC when there is none, so that a page still opens."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the scope of a staff page, for its frame.

    Costs no query; `alerts_open` costs one where a page shows it.
    """
    seen = getattr(request, "orderbell_scope", None)
    match = getattr(request, "resolver_match", None)
    return {
        "scope": seen,
        "here": match.url_name if match else "",
        "alerts_open": partial(alerts_open, seen) if seen else "",
    }


def alerts_open(seen: Scope) -> str:
    """How many incidents nobody has taken, capped; empty for none."""
    still = incidents(seen).exclude(state=Incident.State.RESOLVED)
    count = capped(still.filter(state=Incident.State.OPEN))
    return f"{CAP}+" if count > CAP else str(count or "")
