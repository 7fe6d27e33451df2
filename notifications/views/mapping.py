"""How the bodies of a connection are understood: expressions tried on a sample, words, versions."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from notifications.views import mapping_shown, scope
from notifications.views.mapping_shown import Typed
from notifications.views.paging import number
from notifications.views.scope import Scope, staff_page
from orders import mapping
from orders.models import SourceConnection, StaffMembership
from orders.sources.generic import mapped

_Role = StaffMembership.Role
MAPPING = frozenset({_Role.OWNER, _Role.MANAGER, _Role.INTEGRATOR})
LONGEST_TYPED = 2000  # of an expression; a longer one than is allowed is shown with the refusal


@require_safe
@staff_page
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The mapping in use, beside the chosen or the newest body."""
    connection = _connection(request, pk)
    chosen = number(request.GET.get("event"))
    typed = Typed(
        mapped.fields_of(connection.settings),
        mapping_shown.sample_of(connection, chosen),
        mapped.version_of(connection.settings),
        chosen,
    )
    return _page(request, connection, typed)


@require_POST
@staff_page
def attempt(request: HttpRequest, pk: int) -> HttpResponse:
    """What is typed, tried on the sample; nothing is kept."""
    connection, typed = _connection(request, pk), _typed(request)
    if not request.headers.get("HX-Request"):
        return _page(request, connection, typed)
    context = mapping_shown.tried(connection, typed)
    return render(request, "notifications/parts/mapping_tried.html", {**context, "swap": True})


@require_POST
@staff_page
def save(request: HttpRequest, pk: int) -> HttpResponse:
    """Make what is typed the next version."""
    connection, typed = _connection(request, pk), _typed(request)
    try:
        saved = mapping.save_fields(pk, typed.fields, typed.base, _actor(request), timezone.now())
    except ValidationError as wrong:
        return _page(request, connection, typed, wrong.messages, 400)
    except mapping.Overtaken as newer:
        sentence = _(
            "Somebody saved version %d meanwhile. What you typed is still here; "
            "save again to put it in the place of theirs."
        )
        typed = Typed(typed.fields, typed.sample, newer.version, typed.chosen)
        connection.refresh_from_db()
        return _page(request, connection, typed, [sentence % newer.version], 409)
    _say(request, saved)
    return redirect(_address(pk, typed.chosen))


@require_POST
@staff_page
def back_to(request: HttpRequest, pk: int) -> HttpResponse:
    """Make an earlier version the newest."""
    _connection(request, pk)
    version = number(request.POST.get("version")) or 0
    base = number(request.POST.get("base")) or 0
    try:
        saved = mapping.back_to(pk, version, base, _actor(request), timezone.now())
    except (mapping.Overtaken, ValidationError) as problem:
        messages.error(request, _refusal(problem))
        return redirect("mapping", pk)
    if saved is None:
        messages.error(request, _("Version %d is not kept any more.") % version)
    else:
        _say(request, saved)
    return redirect("mapping", pk)


def _refusal(problem: ValidationError | mapping.Overtaken) -> str:
    if isinstance(problem, ValidationError):
        return " ".join(problem.messages)
    return _("Somebody saved version %d meanwhile. Look again.") % problem.version


@require_POST
@staff_page
def words(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the sender's words a meaning."""
    connection = _connection(request, pk)
    try:
        saved = mapping.save_words(connection.pk, _meanings(request))
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return redirect("mapping", pk)
    if saved:
        messages.success(request, _("Saved. %s") % _changes(saved))
    else:
        messages.info(request, _("Nothing was changed."))
    return redirect(reverse("mapping", args=[pk]) + "#words")


def _meanings(request: HttpRequest) -> dict[str, str]:
    """The lines of the table, and the one that somebody wrote in."""
    pairs = zip(request.POST.getlist("word"), request.POST.getlist("meaning"), strict=False)
    meanings = {word: meaning for word, meaning in pairs if word.strip()}
    new, meaning = request.POST.get("new_word", "").strip(), request.POST.get("new_meaning", "")
    return {**meanings, new: meaning} if new and meaning else meanings


@require_POST
@staff_page
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Read again what was not understood; no customer is told."""
    count = mapping.replay_failed(_connection(request, pk), timezone.now())
    said = ngettext(
        "%d event is read again. No customer is told.",
        "%d events are read again. No customer is told.",
        count,
    )
    messages.success(request, said % count)
    return redirect("mapping", pk)


# --- Who, what was typed, what is said ------------------------------------------------


def may_map(seen: Scope, brand_id: int) -> bool:
    """All but support agents, of the whole brand: a mapping and its samples are of all stores."""
    if seen.user.is_active and getattr(seen.user, "is_superuser", False):
        return True
    return any(
        member.brand_id == brand_id and member.store_id is None and member.role in MAPPING
        for member in seen.memberships
    )


def _connection(request: HttpRequest, pk: int) -> SourceConnection:
    seen = scope.scope(request)
    brands = [brand for brand in seen.grants if may_map(seen, brand)]
    rows = SourceConnection.objects.filter(brand_id__in=brands).select_related("brand")
    return get_object_or_404(rows, pk=pk)


def _actor(request: HttpRequest) -> str:
    return scope.scope(request).actor


def _typed(request: HttpRequest) -> Typed:
    """The boxes that are not empty, the sample, and the version that was on the page."""
    boxes = {name: request.POST.get(mapping_shown.box(name), "") for name in mapped.FIELDS}
    fields = {name: typed.strip()[:LONGEST_TYPED] for name, typed in boxes.items()}
    return Typed(
        {name: typed for name, typed in fields.items() if typed},
        request.POST.get("sample", ""),
        number(request.POST.get("base")) or 0,
        number(request.POST.get("event")),
    )


def _address(pk: int, chosen: int | None) -> str:
    return reverse("mapping", args=[pk]) + (f"?event={chosen}" if chosen else "")


def _say(request: HttpRequest, saved: mapping.Saved) -> None:
    if saved:
        sentence = _("Version %(n)d is in use. %(changes)s")
        told: Mapping[str, Any] = {"n": saved.version, "changes": _changes(saved)}
        messages.success(request, sentence % told)
    else:
        messages.info(request, _("Nothing was changed."))


def _changes(saved: mapping.Saved) -> str:
    parts = [
        (_("Added: %s."), saved.added),
        (_("Changed: %s."), saved.changed),
        (_("Removed: %s."), saved.removed),
    ]
    return " ".join(sentence % ", ".join(names[:12]) for sentence, names in parts if names)


def _page(
    request: HttpRequest,
    connection: SourceConnection,
    typed: Typed,
    problems: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **mapping_shown.whole(connection, typed),
        "problems": problems or [],
    }
    return render(request, "notifications/mapping.html", context, status=status)
