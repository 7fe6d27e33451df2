"""What a brand, a store and a connection may say: the same for the admin and for files."""

import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from orders import registry
from orders.sources.generic import mapped

# What any connection may be set to, besides what its source knows.
EVERY_SOURCE: Mapping[str, tuple[Any, str]] = {
    "status_map": ({}, ""),
    "silence_minutes": (None, ""),
    "sandbox": (False, ""),  # its API is the stand-in's
    "import_days": (60, ""),
    "ask": ({}, ""),  # what a page wants to know of the source, and what was found out
    "answer": ({}, ""),
    "listing": ({}, ""),  # how far the list of its orders was read
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")
_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")


def time_zone(name: str) -> None:
    """Refuse what is no time zone of the IANA list."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone; write it like Europe/Berlin."), params={"name": name}
        )


def language(code: str) -> None:
    """Refuse what is no language code. Templates decide which languages are spoken."""
    if code and not _LANGUAGE.match(code):
        raise ValidationError(
            _("“%(code)s” is not a language; write it like en or pt-BR."), params={"code": code}
        )


def country(code: str) -> None:
    """Refuse what is no ISO 3166 code."""
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise ValidationError(
            _("“%(code)s” is not a country; write two capital letters like US."),
            params={"code": code},
        )


def currency(code: str) -> None:
    """Refuse what is no ISO 4217 code."""
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ValidationError(
            _("“%(code)s” is not a currency; write three capital letters like USD."),
            params={"code": code},
        )


def hours(value: Any) -> None:
    """Refuse opening hours that nobody could read: {"mon": [["11:00", "22:00"]]}."""
    if not isinstance(value, Mapping) or not set(value) <= set(DAYS):
        raise ValidationError(
            _("Opening hours have the days %(days)s."), params={"days": ", ".join(DAYS)}
        )
    for spans in value.values():
        if not isinstance(spans, list) or not all(_is_span(span) for span in spans):
            raise ValidationError(_('A day has spans like [["11:00", "22:00"]].'))


def _is_span(span: Any) -> bool:
    """Whether it is an opening and a closing time."""
    return (
        isinstance(span, list)
        and len(span) == 2
        and all(isinstance(moment, str) and _TIME.match(moment) for moment in span)
    )


def source(slug: str) -> None:
    """Refuse a source that is not built in."""
    if slug not in registry.slugs():
        raise ValidationError(
            _("There is no source “%(slug)s”; there are: %(known)s."),
            params={"slug": slug, "known": ", ".join(registry.slugs())},
        )


def connection_settings(slug: str, settings: Mapping[str, Any]) -> None:
    """Refuse choices that the source does not know."""
    known = {**registry.source(slug).SETTINGS, **EVERY_SOURCE}
    strange = sorted(set(settings) - set(known))
    if strange:
        raise ValidationError(
            _("%(source)s knows no setting %(strange)s; known: %(known)s."),
            params={"source": slug, "strange": ", ".join(strange), "known": ", ".join(known)},
        )
    silence = settings.get("silence_minutes", 0)
    if not isinstance(silence, int) or isinstance(silence, bool) or silence < 0:
        raise ValidationError(_("silence_minutes is a number of minutes; 0 is no alert."))
    if "mapping" in known:
        wrong = mapped.problems(settings)
        if wrong:
            raise ValidationError(list(wrong.values()))


def country_caps(value: Any) -> None:
    """Refuse daily caps by country that would not hold: {"US": 500, "*": 50}.

    YAML reads a bare NO as "false"; Norway has to be written in quotes.
    """
    if not isinstance(value, Mapping):
        raise ValidationError(_('Write countries and numbers: {"US": 500, "*": 50}.'))
    for code, most in value.items():
        if code != "*":
            country(code if isinstance(code, str) else str(code))
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise ValidationError(
                _("“%(code)s” needs a whole number of messages a day."), params={"code": code}
            )


def rate(value: Any) -> None:
    """Refuse a rate that is no positive number."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValidationError(_("Write messages a second as a number above 0, or leave it out."))
