"""Why: the codes of decisions, and the sentence that a person reads."""

from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why somebody was told, or not."""

    SENT = "sent"
    HELD = "held"
    DEFERRED = "quiet_hours"
    EVENT = "other_event"
    STORE = "other_store"
    FULFILMENT = "other_fulfilment"
    SOURCE = "other_source"
    TOTAL = "total_outside"
    PART = "not_this_part"
    STALE = "stale"
    TEST = "test_order"
    IMPORT = "import"
    REPLAY = "replay"
    ANNOUNCED = "announced"
    ARCHIVED = "archived"
    COVERED = "covered"
    REVERTED = "moved_back"
    UNMAPPED = "not_understood"
    TOO_OLD = "too_old"
    WITHIN_TOLERANCE = "within_tolerance"
    NO_CUSTOMER = "no_customer"
    NO_ROUTE = "no_route"
    NO_DESTINATION = "no_destination"
    NO_TEMPLATE = "no_template"
    SUPERSEDED = "superseded"
    UNTRUE = "no_longer_true"
    EXPIRED = "expired"
    CHANNEL_PAUSED = "channel_paused"
    DAY_FULL = "day_full"
    COUNTRY_FULL = "country_full"
    NOT_SENT_THERE = "not_sent_there"
    RESTING = "channel_rests"
    CONSENT = "consent"
    FALLBACK = "fallback"
    FAILOVER = "failover"
    FAILED = "failed"
    ANSWERED = "answered"
    UNCONFIRMED = "unconfirmed"
    UNHEARD = "unheard"
    INFORMED = "informed"
    MERGED = "merged"
    OBVIOUS = "obvious"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    NEEDLESS = "not_needed"
    NOT_KNOWN_YET = "not_known_yet"
    NOT_RELEASED = "not_released"
    ERROR = "error"


SENTENCES: dict[Reason, str] = {
    Reason.SENT: "Rule “{rule}” tells {recipient} by {family}.",
    Reason.HELD: "Rule “{rule}” tells {recipient} by {family}, {seconds} s later in case something "
    "newer replaces it.",
    Reason.DEFERRED: "{recipient} has quiet hours; the message waits until they end.",
    Reason.EVENT: "Rule “{rule}” is not about “{event}”.",
    Reason.STORE: "Rule “{rule}” is for other stores.",
    Reason.FULFILMENT: "Rule “{rule}” is not for orders of the kind “{fulfilment}”.",
    Reason.SOURCE: "Rule “{rule}” is not for orders from “{source}”.",
    Reason.TOTAL: "The total is outside the limits of rule “{rule}”.",
    Reason.PART: "Rule “{rule}” is not about {part}.",
    Reason.STALE: "It came too late to count: something newer was known already. Nobody is told.",
    Reason.TEST: "It is a test order or a test connection: nobody is told.",
    Reason.IMPORT: "It is history that was imported: nobody is told.",
    Reason.REPLAY: "It was replayed to repair the record: nobody is told.",
    Reason.ANNOUNCED: "The edit was only announced; the message follows with the new lines.",
    Reason.COVERED: "The whole order was refunded with it; the message about that says so.",
    Reason.ARCHIVED: "The order was deleted at its source: nobody is told.",
    Reason.REVERTED: "The order moved back; customers are not told of that by themselves.",
    Reason.UNMAPPED: "The source's word for it has no meaning here yet. Map it, then replay.",
    Reason.TOO_OLD: "It happened {age} before we heard of it, too long ago to be news.",
    Reason.WITHIN_TOLERANCE: "They were told {told}; {new} is within {minutes} min.",
    Reason.NO_CUSTOMER: "The order names nobody to tell.",
    Reason.NO_ROUTE: "{recipient} cannot be reached: {refusals}",
    Reason.NO_DESTINATION: "No {audience} destination is set up for rule “{rule}”.",
    Reason.NO_TEMPLATE: "There is no template “{template}” for “{event}” by {family}.",
    Reason.SUPERSEDED: "“{newer}” came before “{older}” was sent, and replaces it.",
    Reason.UNTRUE: "The order is {status} by now, so “{event}” is no longer true.",
    Reason.EXPIRED: "It was not worth telling any more after {until}.",
    Reason.DAY_FULL: "Channel {channel} has sent its {cap} messages for today.",
    Reason.COUNTRY_FULL: "Channel {channel} has sent its {cap} messages to {country} for today.",
    Reason.NOT_SENT_THERE: "Channel {channel} sends nothing to {country}.",
    Reason.RESTING: "Channel {channel} was asked by its provider to wait until {until}, too late "
    "for this message.",
    Reason.CHANNEL_PAUSED: "Channel {channel} is paused: {why}",
    Reason.CONSENT: "{sentence}",
    Reason.FAILOVER: "{channel} did not work ({why}); {other} takes over, to the same address.",
    Reason.FALLBACK: "{before} did not work ({why}); {family} takes over.",
    Reason.FAILED: "{family} did not work ({why}) and there is no other way to reach {recipient}.",
    Reason.ANSWERED: "The alert is answered: {state}{who}. Nobody else is told.",
    Reason.UNCONFIRMED: "{why}; {family} takes over.",
    Reason.UNHEARD: "{why}, and there is no other way to reach {recipient}.",
    Reason.INFORMED: "{why}: {family} is not needed any more.",
    Reason.MERGED: "Another part of the order came to “{newer}” before this was sent: one message "
    "tells of both.",
    Reason.OBVIOUS: "They were told “{before}” {seconds} s before, and hold it in their hands now.",
    Reason.CORRECTED: "{recipient} was told “{event}” at {at}, which is not true any more. {by} "
    "takes it back by {family}.",
    Reason.WITHDRAWN: "The order moved back before “{event}” was sent: it is withdrawn.",
    Reason.NEEDLESS: "{why} Nothing has to be taken back.",
    Reason.NOT_KNOWN_YET: "What it takes back is being sent at this moment. It waits to "
    "see whether that arrives.",
    Reason.NOT_RELEASED: "{actor} released it. {why}",
    Reason.ERROR: "The planning failed: {error}. It is written in the log.",
}


def sentence(reason: Reason, **values: Any) -> str:
    """The sentence for `reason`; at most 500 characters."""
    return SENTENCES[reason].format(**values)[:500]
