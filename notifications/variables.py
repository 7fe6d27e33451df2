"""Every variable that a template may use, and what it means.

`REGISTRY` is the one list: the editor's help, the check before saving and the
preview all read it. `build`, from `notifications.describing`, gives the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from notifications.describing import build
from notifications.liquid import RenderFailed, render
from notifications.liquid_check import Problem, check
from orders.models import Brand, FulfilmentGroup, Order, OrderLine, StatusChange, Store

__all__ = ["REGISTRY", "Variable", "allowed", "build", "example", "save_problems"]


@dataclass(frozen=True, slots=True)
class Variable:
    """One name for templates. `[]` in a path stands for each item of a list."""

    path: str
    kind: str  # text, number, yes_no
    doc: Any  # a lazily translated sentence
    example: Any

    @property
    def group(self) -> str:
        """The heading under which it is listed."""
        return self.path.partition(".")[0].removesuffix("[]")


def _v(path: str, example: Any, doc: Any) -> Variable:
    kind = {bool: "yes_no", int: "number"}.get(type(example), "text")
    return Variable(path, kind, doc, example)


TRACKING_EXAMPLE = "https://orders.example.com/t/4b0c7e1f9a2d5836e7c4b1a0f9d2e3c85a6b7d10/"

REGISTRY: tuple[Variable, ...] = (
    _v("order.number", "#1024", _("The number that the customer knows")),
    _v("order.status", "Being prepared", _("The order's status, in the customer's language")),
    _v("order.status_key", "preparing", _("The order's status for comparing: ready, delivered …")),
    _v("order.total", "$43.50", _("The total with its currency; empty when unknown")),
    _v("order.fulfilment_type", "pickup", _("pickup, delivery, shipping, dine_in …")),
    _v("order.fulfilment", "pickup", _("The same in the customer's language")),
    _v("order.cancel_reason", "", _("Why it was cancelled, where that can be said to a customer")),
    _v("order.placed_at", "17:55", _("When it was placed, in the store's time")),
    _v("order.note", "No onions", _("The customer's note to the kitchen")),
    _v("items[].name", "Margherita", _("What: each item of the part, or of the whole order")),
    _v("items[].quantity", "2", _("How many of it")),
    _v("items_text", "2 × Margherita, 1 × Cola", _("The items in one line")),
    _v("part.is_part", False, _("True when this is about one part of a split order")),
    _v("part.number", 1, _("Which part: the 2 of “2 of 3”")),
    _v("part.count", 1, _("Of how many parts this tells; then the number reads “1, 3”")),
    _v("part.of", 1, _("How many parts there are")),
    _v("part.status", "Being prepared", _("The part's status, in the customer's language")),
    _v("part.status_key", "preparing", _("The part's status for comparing")),
    _v("part.method", "pickup", _("How this part gets to the customer")),
    _v("part.courier", "", _("Who brings it")),
    _v("parts[].number", 1, _("Each part's number, for going through all of them")),
    _v("parts[].of", 1, _("How many parts there are")),
    _v("parts[].items_text", "2 × Margherita, 1 × Cola", _("Each part's items")),
    _v("parts[].status", "Being prepared", _("Each part's status, in the customer's language")),
    _v("parts[].status_key", "preparing", _("Each part's status for comparing")),
    _v("parts[].eta", "18:40", _("When each part is expected")),
    _v("parts[].told", True, _("True for the parts that this message is about")),
    _v("parts[].is_late", False, _("True when that part is late")),
    _v("progress.parts", 1, _("How many parts are not cancelled")),
    _v("progress.preparing", 1, _("How many parts are being prepared, or further")),
    _v("progress.ready", 0, _("How many parts are ready, or further")),
    _v("progress.out_for_delivery", 0, _("How many parts are on their way, or further")),
    _v("progress.delivered", 0, _("How many parts were delivered or picked up")),
    _v("eta", "18:40", _("When it is expected, in the store's time; empty once that has passed")),
    _v("delay.is_late", False, _("True while it is late")),
    _v("delay.reason", "", _("Why it is late")),
    _v("delay.minutes", 0, _("By how many minutes the time moved")),
    _v("delay.previous", "", _("The time as it was promised before")),
    _v("delay.new", "", _("The new time")),
    _v("delay.told", "", _("The time that the customer was told last")),
    _v("delay.earlier", False, _("True when the time is earlier than the one they were told")),
    _v("tracking[].carrier", "DHL", _("Each parcel's carrier")),
    _v("tracking[].number", "JD0146", _("Each parcel's number")),
    _v("tracking[].url", "https://track.example.com/JD0146", _("Each parcel's page")),
    _v("refund.amount", "", _("What this refund gives back")),
    _v("refund.reason", "", _("Why it was refunded")),
    _v("refund.total", "", _("What was given back so far")),
    _v("change.event", "preparing", _("What happened: a status or a fact, for comparing")),
    _v("change.label", "Being prepared", _("What happened, in the customer's language")),
    _v("change.previous", "Confirmed", _("The status before")),
    _v("change.at", "18:32", _("When it happened, in the store's time")),
    _v("change.reason", "", _("The reason that the source gave, for staff")),
    _v("change.added_text", "", _("What was added to the order")),
    _v("change.removed_text", "", _("What was taken out of the order")),
    _v("change.tracking.carrier", "", _("The new parcel's carrier")),
    _v("change.tracking.number", "", _("The new parcel's number")),
    _v("change.tracking.url", "", _("The new parcel's page")),
    _v("correction.claim", "", _("What was told by mistake, in the customer's language")),
    _v("correction.claim_key", "", _("What was told by mistake, for comparing: ready …")),
    _v("correction.told_at", "", _("When it was told by mistake, in the store's time")),
    _v("store.name", "Bella Napoli Centro", _("The store's name")),
    _v("store.phone", "+1 202 555 0100", _("The store's phone number")),
    _v("store.address", "12 Main St, Springfield", _("The store's address")),
    _v("brand.name", "Bella Napoli", _("The brand's name")),
    _v("brand.contact_line", "+1 202 555 0100", _("How to reach the brand")),
    _v("brand.postal_address", "12 Main St, Springfield", _("The brand's postal address")),
    _v("customer.first_name", "Ada", _("The customer's first name; may be empty")),
    _v("customer.name", "Ada Lovelace", _("The customer's whole name, for staff")),
    _v("tracking_url", TRACKING_EXAMPLE, _("The order's own page")),
    _v("status_page", "", _("The order's page at the shop that took it")),
    _v("preferences_url", "", _("Where the customer chooses how to be told")),
)


@lru_cache(maxsize=1)
def allowed() -> Mapping[str, Any]:
    """The names of the registry as nested shapes, for `liquid_check.check`."""
    shapes: dict[str, Any] = {}
    for variable in REGISTRY:
        place = shapes
        *parents, last = variable.path.split(".")
        for name in parents:
            inner: dict[str, Any] = {}
            if name.endswith("[]"):
                place = place.setdefault(name[:-2], [inner])[0]
            else:
                place = place.setdefault(name, inner)
        place[last] = ""
    return shapes


@lru_cache(maxsize=4096)
def mentioned(*texts: str) -> frozenset[str]:
    """The names that appear in a template's texts; rather too many than too few."""
    names = {variable.path.split(".")[0].split("[")[0] for variable in REGISTRY}
    return frozenset(name for name in names if any(name in text for text in texts))


def save_problems(body: str, subject: str = "") -> list[Problem]:
    """What keeps a template from being saved, with field, line and column."""
    problems = check(body, allowed())
    problems += [replace(one, field="subject") for one in check(subject, allowed())]
    if problems:
        return problems
    for name, source in (("body", body), ("subject", subject)):
        try:
            render(source, example())
        except RenderFailed as failure:
            problems.append(Problem(1, 1, str(failure), name))
    return problems


def example(language: str = "en") -> dict[str, Any]:
    """The variables of a made-up order that is being prepared; for previews."""
    now = datetime(2026, 3, 14, 22, 32, tzinfo=UTC)
    order = Order(
        display_number="#1024", status="preparing", fulfilment_type="pickup", currency="USD",
        total_minor=4350, placed_at=datetime(2026, 3, 14, 21, 55, tzinfo=UTC), note="No onions",
        contact_name="Ada Lovelace", contact_given_name="Ada",
    )  # fmt: skip
    parcel = {"JD0146": {"carrier": "DHL", "url": "https://track.example.com/JD0146"}}
    group = FulfilmentGroup(
        key="main", status="preparing", method="pickup", tracking=parcel,
        ready_at=datetime(2026, 3, 14, 22, 40, tzinfo=UTC),
    )  # fmt: skip
    lines = [
        OrderLine(line_id="1", name="Margherita", quantity=Decimal(2)),
        OrderLine(line_id="2", name="Cola", quantity=Decimal(1)),
    ]
    change = StatusChange(status="preparing", previous_status="confirmed", occurred_at=now)
    return build(
        order=order, group=group, change=change, store=_STORE, brand=_BRAND, lines=lines,
        groups=[group], language=language, now=now, links={"tracking": TRACKING_EXAMPLE},
    )  # fmt: skip


_CONTACT = {"address": "12 Main St, Springfield", "phone": "+1 202 555 0100"}
_STORE = Store(name="Bella Napoli Centro", time_zone="America/New_York", **_CONTACT)
_BRAND = Brand(
    name="Bella Napoli",
    contact_line=_CONTACT["phone"],
    postal_address=_CONTACT["address"],
)
