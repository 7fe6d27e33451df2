"""Writes brands as a configuration file that makes the same ones elsewhere. Without any secret."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from django.utils import timezone

from channels_app import registry as providers
from channels_app.credentials import is_secret
from channels_app.models import Channel
from notifications.config_schema import BRAND, SECTIONS, Key, Section
from notifications.models import EscalationPolicy, EscalationStep, Shift
from orders.models import Brand, SourceConnection, StaffMembership
from orders.validation import DAYS

HEADER = "# A configuration of Orderbell: apply it with `manage.py apply_config FILE`.\n"


class _Dumper(yaml.SafeDumper):
    """Long texts in block form, so that a diff of two exports can be read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value and not re.search(r"[ \t]\n|\n\Z|\A\s", value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def export(brands: Iterable[Brand]) -> tuple[str, dict[str, str]]:
    """The file's text, and the environment that it asks for: variable -> secret.

    The text holds the variables' names only. Whoever moves the secrets, does it knowingly.
    """
    env: dict[str, str] = {}
    value = {"brands": [_Exporting(brand, env).run() for brand in brands]}
    names = "".join(f"#   {name}\n" for name in env)
    header = HEADER + (f"# It reads these secrets from the environment:\n{names}" if env else "")
    body = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return header + body, env


class _Exporting:
    """One brand."""

    def __init__(self, brand: Brand, env: dict[str, str]) -> None:
        self.brand, self.env = brand, env

    def run(self) -> dict[str, Any]:
        """Its own columns, then what belongs to it; empty sections are left out."""
        found = _columns(self.brand, BRAND, ("slug",))
        # Rules and templates are all written out below: no further ones shall appear.
        found["defaults"] = False
        for section in SECTIONS:
            rows = section.model.objects.filter(brand_id=self.brand.pk).order_by("pk")
            found[section.name] = [self._row(section, row) for row in rows]
            if section.name == "stores":
                found["staff"] = self._staff()
        found["shifts"] = self._shifts()
        return {name: value for name, value in found.items() if value not in ([], None)}

    def _row(self, section: Section, row: Any) -> dict[str, Any]:
        found = _columns(row, section.keys, section.identity)
        if isinstance(row, Channel):
            found["credentials"] = self._credentials(row)
        if isinstance(row, EscalationPolicy):
            found["steps"] = [_step(step) for step in row.steps.order_by("position")]
        if isinstance(row, SourceConnection) and (valid := row.valid_secrets(timezone.now())):
            found["secret"] = self._secret(valid[0], row.name, "secret")
        if isinstance(row, SourceConnection) and row.credentials:
            found["credentials"] = {
                name: self._secret(value, row.name, name) if is_secret(name) else value
                for name, value in row.credentials.items()
            }
        return found

    def _staff(self) -> list[dict[str, Any]]:
        members = StaffMembership.objects.filter(brand=self.brand).select_related("user", "store")
        return [
            {
                "username": member.user.get_username(),
                **({"email": member.user.email} if member.user.email else {}),
                **({"superuser": True} if member.user.is_superuser else {}),
                "role": member.role,
                **({"store": member.store.slug} if member.store else {}),
            }
            for member in members.order_by("pk")
        ]

    def _shifts(self) -> list[dict[str, Any]]:
        """Days with the same hours are one entry."""
        rows = Shift.objects.filter(store__brand=self.brand).order_by("weekday", "starts", "pk")
        found: dict[tuple[Any, ...], list[str]] = {}
        for row in rows.select_related("store", "destination"):
            key = row.store.slug, row.destination.slug, f"{row.starts:%H:%M}", f"{row.ends:%H:%M}"
            found.setdefault(key, []).append(DAYS[row.weekday])
        return [
            {"store": store, "destination": place, "days": days, "starts": starts, "ends": ends}
            for (store, place, starts, ends), days in found.items()
        ]

    def _credentials(self, channel: Channel) -> dict[str, Any]:
        hidden = providers.provider_class(channel.provider).Credentials.secret
        return {
            name: self._secret(value, channel.slug, name) if name in hidden else value
            for name, value in channel.credentials.items()
        }

    def _secret(self, value: Any, *names: str) -> str:
        """A variable for a secret: named after what it is for, and used for this one only."""
        base = re.sub(r"\W+", "_", "_".join((self.brand.slug, *names)), flags=re.ASCII).upper()
        name, number = base, 2
        while self.env.get(name, value) != value:
            name, number = f"{base}_{number}", number + 1
        self.env[name] = str(value)
        return f"env:{name}"


def _step(step: EscalationStep) -> dict[str, Any]:
    places = sorted(place.slug for place in step.destinations.all())
    return {
        "after_minutes": step.after_minutes,
        **({"on_shift": True} if step.on_shift else {}),
        **({"destinations": places} if places else {}),
    }


def _columns(row: Any, keys: Mapping[str, Key], identity: tuple[str, ...]) -> dict[str, Any]:
    """The columns that differ from a new row's, and those by which the row is known."""
    found: dict[str, Any] = {}
    for name, key in keys.items():
        if not key.column:
            continue
        if key.many:
            slugs = sorted(other.slug for other in getattr(row, name).all())
            found.update({name: slugs} if slugs else {})
            continue
        value = getattr(row, name)
        default = row._meta.get_field(name).get_default()
        if value != default or (name in identity and value is not None):
            found[name] = value.slug if key.refers and value else value
    return found
