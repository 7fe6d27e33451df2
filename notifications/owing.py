"""What one change owes one recipient: a notification with its routes, or the reason for none."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channels_app.contract import Family
from channels_app.models import Channel
from channels_app.registry import provider_class
from consents import policy
from consents.models import ContactPoint, Purpose
from notifications import failover, restoring
from notifications.library import Library
from notifications.models import Decision, Delivery, Destination, Notification, Rule
from notifications.promising import Ledger
from notifications.reasons import Reason, sentence
from orders.models import Order, StatusChange
from orders.statuses import FINAL, URGENT, useful_for

Verdict = Decision.Verdict


@dataclass
class Draft:
    """A notification, its first deliveries, and the decision that made it; not stored yet."""

    notification: Notification
    deliveries: list[Delivery]
    decision: Decision


@dataclass
class Plan:
    """What a batch of one brand's changes owes."""

    library: Library
    now: datetime
    drafts: list[Draft] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    # Decisions on messages that are replaced, each with what is told instead.
    replaced: list[tuple[Decision, Notification]] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)  # the times that customers know


def write(plan: Plan) -> list[Notification]:
    """Store all rows of the plan, parents first; its notifications."""
    notifications = [draft.notification for draft in plan.drafts]
    Notification.objects.bulk_create(notifications)
    for draft in plan.drafts:
        for delivery in draft.deliveries:
            delivery.notification = draft.notification
        draft.decision.notification = draft.notification
    for row, newer in plan.replaced:
        row.inputs = {**row.inputs, "newer_notification": newer.pk}
    deliveries = [delivery for draft in plan.drafts for delivery in draft.deliveries]
    restoring.keep_back(notifications, deliveries, plan.now)
    Delivery.objects.bulk_create(deliveries)
    decisions = [*plan.decisions, *(draft.decision for draft in plan.drafts)]
    for row in decisions:
        # A replaced draft was saved above; its decision now knows its row.
        row.notification_id = row.notification.pk if row.notification else None
    Decision.objects.bulk_create(sorted(decisions, key=lambda row: row.change_id or 0))
    return notifications


def useful_span(event: str, useful_minutes: int | None) -> timedelta:
    """How long a message about `event` is worth sending."""
    return timedelta(minutes=useful_minutes) if useful_minutes else useful_for(event)


def decision(
    change: StatusChange,
    rule: Rule | None,
    verdict: str,
    reason: Reason,
    now: datetime,
    *,
    recipient: str = "",
    inputs: dict[str, Any] | None = None,
    **values: Any,
) -> Decision:
    """A decision row about `change`; `values` fill the reason's sentence."""
    name = rule.name if rule else ""
    return Decision(
        brand_id=change.brand_id,
        order_id=change.order_id,
        change=change,
        rule=rule,
        rule_name=name,
        audience=rule.audience if rule else "",
        recipient=recipient,
        verdict=verdict,
        reason=reason,
        sentence=sentence(
            reason, **{"rule": name, "recipient": recipient or "The recipient", **values}
        ),
        inputs=inputs or {},
        decided_at=now,
    )


def draft_for_customer(
    plan: Plan,
    change: StatusChange,
    rule: Rule,
    points: Sequence[ContactPoint],
    facts: policy.Facts,
) -> None:
    """Find the ways to this order's customer and draft the message, or say why there is none."""
    order = change.order
    who = order.contact_given_name or order.contact_name or "The customer"
    if not points:
        plan.decisions.append(
            decision(change, rule, Verdict.SKIP, Reason.NO_CUSTOMER, plan.now, recipient=who)
        )
        return
    found = _routes(plan, change, rule, points, facts)
    usable, wordless = _with_words(plan, change, rule, found.allowed)
    refusals = [refusal.sentence for refusal in found.refused] + wordless
    inputs = _inputs(change, rule, found, refusals)
    if not usable:
        why = " ".join(refusals) or "no channel is set up for any of their addresses."
        plan.decisions.append(
            decision(
                change,
                rule,
                Verdict.SKIP,
                Reason.NO_ROUTE,
                plan.now,
                recipient=who,
                inputs=inputs,
                refusals=why,
            )
        )
        return
    every = rule.strategy == Rule.Strategy.ALL
    first, rest = (usable, []) if every else (usable[:1], usable[1:])
    notification = _notification(plan, change, rule, language=_language(plan, order, facts))
    notification.customer = order.customer
    notification.routes = rest
    _add(plan, notification, first, who, inputs, found.defer_until)


def _routes(
    plan: Plan,
    change: StatusChange,
    rule: Rule,
    points: Sequence[ContactPoint],
    facts: policy.Facts,
) -> policy.Routes:
    order, shelf = change.order, plan.library
    options = customer_families(shelf.channels)
    preferred = policy.family_order(
        rule.strategy,
        _person(facts, order).families,
        rule.families,
        shelf.brand.channel_order,
        [option.family for option in options],
    )
    store = shelf.stores.get(order.store_id or 0)
    return policy.routes(
        facts,
        customer_id=order.customer_id,
        points=points,
        families=options,
        order=preferred,
        purpose=rule.purpose,
        now=plan.now,
        zone=store.time_zone if store else "UTC",
        live=order.status not in FINAL or change.event_name in URGENT,
    )


def customer_families(channels: Sequence[Channel]) -> list[policy.FamilyOption]:
    """The ways in which a brand's channels can reach customers."""
    found = {}
    for channel in channels:
        provider = provider_class(channel.provider)
        if "customer" in provider.audiences:
            kind = str(provider.address)
            found[(channel.family, kind)] = policy.FamilyOption(
                channel.family,
                kind,
                provider.capabilities.needs_join,
                provider.capabilities.needs_opt_in,
            )
    return list(found.values())


def pick_channel(
    channels: Sequence[Channel], kind: str, now: datetime, order_id: int | None = None
) -> Channel | None:
    """The channel for addresses of `kind`, the same each time for an order while it works.

    One that is not used at the moment only when there is no other.
    """
    fitting = [one for one in channels if str(provider_class(one.provider).address) == kind]
    return failover.choose(fitting, order_id, now)


def _with_words(
    plan: Plan, change: StatusChange, rule: Rule, allowed: Sequence[policy.Route]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The allowed routes for which there is a channel and a template, as stored; and complaints."""
    usable, complaints, shelf = [], [], plan.library
    for route in allowed:
        point = route.contact_point
        accounts = shelf.by_family.get(route.family, ())
        channel = pick_channel(accounts, point.kind, plan.now, change.order_id)
        if channel is None:
            continue
        if not shelf.templates_for(rule.template, change.event_name, route.family):
            complaints.append(
                sentence(
                    Reason.NO_TEMPLATE,
                    template=rule.template,
                    event=change.event_name,
                    family=route.family,
                )
            )
            continue
        usable.append(
            {
                "family": route.family,
                "channel": channel.pk,
                "contact_point": point.pk,
                "address": point.address,
            }
        )
    return usable, complaints


def draft_for_destination(plan: Plan, change: StatusChange, rule: Rule, place: Destination) -> None:
    """A message to a room or an endpoint."""
    shelf = plan.library
    channel = next((one for one in shelf.channels if one.pk == place.channel_id), None)
    family = channel.family if channel else ""
    machine = family in (Family.WEBHOOK, Family.EVENT)
    words = machine or shelf.templates_for(rule.template, change.event_name, family)
    if channel is None or not words:
        reason = Reason.NO_TEMPLATE if channel else Reason.NO_DESTINATION
        plan.decisions.append(
            decision(
                change,
                rule,
                Verdict.SKIP,
                reason,
                plan.now,
                recipient=place.name,
                template=rule.template,
                event=change.event_name,
                family=family,
                audience=rule.get_audience_display().lower(),
            )
        )
        return
    language = place.language or shelf.brand.language
    notification = _notification(plan, change, rule, language, recipient=f"d{place.pk}")
    notification.destination = place
    route = {"family": family, "channel": channel.pk, "address": place.address}
    _add(plan, notification, [route], place.name, {"destination": place.slug}, None)


def _notification(
    plan: Plan, change: StatusChange, rule: Rule, language: str, recipient: str = "customer"
) -> Notification:
    return Notification(
        brand_id=change.brand_id,
        intent=f"{change.pk}:{rule.pk}:{recipient}",
        change=change,
        order_id=change.order_id,
        store_id=change.order.store_id,
        rule=rule,
        group_key=change.group_key,
        event=change.event_name,
        template=rule.template,
        audience=rule.audience,
        purpose=rule.purpose,
        language=language[:10],
        urgent=change.event_name in URGENT or rule.purpose == Purpose.CRITICAL,
        useful_until=change.occurred_at + useful_span(change.event_name, rule.useful_minutes),
        created_at=plan.now,
    )


def _add(
    plan: Plan,
    notification: Notification,
    routes: Sequence[dict[str, Any]],
    who: str,
    inputs: dict[str, Any],
    defer_until: datetime | None,
) -> None:
    """The draft with its first deliveries, due at once, after the hold, or after quiet hours."""
    change, rule = notification.change, notification.rule
    assert change is not None
    hold = 0 if notification.urgent or rule is None else rule.hold_seconds
    due = max(plan.now + timedelta(seconds=hold), defer_until or plan.now)
    notification.useful_until += timedelta(seconds=hold)  # else a long hold would outlast it
    reason = Reason.HELD if hold else Reason.SENT
    if defer_until and defer_until > plan.now:
        reason = Reason.DEFERRED
    verdict = {Reason.SENT: Verdict.SEND, Reason.HELD: Verdict.HOLD}.get(reason, Verdict.DEFER)
    families = ", ".join(dict.fromkeys(str(route["family"]) for route in routes))
    deliveries = [new_delivery(notification, route, due) for route in routes]
    for delivery in deliveries:
        delivery.created_at = plan.now  # a later one comes from a fallback
    row = decision(
        change,
        rule,
        verdict,
        reason,
        plan.now,
        recipient=who,
        inputs=inputs,
        family=families,
        seconds=hold,
    )
    plan.drafts.append(Draft(notification, deliveries, row))


def new_delivery(notification: Notification, route: dict[str, Any], due: datetime) -> Delivery:
    """A delivery of `notification` over `route`, queued."""
    return Delivery(
        brand_id=notification.brand_id,
        notification=notification,
        order_id=notification.order_id,
        channel_id=route["channel"],
        contact_point_id=route.get("contact_point"),
        address=route["address"],
        ref=secrets.token_urlsafe(18),
        urgent=notification.urgent,
        due_at=due,
    )


def _person(facts: policy.Facts, order: Order) -> policy.Person:
    return facts.people.get(order.customer_id or 0, policy.Person())


def _language(plan: Plan, order: Order, facts: policy.Facts) -> str:
    """The language to speak: what they chose, what they ordered in, what the store speaks."""
    store = plan.library.stores.get(order.store_id or 0)
    choices = (
        _person(facts, order).language,
        order.language,
        store.language if store else "",
        plan.library.brand.language,
    )
    return next((one for one in choices if one), "en")


def _inputs(
    change: StatusChange, rule: Rule, found: policy.Routes, refusals: list[str]
) -> dict[str, Any]:
    """What decided, for the record: no addresses."""
    return {
        "rule": rule.slug,
        "event": change.event_name,
        "status": change.order.status,
        "purpose": rule.purpose,
        "strategy": rule.strategy,
        "allowed": [f"{route.family}" for route in found.allowed],
        "refused": refusals,
    }
