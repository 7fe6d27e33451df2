"""How a send can end and what follows, in words: the table of consequences for people."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.failures import CONSEQUENCES, Consequence, FailureKind
from notifications.failover import ACCOUNT_FAULTS
from notifications.models import Attempt

ACCEPTED = "accepted"
_WORDS: dict[str, str | Promise] = {
    ACCEPTED: gettext_lazy("Accepted"),
    FailureKind.RECIPIENT_INVALID: gettext_lazy("Address does not work"),
    FailureKind.OPTED_OUT: gettext_lazy("Opted out at the provider"),
    FailureKind.WINDOW_CLOSED: gettext_lazy("Conversation window closed"),
    FailureKind.CONTENT_REJECTED: gettext_lazy("Text refused"),
    FailureKind.MISCONFIGURED: gettext_lazy("Account does not work"),
    FailureKind.THROTTLED: gettext_lazy("Asked to slow down"),
    FailureKind.TRANSIENT: gettext_lazy("Provider has a hiccup"),
    FailureKind.UNKNOWN: gettext_lazy("Nobody knows"),
    Attempt.LOST: gettext_lazy("Process went away meanwhile"),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which a send can end."""

    code: str
    word: str
    sentence: str
    follows: tuple[str, ...]


def word(ending: str) -> str:
    """An attempt's ending in words."""
    return str(_WORDS.get(ending, ending))


def table() -> list[Ending]:
    """Every ending, the good one first, with what the engine does after it."""
    taken = Ending(
        ACCEPTED,
        word(ACCEPTED),
        _("The provider took it. Receipts tell what becomes of it, where the channel has them."),
        (_("done, unless a rule waits for proof"),),
    )
    bad = [
        Ending(kind, word(kind), consequence.sentence, _follows(kind, consequence))
        for kind, consequence in CONSEQUENCES.items()
    ]
    return [taken, *bad]


def _follows(kind: FailureKind, consequence: Consequence) -> tuple[str, ...]:
    found = (
        (consequence.retry, _("same channel again, later and later")),
        (consequence.suppress_address, _("address not used again on this kind of channel")),
        (consequence.record_opt_out, _("opt-out written into the ledger")),
        (consequence.pause_channel, _("channel left alone at once, staff told")),
        (kind == FailureKind.UNKNOWN, _("found out first: by key, look-up or receipt")),
        (kind in ACCOUNT_FAULTS, _("another account of the same kind first")),
        (consequence.next_route or kind in ACCOUNT_FAULTS, _("then the next route")),
    )
    return tuple(words for holds, words in found if holds)
