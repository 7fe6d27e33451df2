"""Applies a configuration file: brands, and all that belongs to them.

What the file names is made or changed; what it does not name stays as it is. Applying a
file twice changes nothing the second time. Everything happens in one transaction, or not
at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.utils import timezone

from channels_app import admin as channel_forms
from channels_app import registry as providers
from channels_app.credentials import is_secret, mask
from channels_app.models import Channel
from notifications import defaults
from notifications.config_reading import Block, ConfigError, read
from notifications.config_schema import (
    BRAND,
    BRAND_KEYS,
    SECTIONS,
    SHIFT,
    STAFF,
    STEP,
    Key,
    Section,
)
from notifications.models import EscalationPolicy, EscalationStep, Shift
from orders import registry as sources
from orders import rotation, validation
from orders.models import Brand, SourceConnection, StaffMembership, Store

__all__ = ["ConfigError", "Result", "apply"]
LONGEST_SHOWN = 60


@dataclass
class Result:
    """What applying a file did, or would do: a line for everything that it names."""

    lines: list[str] = field(default_factory=list)
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    dry_run: bool = False

    @property
    def summary(self) -> str:
        """The count of all, in one line."""
        done = "would be " if self.dry_run else ""
        return (
            f"{done}created: {self.created}, {done}changed: {self.changed}, "
            f"unchanged: {self.unchanged}"
        )

    def note(self, label: str, created: bool, changes: list[str]) -> None:
        """Count one thing and say what happened to it."""
        if created:
            self.created += 1
            self.lines.append(f"+ {label}")
        elif changes:
            self.changed += 1
            self.lines += [f"~ {label}: {change}" for change in changes]
        else:
            self.unchanged += 1
            self.lines.append(f"= {label}")


def apply(text: str, filename: str, env: Mapping[str, str], dry_run: bool = False) -> Result:
    """Apply the file, or with `dry_run` find out what it would do. Raises ConfigError.

    `env` is where secrets written as `env:NAME` are looked up.
    """
    result = Result(dry_run=dry_run)
    whole = read(text, filename, "file", ("brands",))
    with transaction.atomic():
        for block in whole.blocks("brands", "brand", BRAND_KEYS) if whole else []:
            _Applying(block, env, result).run()
        transaction.set_rollback(dry_run)
    return result


class _Applying:
    """One brand's part of a file."""

    def __init__(self, block: Block, env: Mapping[str, str], result: Result) -> None:
        self.block, self.env, self.result = block, env, result
        self.brand = Brand()

    def run(self) -> None:
        """The brand, then what belongs to it, in the order in which things refer to each other."""
        self._brand()
        for block in self.block.blocks("stores", "store", SECTIONS[0].keys):
            self._row(SECTIONS[0], block)
        for block in self.block.blocks("staff", "staff member", STAFF):
            self._staff(block)
        for section in SECTIONS[1:]:
            for block in self.block.blocks(section.name, section.what, section.keys):
                self._row(section, block)
        for block in self.block.blocks("shifts", "shift", SHIFT):
            self._shifts(block)

    def _brand(self) -> None:
        block = self.block
        values = self._values(BRAND, block)
        slug = self._required(block, values, "slug")
        found = Brand.objects.filter(slug=slug).first()
        self.brand = found or Brand(slug=slug)
        changes = _assign(self.brand, values)
        self._save(self.brand, block, f"brand {slug}", found is None, changes)
        wanted = block.truth("defaults") if "defaults" in block else True
        if found is None and wanted:
            defaults.install(self.brand)

    # --- Rows of the brand ---
    def _row(self, section: Section, block: Block) -> None:
        values = self._values(section.keys, block)
        lists = {n: values.pop(n) for n, key in section.keys.items() if key.many and n in values}
        blank = section.model()
        identity = {n: values.get(n, getattr(blank, n)) for n in section.identity}
        self._required(block, identity, section.identity[0])
        found = section.model.objects.filter(brand_id=self.brand.pk, **identity).first()
        row = found or section.model(brand_id=self.brand.pk)
        before = row.provider if isinstance(row, Channel) else ""
        changes = _assign(row, values)
        changes += self._apart(row, block, before)
        label = f"{section.what} {self.brand.slug}/{self._name(identity)}"
        self._save(row, block, label, found is None, changes, lists)

    @staticmethod
    def _name(identity: Mapping[str, Any]) -> str:
        return "/".join(v.slug if isinstance(v, Store) else str(v) for v in identity.values() if v)

    def _apart(self, row: Any, block: Block, provider_before: str) -> list[str]:
        """What is no plain column: credentials and signing secrets."""
        if isinstance(row, Channel):
            return self._credentials(row, block, provider_before)
        if isinstance(row, SourceConnection):
            return self._secret(row, block) + self._api_credentials(row, block)
        return []

    def _values(self, keys: Mapping[str, Key], block: Block) -> dict[str, Any]:
        """The columns that a block gives, read, checked and resolved."""
        return {
            name: self._value(name, key, block)
            for name, key in keys.items()
            if name in block and key.column
        }

    def _value(self, name: str, key: Key, block: Block) -> Any:
        value = key.read(block, name)
        if key.check:
            try:
                key.check(value)
            except ValidationError as error:
                raise block.error(f"{name}: {' '.join(error.messages)}", name) from None
        if key.refers and key.many:
            return [self._referred(key, slug, name, block) for slug in value]
        return self._referred(key, value, name, block) if key.refers else value

    def _referred(self, key: Key, slug: str, name: str, block: Block) -> Any:
        """The row of this brand that a slug means."""
        if not slug:
            return None
        rows = key.refers._default_manager.filter(brand_id=self.brand.pk) if key.refers else None
        row = rows.filter(slug=slug).first() if rows is not None else None
        if rows is not None and row is None:
            known = ", ".join(rows.values_list("slug", flat=True)) or "none"
            raise block.error(f"{name}: {self.brand.slug} has no {slug!r}; it has: {known}", name)
        return row

    def _required(self, block: Block, values: Mapping[str, Any], name: str) -> str:
        if not values.get(name):
            raise block.error(f"a {block.what} needs a {name}")
        return str(values[name])

    # --- Secrets ---
    def _credentials(self, channel: Channel, block: Block, provider_before: str) -> list[str]:
        """Given credentials over stored ones, as the provider's own form accepts them."""
        if channel.provider not in providers.slugs():
            raise block.error("a channel needs a provider")
        if provider_before not in ("", channel.provider):
            channel.credentials = {}
        form = providers.provider_class(channel.provider).Credentials
        what = f"{channel.provider} credentials"
        given: dict[str, str] = {}
        inner = block
        if "credentials" in block:
            inner = block.block("credentials", what, form.base_fields)
            given = {n: inner.secret(n, self.env, n in form.secret) for n in inner}
        old = channel.credentials
        checked = channel_forms.check(channel.provider, channel_forms.merged(old, given))
        for name, errors in checked.errors.items():
            raise inner.error(f"{what}: {name}: {' '.join(map(str, errors))}", name)
        channel.credentials = channel_forms.storable(checked)
        return [
            f"{name} {_show(old.get(name), hidden)} → {_show(new, hidden)}"
            for name, new in channel.credentials.items()
            for hidden in [name in form.secret]
            if old.get(name) != new
        ]

    def _secret(self, connection: SourceConnection, block: Block) -> list[str]:
        """The signing secret: a new one goes before the old one, which stays good for a day."""
        try:
            validation.source(connection.source)
            validation.connection_settings(connection.source, connection.settings or {})
        except ValidationError as error:
            raise block.error(" ".join(error.messages), "settings") from None
        now = timezone.now()
        known = connection.valid_secrets(now)
        given = block.secret("secret", self.env, True) if "secret" in block else ""
        if not given and not known and not sources.source(connection.source).unsigned_ok:
            raise block.error("a connection needs a signing secret: write secret: env:NAME")
        if not given or given == (known[0] if known else ""):
            return []
        if connection.pk:
            rotation.rotate(connection, now, given)
            return [f"secret {mask(known[0]) if known else 'none'} → {mask(given)}"]
        connection.secrets = [{"secret": given, "until": None}]
        return []

    def _api_credentials(self, connection: SourceConnection, block: Block) -> list[str]:
        """What the source's own API is called with, over what is stored."""
        if "credentials" not in block:
            return []
        names = sources.source(connection.source).CREDENTIALS
        inner = block.block("credentials", f"{connection.source} credentials", names)
        old = connection.credentials
        given = {name: inner.secret(name, self.env, is_secret(name)) for name in inner}
        connection.credentials = {**old, **{name: one for name, one in given.items() if one}}
        return [
            f"{name} {_show(old.get(name), is_secret(name))} → {_show(new, is_secret(name))}"
            for name, new in connection.credentials.items()
            if old.get(name) != new
        ]

    # --- Who is asked, and when ---
    def _steps(self, policy: EscalationPolicy, block: Block) -> list[str]:
        """A policy has exactly the steps that are given, in their order."""
        changes = []
        blocks = block.blocks("steps", "step", STEP)
        for position, inner in enumerate(blocks, 1):
            values = {"after_minutes": 0, "on_shift": False, **self._values(STEP, inner)}
            places = values.pop("destinations", [])
            step = policy.steps.filter(position=position).first()
            row = step or EscalationStep(policy=policy, position=position)
            different = _assign(row, values)
            if step is None or different:
                self._validate(row, inner)
                row.save()
            different += _assign_lists(row, {"destinations": places})
            changes += [f"step {position}: {one}" for one in different]
        for gone in policy.steps.filter(position__gt=len(blocks)):
            changes.append(f"step {gone.position} → none")
            gone.delete()
        return changes

    def _shifts(self, block: Block) -> None:
        """One shift on each of the days given: who, where, from when until when."""
        values = self._values(SHIFT, block)
        for name in SHIFT:
            self._required(block, values, name)
        starts, ends = (time.fromisoformat(values[name]) for name in ("starts", "ends"))
        for day in values["days"]:
            identity = {
                "store": values["store"],
                "destination": values["destination"],
                "weekday": validation.DAYS.index(day),
                "starts": starts,
            }
            found = Shift.objects.filter(**identity).first()
            row = found or Shift(**identity)
            changes = _assign(row, {"ends": ends})
            who = f"{self.brand.slug}/{values['store'].slug}/{values['destination'].slug}"
            label = f"shift {who}/{day} {values['starts']}"
            self._save(row, block, label, found is None, changes)

    # --- People ---
    def _staff(self, block: Block) -> None:
        """A user, made when there is none of that name, and what of this brand they may see."""
        username = self._required(block, self._values({"username": Key()}, block), "username")
        label = f"staff {self.brand.slug}/{username}"
        users = get_user_model()
        found = users.objects.filter(username=username).first()
        user = found or users(username=username)
        changes = _assign(user, {"email": block.text("email")} if "email" in block else {})
        if "superuser" in block:
            boss = block.truth("superuser")
            changes += _assign(user, {"is_superuser": boss, "is_staff": boss or user.is_staff})
        changes += self._password(user, block)
        store = self._value("store", SECTIONS[1].keys["store"], block) if "store" in block else None
        self._save(user, block, label, found is None, changes, quiet=True)
        members = StaffMembership.objects.filter(user=user, brand=self.brand, store=store)
        member = members.first()
        row = member or StaffMembership(user=user, brand=self.brand, store=store)
        changes += _assign(row, {"role": block.text("role")} if "role" in block else {})
        self._save(row, block, label, member is None, changes)

    def _password(self, user: Any, block: Block) -> list[str]:
        if "password" not in block:
            if user.pk is None:
                user.set_unusable_password()
            return []
        password = block.secret("password", self.env, True)
        if user.pk is not None and user.check_password(password):
            return []
        user.set_password(password)
        return ["password ••••"]

    # --- Saving ---
    def _save(
        self,
        row: Any,
        block: Block,
        label: str,
        created: bool,
        changes: list[str],
        lists: Mapping[str, list[Any]] | None = None,
        quiet: bool = False,
    ) -> None:
        """Validate and save what changed; count it unless `quiet`."""
        if created or changes:
            self._validate(row, block)
            row.save()
        listed = _assign_lists(row, lists or {})
        if isinstance(row, EscalationPolicy) and "steps" in block:
            listed += self._steps(row, block)
        if not quiet:
            self.result.note(label, created, changes + listed)

    def _validate(self, row: Any, block: Block) -> None:
        """The model's own checks; their errors get the line of the key they are about."""
        empty = [f.name for f in row._meta.fields if getattr(row, f.attname) in ([], {})]
        try:
            row.full_clean(exclude=empty)
        except ValidationError as error:
            for name, texts in error.message_dict.items():
                about = "" if name == NON_FIELD_ERRORS else f"{name}: "
                raise block.error(f"{about}{' '.join(texts)}", name) from None


def _assign(row: Any, values: Mapping[str, Any]) -> list[str]:
    """Set the columns that differ; a line for each."""
    changes = []
    for name, value in values.items():
        old = getattr(row, name, None) if _is_set(row, name) else None
        if old != value:
            setattr(row, name, value)
            changes.append(f"{name} {_show(old)} → {_show(value)}")
    return changes


def _is_set(row: Any, name: str) -> bool:
    """Whether a column has a value to compare with (a required relation of a new row has none)."""
    return getattr(row, row._meta.get_field(name).attname, None) is not None


def _assign_lists(row: Any, lists: Mapping[str, list[Any]]) -> list[str]:
    """Set the relations that differ; a line for each."""
    changes = []
    for name, wanted in lists.items():
        manager = getattr(row, name)
        if set(manager.all()) != set(wanted):
            manager.set(wanted)
            changes.append(f"{name} → {', '.join(str(r.slug) for r in wanted) or 'all'}")
    return changes


def _show(value: Any, secret: bool = False) -> str:
    """A value in a diff: short, and masked when it is a secret."""
    if secret:
        return mask(str(value)) if value else "none"
    text = repr(value if not hasattr(value, "slug") else value.slug)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
