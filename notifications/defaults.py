"""What a new brand starts with: words for every event in every language, and sensible rules."""

from collections.abc import Iterator
from typing import Any

from channels_app.contract import Family
from consents.models import Purpose
from notifications.models import Audience, EscalationPolicy, MessageTemplate, PhaseTime, Rule
from notifications.words import LANGUAGES, EventWords, Language, Reply
from orders.models import Brand
from orders.statuses import EVENTS

STAFF_FAMILIES = (Family.TEAM, Family.CHAT, Family.SMS, Family.EMAIL)
REPLY_FAMILIES = (Family.SMS, Family.CHAT, Family.EMAIL)
# A part's text names its items; the link would push it into a second segment.
SMS_LINK = (
    "{% unless part.is_part %}"
    "{% if tracking_url != '' %} {{ tracking_url }}{% endif %}"
    "{% endunless %}"
)
LINK = "{% if tracking_url != '' %}"

RULES: tuple[dict[str, Any], ...] = (
    {
        "slug": "customer-critical",
        "name": "Customer: cancelled, refunded, failed",
        "events": ["cancelled", "refunded", "refund", "failed"],
        "purpose": Purpose.CRITICAL,
        "position": 10,
    },
    {
        "slug": "customer-updates",
        "name": "Customer: the steps that matter",
        "events": [
            "confirmed",
            "ready",
            "out_for_delivery",
            "delivered",
            "picked_up",
            "delayed",
            "eta",
            "edited",
            "attempted",
        ],
        "hold_seconds": 8,
        "position": 20,
    },
    {
        "slug": "customer-quiet-updates",
        "name": "Customer: the small steps",
        "events": ["placed", "preparing", "tracking", "split"],
        "active": False,
        "hold_seconds": 8,
        "position": 30,
    },
    {
        "slug": "customer-corrections",
        "name": "Customer: take back at once what was told by mistake",
        "events": ["correction"],
        "active": False,
        "position": 35,
    },
    {
        "slug": "staff-new-orders",
        "name": "Staff: new orders",
        "events": ["placed", "confirmed"],
        "audience": Audience.STAFF,
        "position": 40,
    },
    {
        "slug": "staff-problems",
        "name": "Staff: something went wrong",
        "events": ["cancelled", "delayed", "failed", "returned"],
        "audience": Audience.STAFF,
        "position": 50,
    },
)


# Minutes of opening time after which somebody should look. Parcels take days: no clock.
COLLECTED_TIMES = {"placed": 15, "confirmed": 45, "preparing": 60}
BROUGHT_TIMES = {**COLLECTED_TIMES, "ready": 30, "out_for_delivery": 90}
PHASE_TIMES: dict[str, dict[str, int]] = {
    "pickup": COLLECTED_TIMES,
    "curbside": COLLECTED_TIMES,
    "dine_in": COLLECTED_TIMES,
    "delivery": BROUGHT_TIMES,
}
# Whoever is on shift at once, and all staff when nobody has answered for these minutes.
ALL_STAFF_AFTER = 5


def install(brand: Brand) -> None:
    """Give `brand` the default templates, rules, escalation and phase times that it does not have.

    Changes nothing else.
    """
    known = set(
        MessageTemplate.objects.filter(brand=brand, store=None).values_list(
            "name", "event", "family", "language"
        )
    )
    MessageTemplate.objects.bulk_create(
        MessageTemplate(brand=brand, **fields)
        for fields in templates()
        if (fields["name"], fields["event"], fields["family"], fields["language"]) not in known
    )
    for fields in RULES:
        Rule.objects.get_or_create(
            brand=brand, slug=fields["slug"], defaults=_rule({**fields, "slug": fields["slug"]})
        )
    _install_escalation(brand)
    if not PhaseTime.objects.filter(brand=brand).exists():
        PhaseTime.objects.bulk_create(
            PhaseTime(brand=brand, fulfilment_type=kind, status=status, minutes=minutes)
            for kind, times in PHASE_TIMES.items()
            for status, minutes in times.items()
        )


def _install_escalation(brand: Brand) -> None:
    """A step without places tells all staff of the store."""
    policy, made = EscalationPolicy.objects.get_or_create(
        brand=brand, slug="staff", defaults={"name": "Whoever is on shift, then all staff"}
    )
    if made:
        policy.steps.create(position=1, on_shift=True)
        policy.steps.create(position=2, after_minutes=ALL_STAFF_AFTER)


def _rule(fields: dict[str, Any]) -> dict[str, Any]:
    staff = fields.get("audience") == Audience.STAFF
    extra = {"purpose": Purpose.STAFF, "template": "staff", "families": [Family.TEAM.value]}
    return {**(extra if staff else {"strategy": Rule.Strategy.PREFERRED}), **fields}


def templates() -> Iterator[dict[str, str]]:
    """The fields of every default template."""
    for words in LANGUAGES.values():
        for event in EVENTS:
            yield from _event_templates(words, event, words.events[event])
        for event, reply in words.replies.items():
            yield from _reply_templates(words.code, event, reply)


def _event_templates(words: Language, event: str, said: EventWords) -> Iterator[dict[str, str]]:
    common = {"event": event, "language": words.code}
    for family, body in _customer_bodies(words, said).items():
        subject = said.subject if family in (Family.EMAIL, Family.PUSH) else ""
        yield {**common, "name": "customer", "family": family, "subject": subject, "body": body}
    body = "{{ order.number }} · " + said.staff
    for family in STAFF_FAMILIES:
        subject = "{{ order.number }} · {{ change.label }}" if family == Family.EMAIL else ""
        yield {**common, "name": "staff", "family": family, "subject": subject, "body": body}


def _customer_bodies(words: Language, said: EventWords) -> dict[str, str]:
    link = f"\n{LINK}{words.track}: {{{{ tracking_url }}}}{{% endif %}}" if said.link else ""
    return {
        Family.SMS.value: "{{ brand.name }}: " + said.line + (SMS_LINK if said.link else ""),
        Family.EMAIL.value: _email(words, said, link),
        Family.CHAT.value: said.line + link,
        Family.PUSH.value: said.line,
        # Machines read the fields beside it; this is for the person who reads the log.
        Family.WEBHOOK.value: "{{ order.number }}: {{ change.label }}",
        # An automation may mail it to the customer as it is.
        Family.EVENT.value: said.line,
    }


def _email(words: Language, said: EventWords, link: str) -> str:
    items = (
        "{% if part.count > 1 %}{% for one in parts %}{% if one.told %}"
        "\n{{ one.number }}/{{ one.of }}: {{ one.items_text }}{% endif %}{% endfor %}"
        "{% else %}{% for item in items %}\n{{ item.quantity }} × {{ item.name }}{% endfor %}"
        "{% endif %}"
    )
    parts = [
        words.greeting,
        said.line,
        items,
        said.more,
        link.strip(),
        words.contact,
        "{{ brand.name }}",
    ]
    return "\n\n".join(part for part in parts if part)


def _reply_templates(language: str, event: str, reply: Reply) -> Iterator[dict[str, str]]:
    for family in REPLY_FAMILIES:
        subject = reply.subject if family == Family.EMAIL else ""
        yield {
            "name": "customer",
            "event": event,
            "family": family.value,
            "language": language,
            "subject": subject,
            "body": reply.text,
        }
