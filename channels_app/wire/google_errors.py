"""The one shape in which Google's interfaces say what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from channels_app.contract import Response
from channels_app.wire.reading import object_in, part, text_of


@dataclass(frozen=True, slots=True)
class GoogleError:
    """`word` is such as NOT_FOUND. `said` may hold personal data: to compare, never to show."""

    status: int
    word: str = ""
    said: str = ""
    details: Sequence[dict[str, Any]] = ()

    def detail(self, kind: str) -> dict[str, Any]:
        """The first detail of this kind, such as "FcmError"; empty when there is none."""
        for one in self.details:
            if text_of(one.get("@type"), 200).rpartition(".")[2] == kind:
                return one
        return {}

    @property
    def reason(self) -> str:
        """The reason that Google's front end gives, before the interface itself was asked."""
        return text_of(self.detail("ErrorInfo").get("reason"), 60)

    @property
    def fields(self) -> frozenset[str]:
        """The parts of our request that Google names as wrong."""
        named = self.detail("BadRequest").get("fieldViolations")
        rows = named if isinstance(named, list) else []
        return frozenset(text_of(part(row).get("field"), 200) for row in rows[:100])

    @property
    def code(self) -> str:
        """A short name for the record."""
        return self.reason or self.word or str(self.status)


def google_error(response: Response) -> GoogleError:
    """The error in an answer; only its status where nothing can be read."""
    error = part(object_in(response.body), "error")
    given = error.get("details")
    details = [part(one) for one in given[:20]] if isinstance(given, list) else []
    return GoogleError(
        response.status,
        text_of(error.get("status"), 60),
        text_of(error.get("message"), 500).lower(),
        details,
    )
