"""Pages that need no login: preferences, and one-click unsubscribe (RFC 8058)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consents import links, policy, recording
from consents.addresses import family_of
from consents.folding import EVERYTHING, Action
from consents.forms import FAMILY_LABELS, PreferenceForm
from consents.models import ConsentState, ContactPoint, Preference, Purpose

# A mail client that posts twice within this time has said one thing.
_SAME_CLICK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Switch:
    """One address on the preference page."""

    point: ContactPoint
    label: str
    stopped: bool
    can_resume: bool
    hint: str


# --- One-click unsubscribe ----------------------------------------------------


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """POST ends emails at once, from a mail client or the button. GET only shows the button."""
    try:
        point = links.read_unsubscribe(token)
    except links.LinkInvalid as problem:
        return _invalid(problem)
    if request.method == "POST":
        _unsubscribe(point, timezone.now())
        return _unsubscribed(request, point)
    return _page("consents/unsubscribe.html", point, {"done": False})


def _unsubscribe(point: ContactPoint, now: datetime) -> None:
    lately = ConsentState.objects.filter(
        brand_id=point.brand_id,
        address_kind=point.kind,
        address_digest=point.digest,
        channel=family_of(point.kind),
        purpose="*",
        state=Action.WITHDRAW,
        effective_at__gt=now - _SAME_CLICK,
    )
    if not lately.exists():
        recording.opt_out(point, method="one_click", now=now, evidence={"form": "unsubscribe link"})


def _unsubscribed(request: HttpRequest, point: ContactPoint) -> HttpResponse:
    """A page for a browser; plain text for a mail client, which shows it to nobody."""
    if "text/html" in request.headers.get("Accept", ""):
        return _page("consents/unsubscribe.html", point, {"done": True})
    return _private(HttpResponse("Unsubscribed.\n", content_type="text/plain; charset=utf-8"))


# --- Preferences --------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Stop or resume each channel, stop everything, choose language, order and quiet hours."""
    try:
        point = links.read_preference(token)
    except links.LinkInvalid as problem:
        return _invalid(problem)
    points = _points(point)
    if request.method != "POST":
        return _preference_page(request, point, points, None)
    action, _colon, chosen = request.POST.get("action", "").partition(":")
    if action == "save" and point.customer_id is not None:
        form = _form(point, points, request.POST)
        if not form.is_valid():
            return _preference_page(request, point, points, form)
        _save(point.customer_id, form)
    elif action in _ACTS:
        _ACTS[action](point, points, chosen, timezone.now())
    return _private(HttpResponseRedirect(f"{request.path}?saved=1", status=303))


def _points(point: ContactPoint) -> list[ContactPoint]:
    """Every address of the customer at this brand; the one of the link comes first."""
    if point.customer_id is None:
        return [point]
    others = ContactPoint.objects.filter(
        brand_id=point.brand_id, customer_id=point.customer_id, proxy=False
    ).exclude(pk=point.pk)
    return [point, *others.order_by("kind", "id")]


def _stop(own: ContactPoint, points: Sequence[ContactPoint], chosen: str, now: datetime) -> None:
    for point in points:
        if str(point.pk) == chosen:
            recording.opt_out(point, method="page", now=now)


def _resume(own: ContactPoint, points: Sequence[ContactPoint], chosen: str, now: datetime) -> None:
    """Their own act for the address of the link; a ticked box for any other."""
    for point in points:
        if str(point.pk) == chosen:
            method = "page" if point.pk == own.pk else "checkbox"
            recording.opt_in(point, method=method, now=now)


def _stop_all(
    own: ContactPoint, points: Sequence[ContactPoint], chosen: str, now: datetime
) -> None:
    if own.customer_id is None:
        recording.opt_out(own, method="page", now=now, channel="*")
    else:
        recording.stop_everything(own.customer_id, points, method="page", now=now)


def _resume_all(
    own: ContactPoint, points: Sequence[ContactPoint], chosen: str, now: datetime
) -> None:
    if own.customer_id is None:
        recording.opt_in(own, method="page", now=now, channel="*")
    else:
        recording.resume_everything(own.customer_id, points, own=own, now=now)


_Act = Callable[[ContactPoint, Sequence[ContactPoint], str, datetime], None]
_ACTS: dict[str, _Act] = {
    "stop": _stop,
    "resume": _resume,
    "stop_all": _stop_all,
    "resume_all": _resume_all,
}


def _save(customer_id: int, form: PreferenceForm) -> None:
    names = ("language", "quiet_from", "quiet_until", "live_order_exempt")
    values = {name: form.cleaned_data[name] for name in names}
    values["families"] = form.chosen_families()
    Preference.objects.update_or_create(customer_id=customer_id, defaults=values)


def _form(
    point: ContactPoint, points: Sequence[ContactPoint], data: Mapping[str, Any] | None = None
) -> PreferenceForm:
    """The form with what the customer has chosen before."""
    known = Preference.objects.filter(customer_id=point.customer_id or 0).first()
    here = [family_of(p.kind) for p in points]
    liked = [family for family in (known.families if known else []) if family in here]
    wanted = [*liked, *point.brand.channel_order, *here]
    families = list(dict.fromkeys(family for family in wanted if family in here))
    initial = {
        "language": _language(point),
        "quiet_from": known.quiet_from if known else None,
        "quiet_until": known.quiet_until if known else None,
        "live_order_exempt": known.live_order_exempt if known else True,
    }
    return PreferenceForm(data, families=families, initial=initial)


def _preference_page(
    request: HttpRequest,
    point: ContactPoint,
    points: Sequence[ContactPoint],
    form: PreferenceForm | None,
) -> HttpResponse:
    facts = policy.load(point.brand_id, points)
    with translation.override(_language(point)):
        switches = [_switch(facts, other, point) for other in points]
    context = {
        "switches": switches,
        "all_stopped": _all_stopped(facts, point),
        "form": (form or _form(point, points)) if point.customer_id else None,
        "saved": "saved" in request.GET,
        "csrf_token": get_token(request),
    }
    status = 200 if form is None else 400
    return _page("consents/preferences.html", point, context, status)


def _switch(facts: policy.Facts, point: ContactPoint, own: ContactPoint) -> Switch:
    """Whether order updates go to `point`, and whether this page may open it again."""
    family = family_of(point.kind)
    refusal = policy.recheck(facts, point, family, Purpose.ORDER, timezone.now())
    reason = refusal.reason if refusal else ""
    method = str(refusal.data.get("method", "")) if refusal else ""
    mine = point.pk == own.pk
    liftable = reason in ("channel_stop", "purpose_stop") and (
        mine or method not in ("keyword", "provider")
    )
    can_resume = liftable or (mine and reason in ("complaint", "hard_bounce", "invalid_address"))
    label = str(FAMILY_LABELS.get(family, family))
    return Switch(point, label, bool(reason), can_resume, _hint(reason, can_resume, family))


def _hint(reason: str, can_resume: bool, family: str) -> str:
    """How to get messages again where this page cannot switch them on."""
    if not reason or can_resume or reason == "global_stop":
        return ""
    if family == "sms":
        return _("To get texts again, send START to the number that they came from.")
    if family == "chat":
        return _("To get messages again, open the chat and press Start.")
    return _("To get messages again, use the link in a message sent to this address.")


def _all_stopped(facts: policy.Facts, point: ContactPoint) -> bool:
    subject = facts.subjects.get(point.customer_id or 0, {})
    states = facts.states.get((point.kind, point.digest), {})
    standing = (subject.get(EVERYTHING), states.get(EVERYTHING))
    return any(found is not None and found.state == Action.WITHDRAW for found in standing)


# --- Pages --------------------------------------------------------------------


def _language(point: ContactPoint) -> str:
    """The language of the page: theirs, or the brand's, if we speak it."""
    preference = Preference.objects.filter(customer_id=point.customer_id or 0).first()
    wanted = (
        preference.language if preference else "",
        point.customer.language if point.customer else "",
        point.brand.language,
    )
    spoken = dict(settings.LANGUAGES)
    short = (code.lower().split("-")[0] for code in wanted if code)
    return next((code for code in short if code in spoken), settings.LANGUAGE_CODE)


def _page(
    template: str, point: ContactPoint, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """A page in the customer's language. It knows nothing of a session or of staff."""
    link = links.preference_token(point.brand_id, point.pk)
    with translation.override(_language(point)):
        text = render_to_string(
            template, {**context, "brand": point.brand, "point": point, "preference_token": link}
        )
    return _private(HttpResponse(text, status=status))


def _invalid(problem: links.LinkInvalid) -> HttpResponse:
    text = render_to_string("consents/invalid.html", {"sentence": problem.sentence})
    return _private(HttpResponse(text, status=404))


def _private(response: HttpResponse) -> HttpResponse:
    """Nothing of it in caches, nor in search results."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex"
    return response
