"""What does a source send us? Somebody asks; a pump calls the source's API, and says.

The web process opens no socket to sources: the question is written into the connection's
settings, and so is the answer. Connections are few, so looking for questions costs nothing.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from notifications import doorbell
from orders import registry
from orders.contract import Api, Ask, SourceError, Told
from orders.models import SourceConnection
from orders.normalising import where

if TYPE_CHECKING:  # pages ask here, and must not load an HTTP client
    from notifications.source_calls import SourceCaller

log = logging.getLogger(__name__)

ASK, ANSWER = "ask", "answer"  # members of a connection's settings
SUBSCRIPTIONS, SUBSCRIBE, TEST = "subscriptions", "subscribe", "test"
KINDS = (SUBSCRIPTIONS, SUBSCRIBE, TEST)
LEASE = timedelta(seconds=60)
AT_ONCE = 4
MOST_TOPICS = 40
InDatabase = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, with the connection that it is about."""

    connection: SourceConnection
    what: str
    at: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was seen: whether it is as it should be, in words, and which topics are not sent."""

    good: bool
    sentence: str
    missing: tuple[str, ...] = ()


def address(connection: SourceConnection) -> str:
    """Where the source posts to."""
    return f"{settings.PUBLIC_BASE_URL}/hooks/{connection.key}/"


def ask(connection: SourceConnection, what: str, now: datetime) -> None:
    """Write the question down; a pump answers it."""
    _change(connection.pk, lambda row: row.update({ASK: {"what": what, "at": now.isoformat()}}))
    transaction.on_commit(doorbell.ring)


# --- In the pump ----------------------------------------------------------------------


def take(now: datetime) -> list[Asked]:
    """Questions that nobody answers yet, leased to us."""
    rows = SourceConnection.objects.filter(settings__has_key=ASK).order_by("id")
    ids = [pk for pk, known in rows.values_list("pk", "settings") if _free(known, now)][:AT_ONCE]
    return [found for pk in ids if (found := _lease(pk, now))]


def _free(known: dict[str, Any], now: datetime) -> bool:
    """Whether there is a question that nobody is about to answer."""
    question = known.get(ASK)
    if not isinstance(question, dict) or question.get("what") not in KINDS:
        return False
    return str(question.get("taken") or "") < (now - LEASE).isoformat()


def _lease(pk: int, now: datetime) -> Asked | None:
    with transaction.atomic():
        row = SourceConnection.objects.select_for_update().filter(pk=pk).first()
        if row is None or not _free(row.settings, now):
            return None
        question = {**row.settings[ASK], "taken": now.isoformat()}
        row.settings = {**row.settings, ASK: question}
        row.save(update_fields=["settings"])
    return Asked(row, question["what"], str(question.get("at", "")))


async def find_out(
    asked: Asked, caller: "SourceCaller", in_database: InDatabase, now: datetime
) -> None:
    """Ask the source, do what was asked for, and write down what came of it."""
    try:
        found = await _found(asked, caller, now)
    except SourceError as error:
        found = Answer(False, str(error))
    except Exception as error:
        log.error("asking connection %s failed: %s", asked.connection.pk, where(error))
        found = Answer(False, _("Asking broke off. The log says why."))
    await in_database(keep, asked, found, now)


def keep(asked: Asked, found: Answer, now: datetime) -> None:
    """Write the answer down. A newer question stays."""
    said = {
        "what": asked.what,
        "at": now.isoformat(),
        "good": found.good,
        "sentence": found.sentence[:400],
        "missing": list(found.missing[:MOST_TOPICS]),
    }

    def write(known: dict[str, Any]) -> None:
        known[ANSWER] = said
        if (known.get(ASK) or {}).get("at") == asked.at:
            known.pop(ASK, None)

    _change(asked.connection.pk, write)


def _change(pk: int, write: Callable[[dict[str, Any]], Any]) -> None:
    """Change the settings as they are now: others may have changed them meanwhile."""
    with transaction.atomic():
        row = SourceConnection.objects.select_for_update().filter(pk=pk).first()
        if row is not None:
            known = dict(row.settings)
            write(known)
            SourceConnection.objects.filter(pk=pk).update(settings=known)


async def _found(asked: Asked, caller: "SourceCaller", now: datetime) -> Answer:
    if asked.what == TEST:
        return await _tested(asked.connection, caller, now)
    missing = await _missing(asked.connection, caller)
    if missing is None:
        return Answer(False, _("The source's API cannot say. Are its credentials filled in?"))
    if asked.what == SUBSCRIBE and missing:
        return await _subscribed(asked.connection, caller, missing)
    return _complete(missing)


def _complete(missing: Sequence[str]) -> Answer:
    if not missing:
        return Answer(True, _("The source sends everything that is wanted."))
    return Answer(False, _("The source does not send everything."), tuple(missing))


async def _missing(connection: SourceConnection, caller: "SourceCaller") -> list[str] | None:
    """The topics that are not sent to us; None when the API cannot say."""
    source = registry.source(connection.source)
    told = await caller.ask(connection, source.subscriptions_ask)
    return None if told is None else list(source.missing_topics(told, address(connection)))


async def _subscribed(
    connection: SourceConnection, caller: "SourceCaller", missing: Sequence[str]
) -> Answer:
    """Subscribe to each; then look again, because only the list proves it."""
    made = 0
    for topic in missing[:MOST_TOPICS]:
        told = await caller.ask(connection, partial(_subscribe_ask, connection, topic))
        made += told is not None
    if not made:
        sentence = _("The source lets nobody subscribe by its API. Do it there, as the guide says.")
        return Answer(False, sentence, tuple(missing))
    still = await _missing(connection, caller)
    return _complete(missing if still is None else still)


def _subscribe_ask(connection: SourceConnection, topic: str, api: Api) -> Ask | None:
    return registry.source(connection.source).subscribe_ask(topic, address(connection), api)


async def _tested(connection: SourceConnection, caller: "SourceCaller", now: datetime) -> Answer:
    """A harmless question that proves the credentials: what changed in the last minute."""
    source = registry.source(connection.source)
    told: Told | None = await caller.ask(
        connection, lambda api: source.list_ask(now - timedelta(minutes=1), "", api)
    )
    if told is not None:
        source.listed(told)
        return Answer(True, _("The source's API answers, and takes our credentials."))
    missing = await _missing(connection, caller)
    if missing is None:
        return Answer(False, _("There is nothing to ask: fill in the credentials of its API."))
    return Answer(True, _("The source's API answers, and takes our credentials."))
