"""Writing how a connection's bodies are understood: the mapping, and the words for statuses.

Both live in `SourceConnection.settings`. A mapping that is replaced goes to
`mapping_history`, and going back to it makes a new version: no number means two things.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from orders import intake, validation
from orders.models import InboundEvent, SourceConnection
from orders.sources.generic import mapped
from orders.statuses import Status

IGNORE = "ignore"
MEANINGS: tuple[str, ...] = (*Status.values, IGNORE)
MOST_WORDS = 300
LONGEST_WORD = 120
REPLAYED_AT_ONCE = 500


class Overtaken(Exception):
    """Somebody else saved a newer version meanwhile; holds its number."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save changed: nothing when all three are empty."""

    version: int
    added: Sequence[str] = ()
    changed: Sequence[str] = ()
    removed: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def difference(old: Mapping[str, Any], new: Mapping[str, Any], version: int = 0) -> Saved:
    """What is other in `new`, by name, in the order of the names there."""
    return Saved(
        version,
        [name for name in new if name not in old],
        [name for name in new if name in old and old[name] != new[name]],
        [name for name in old if name not in new],
    )


def save_fields(
    connection_id: int, fields: Mapping[str, str], base: int, by: str, now: datetime
) -> Saved:
    """Make `fields` the mapping; none at all: bodies are read in our own shape again.

    `base` is the version that the person was looking at. Raises Overtaken when it is not the
    newest, ValidationError with a sentence for each field that is wrong.
    """
    with transaction.atomic():
        connection = _locked(connection_id)
        return _save(connection, fields, base, by, now)


def back_to(connection_id: int, version: int, base: int, by: str, now: datetime) -> Saved | None:
    """Make an earlier mapping the newest; None when it is not kept any more."""
    with transaction.atomic():
        connection = _locked(connection_id)
        for old in history(connection.settings):
            if old.get("version") == version:
                return _save(connection, mapped.fields_of({"mapping": old}), base, by, now)
        return None


def history(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Earlier mappings, the newest first."""
    kept = settings.get("mapping_history")
    found = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
    return found[::-1]


def _locked(connection_id: int) -> SourceConnection:
    return SourceConnection.objects.select_for_update().get(pk=connection_id)


def _save(
    connection: SourceConnection, fields: Mapping[str, str], base: int, by: str, now: datetime
) -> Saved:
    old = connection.settings
    version = mapped.version_of(old)
    if base != version:
        raise Overtaken(version)
    saved = difference(mapped.fields_of(old), fields, version + 1)
    if not saved:
        return Saved(version)
    mapping = {"fields": dict(fields), "version": version + 1, "saved_at": now.isoformat()}
    new = {**old, "mapping": {**mapping, "by": by[:150]}}
    if old.get("mapping"):
        earlier = [*history(old)[::-1], old["mapping"]]
        new["mapping_history"] = earlier[-mapped.HISTORY_KEPT :]
    _write(connection, new)
    return saved


def _write(connection: SourceConnection, settings: dict[str, Any]) -> None:
    """Store `settings` as the admin and a file would accept them."""
    validation.connection_settings(connection.source, settings)
    connection.settings = settings
    connection.save(update_fields=["settings"])


# --- Words for statuses -------------------------------------------------------------------


def save_words(connection_id: int, meanings: Mapping[str, str]) -> Saved:
    """Give words a meaning; an empty one takes it away. Words that are not named keep theirs."""
    with transaction.atomic():
        connection = _locked(connection_id)
        old = status_map(connection.settings)
        new = {**old, **_checked(meanings, old)}
        new = {word: meaning for word, meaning in new.items() if meaning}
        if len(new) > MOST_WORDS:
            raise ValidationError(_("A table of words has %d lines at most.") % MOST_WORDS)
        saved = difference(old, new)
        if saved:
            _write(connection, {**connection.settings, "status_map": new})
        return saved


def status_map(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The connection's own words: the sender's -> ours."""
    own = settings.get("status_map")
    return dict(own) if isinstance(own, dict) else {}


def _checked(meanings: Mapping[str, str], old: Mapping[str, Any]) -> dict[str, str]:
    """Only meanings that we have; a line that was there before may stay as it is."""
    for word, meaning in meanings.items():
        if len(word) > LONGEST_WORD:
            raise ValidationError(_("A word has %d characters at most.") % LONGEST_WORD)
        if meaning and meaning not in MEANINGS and old.get(word) != meaning:
            raise ValidationError(_("“%s” is no status of ours.") % meaning[:40])
    return dict(meanings)


# --- Another go for what was not understood ------------------------------------------------


def failed(connection: SourceConnection) -> Any:
    """The rows of its inbox that were not understood."""
    return InboundEvent.objects.filter(connection=connection, state=InboundEvent.State.FAILED)


def replay_failed(connection: SourceConnection, now: datetime) -> int:
    """Read them again, the oldest first and a bounded number; no customer is told. How many."""
    ids = failed(connection).order_by("id").values_list("id", flat=True)[:REPLAYED_AT_ONCE]
    return intake.replay(list(ids), mode="replay", now=now)
