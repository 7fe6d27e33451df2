"""Who may be reached how, right now, and the reason for each way that is closed. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from channels_app.contract import AddressKind, Family
from consents import quiet, reasons
from consents.addresses import SUBJECT, is_number, subject_digest
from consents.folding import EVERYTHING, GRANTS, NEEDS_GRANT, OWN_ACT, Action, Scope
from consents.models import ConsentState, ContactPoint, Purpose
from consents.reasons import Reason
from orders.models import Customer

States = Mapping[Scope, "Standing"]
_NO_STATES: dict[Scope, "Standing"] = {}
_WITHDRAWN = Action.WITHDRAW.value
# News that is no news later, or that the law wants told: quiet hours do not hold it back.
_NEVER_QUIET = frozenset({Purpose.CRITICAL.value, Purpose.CONSENT_ADMIN.value})
_LIVE_PURPOSES = frozenset({Purpose.ORDER.value})


@dataclass(frozen=True, slots=True)
class Standing:
    """A row of the projection, with how it came about."""

    state: str
    at: datetime
    method: str
    word: str  # the keyword of a STOP


@dataclass(frozen=True, slots=True)
class Person:
    """What a decision needs to know of a customer."""

    name: str = ""
    zone: str = ""
    language: str = ""
    families: tuple[str, ...] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None
    live_order_exempt: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that decisions about a batch need, loaded at once."""

    brand_id: int
    states: Mapping[tuple[str, str], States]  # (kind, digest) -> scope -> standing
    people: Mapping[int, Person]
    subjects: Mapping[int, States]  # customer id -> what holds for the whole person


@dataclass(frozen=True, slots=True)
class FamilyOption:
    """A family that the brand has channels for, and the address that they need."""

    family: str
    address_kind: str
    needs_join: bool = False
    needs_opt_in: bool = False  # its provider's rules want a recorded yes


@dataclass(frozen=True, slots=True)
class Route:
    """A way that is open."""

    family: str
    contact_point: ContactPoint


@dataclass(frozen=True, slots=True)
class Refusal:
    """A way that is closed; `data` and `reason` give the sentence in any language."""

    family: str
    contact_point: ContactPoint | None
    reason: str
    sentence: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Routes:
    """The open ways in order, the closed ones with reasons, and whether to wait."""

    allowed: list[Route]
    refused: list[Refusal]
    defer_until: datetime | None = None
    defer_sentence: str = ""


# --- Loading ------------------------------------------------------------------


def load(
    brand_id: int, contact_points: Iterable[ContactPoint], customer_ids: Iterable[int] = ()
) -> Facts:
    """The facts about these addresses and customers, in two queries."""
    points = [point for point in contact_points if point.brand_id == brand_id]
    customers = set(customer_ids) | {p.customer_id for p in points if p.customer_id is not None}
    subjects = {subject_digest(pk): pk for pk in customers}
    states = _load_states(brand_id, points, list(subjects))
    return Facts(
        brand_id,
        states,
        _load_people(brand_id, customers),
        {pk: states.get((SUBJECT, digest), _NO_STATES) for digest, pk in subjects.items()},
    )


def _load_states(
    brand_id: int, points: Sequence[ContactPoint], subjects: Sequence[str]
) -> dict[tuple[str, str], dict[Scope, Standing]]:
    digests = {point.digest for point in points} | set(subjects)
    kinds = {point.kind for point in points} | {SUBJECT}
    if not digests:
        return {}
    rows = ConsentState.objects.filter(
        brand_id=brand_id, address_kind__in=kinds, address_digest__in=digests
    ).values_list(
        "address_kind",
        "address_digest",
        "channel",
        "purpose",
        "state",
        "effective_at",
        "event__method",
        "event__evidence",
    )
    found: dict[tuple[str, str], dict[Scope, Standing]] = {}
    for kind, digest, channel, purpose, state, at, method, evidence in rows:
        word = reasons.keyword_of(evidence) if method == "keyword" else ""
        found.setdefault((kind, digest), {})[channel, purpose] = Standing(state, at, method, word)
    return found


def _load_people(brand_id: int, customers: set[int]) -> dict[int, Person]:
    if not customers:
        return {}
    rows = Customer.objects.filter(brand_id=brand_id, pk__in=customers).select_related("preference")
    return {row.pk: _person(row) for row in rows}


def _person(customer: Customer) -> Person:
    name = customer.given_name or customer.name
    preference = getattr(customer, "preference", None)
    if preference is None:
        return Person(name, customer.time_zone, customer.language)
    return Person(
        name,
        customer.time_zone,
        preference.language or customer.language,
        tuple(preference.families),
        preference.quiet_from,
        preference.quiet_until,
        preference.live_order_exempt,
    )


# --- Deciding -----------------------------------------------------------------


def family_order(
    strategy: str,
    preference: Sequence[str],
    rule_families: Sequence[str],
    brand_order: Sequence[str],
    available: Sequence[str],
) -> list[str]:
    """The families to try, in order. A rule that lists families is not widened by anything."""
    pool = [f for f in rule_families if f in available] if rule_families else list(available)
    first = [*preference, *rule_families, *brand_order] if strategy == "preferred" else []
    ranked = [*first, *rule_families, *([] if rule_families else brand_order), *pool]
    return list(dict.fromkeys(family for family in ranked if family in pool))


def routes(
    facts: Facts,
    *,
    customer_id: int | None,
    points: Sequence[ContactPoint],
    families: Sequence[FamilyOption],
    order: Sequence[str],
    purpose: str,
    now: datetime,
    zone: str,
    live: bool,
) -> Routes:
    """The open and the closed ways to reach one customer. Pure: no query, no clock."""
    person = facts.people.get(customer_id or 0, Person())
    zone = person.zone or zone
    ask = _Question(facts, customer_id, person, purpose, now, zone)
    allowed: list[Route] = []
    refused: list[Refusal] = []
    for family in order:
        options = [option for option in families if option.family == family]
        if not options:
            refused.append(ask.refusal(family, None, Reason.NO_CHANNEL))
        for option in options:
            _try_option(ask, option, points, allowed, refused)
    until, sentence = _wait(ask, live) if allowed else (None, "")
    return Routes(allowed, refused, until, sentence)


def recheck(
    facts: Facts,
    contact_point: ContactPoint,
    family: str,
    purpose: str,
    now: datetime,
    customer_id: int | None = None,
    *,
    needs_opt_in: bool = False,
) -> Refusal | None:
    """The last look before hand-over: the reason why this address must not be used, or None.

    `customer_id` says whom the message is for; otherwise it is who owns the address.
    """
    customer_id = customer_id or contact_point.customer_id
    person = facts.people.get(customer_id or 0, Person())
    ask = _Question(facts, customer_id, person, purpose, now, person.zone)
    return ask.closed(family, contact_point, needs_opt_in)


def quiet_until(
    facts: Facts, customer_id: int | None, purpose: str, now: datetime, zone: str, live: bool
) -> datetime | None:
    """When the customer's quiet hours end, if they hold back such a message now. Pure."""
    person = facts.people.get(customer_id or 0, Person())
    ask = _Question(facts, customer_id, person, purpose, now, person.zone or zone)
    return _wait(ask, live)[0]


def _try_option(
    ask: "_Question",
    option: FamilyOption,
    points: Sequence[ContactPoint],
    allowed: list[Route],
    refused: list[Refusal],
) -> None:
    """Sort the addresses of one kind into open and closed."""
    fitting = [point for point in points if _fits(option, point)]
    if not fitting:
        missing = Reason.NOT_JOINED if option.needs_join else Reason.NO_ADDRESS
        refused.append(ask.refusal(option.family, None, missing))
    for point in fitting:
        refusal = ask.closed(option.family, point, option.needs_opt_in)
        if refusal is None:
            allowed.append(Route(option.family, point))
        else:
            refused.append(refusal)


def _fits(option: FamilyOption, point: ContactPoint) -> bool:
    """WhatsApp also knows people by ids, which cannot be texted."""
    if point.kind != option.address_kind:
        return False
    texts = option.family == Family.SMS and point.kind == AddressKind.PHONE
    return not texts or is_number(point.address)


def _wait(ask: "_Question", live: bool) -> tuple[datetime | None, str]:
    """Until when the customer wants quiet, and the sentence that says so."""
    person = ask.person
    exempt = live and person.live_order_exempt and ask.purpose in _LIVE_PURPOSES
    if exempt or ask.purpose in _NEVER_QUIET or person.quiet_from is None:
        return None, ""
    until = quiet.ends_at(ask.now, person.quiet_from, person.quiet_until, ask.zone)
    if until is None:
        return None, ""
    wall = f"{until.astimezone(quiet.zone_of(ask.zone)):%H:%M}"
    data = {"name": person.name, "until": wall}
    return until, reasons.sentence(Reason.QUIET_HOURS, data, ask.now, ask.zone)


@dataclass(frozen=True, slots=True)
class _Question:
    """May this person be told, for this purpose, at this moment?"""

    facts: Facts
    customer_id: int | None
    person: Person
    purpose: str
    now: datetime
    zone: str

    def closed(
        self, family: str, point: ContactPoint, needs_opt_in: bool = False
    ) -> Refusal | None:
        """The first reason, in the order of precedence, why this way is closed."""
        needs_yes = needs_opt_in or self.purpose in NEEDS_GRANT
        states = self.facts.states.get((point.kind, point.digest), _NO_STATES)
        subject = self.facts.subjects.get(self.customer_id or 0, _NO_STATES)
        if not states and not subject and not point.proxy and point.invalid_at is None:
            return self.refusal(family, point, Reason.NO_BASIS) if needs_yes else None
        found = (
            self._person_closed(states, subject)
            or self._address_closed(family, point, states)
            or self._opted_out(family, states, subject, needs_yes)
        )
        return None if found is None else self.refusal(family, point, *found)

    def _person_closed(
        self, states: States, subject: States
    ) -> tuple[Reason, Standing | None] | None:
        """Restricted or erased, for the address or the whole person."""
        for standing in (states.get(EVERYTHING), subject.get(EVERYTHING)):
            if standing is None:
                continue
            if standing.state == Action.ERASE and self.purpose != Purpose.CONSENT_ADMIN:
                return Reason.ERASED, standing
            if standing.state == Action.RESTRICT and self.purpose != Purpose.CONSENT_ADMIN:
                return Reason.RESTRICTED, standing
        return None

    def _address_closed(
        self, family: str, point: ContactPoint, states: States
    ) -> tuple[Reason, Standing | None] | None:
        """A proxy number, an address that does not work, a block, a complaint."""
        if point.proxy:
            return Reason.PROXY_NUMBER, None
        if point.invalid_at is not None:
            return Reason.INVALID_ADDRESS, None
        standing = states.get((family, "*"))
        state = standing.state if standing else ""
        for action, reason in (
            (Action.HARD_BOUNCE, Reason.HARD_BOUNCE),
            (Action.PROVIDER_BLOCK, Reason.PROVIDER_BLOCK),
            (Action.COMPLAINT, Reason.COMPLAINT),
        ):
            if state == action:
                return reason, standing
        return None

    def _opted_out(
        self, family: str, states: States, subject: States, needs_yes: bool
    ) -> tuple[Reason, Standing | None] | None:
        """What they said no to, from the widest to the narrowest; then what needs a yes."""
        if self.purpose == Purpose.CONSENT_ADMIN:
            return None
        channel = states.get((family, "*"))
        for everything in (states.get(EVERYTHING), subject.get(EVERYTHING)):
            if _withdrawn(everything) and not _reopened(channel, everything):
                return Reason.GLOBAL_STOP, everything
        if _withdrawn(channel):
            return Reason.CHANNEL_STOP, channel
        here, anywhere = states.get((family, self.purpose)), states.get(("*", self.purpose))
        for standing in (here, anywhere):
            if _withdrawn(standing):
                return Reason.PURPOSE_STOP, standing
        granted = here or anywhere
        if self.purpose not in NEEDS_GRANT:  # a yes to the channel is a yes to news of the order
            granted = granted or channel
        if needs_yes and (granted is None or granted.state not in GRANTS):
            return Reason.NO_BASIS, None
        return None

    def refusal(
        self,
        family: str,
        point: ContactPoint | None,
        reason: Reason,
        standing: Standing | None = None,
    ) -> Refusal:
        """The reason as code, data and sentence."""
        data: dict[str, Any] = {
            "name": self.person.name,
            "family": family,
            "purpose": self.purpose,
        }
        if point is not None:
            data["masked"] = point.masked
        if standing is not None:
            data |= {"at": standing.at.isoformat(), "method": standing.method}
            data |= {"word": standing.word} if standing.word else {}
        elif reason == Reason.INVALID_ADDRESS and point is not None and point.invalid_at:
            data["at"] = point.invalid_at.isoformat()
        said = reasons.sentence(reason, data, self.now, self.zone)
        return Refusal(family, point, reason.value, said, data)


def _withdrawn(standing: Standing | None) -> bool:
    return standing is not None and standing.state == _WITHDRAWN


def _reopened(channel: Standing | None, everything: Standing | None) -> bool:
    """Whether they came back on this channel by themselves after they had stopped everything."""
    return (
        channel is not None
        and everything is not None
        and channel.state in GRANTS
        and channel.method in OWN_ACT
        and channel.at > everything.at
    )
