"""A job into a Message: the words, the links, the fields a provider needs."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from channels_app.contract import Family, Message, ProviderTemplate
from channels_app.failures import FailureKind, SendError
from consents import links
from notifications import alert_links, provider_texts, telling_parts, telling_times, variables
from notifications.context import Job
from notifications.deliverable import data_for
from notifications.models import MessageTemplate, Notification
from notifications.rendering import Rendered, RenderFailed, choose, render


@dataclass(frozen=True, slots=True)
class Composed:
    """A message ready for its provider, and what the record keeps of it."""

    message: Message
    template_version: str


def compose(job: Job, now: datetime) -> Composed:
    """Write the message of `job`. Raises SendError(CONTENT_REJECTED) when its words do not work."""
    words = _words(job, now)
    telling_times.note(job, words.text, now)
    notification, channel = job.notification, job.channel
    left = (notification.useful_until - now).total_seconds()
    message = Message(
        to=job.delivery.address,
        text=words.text,
        subject=words.subject,
        html=words.html,
        ref=job.delivery.ref,
        language=notification.language,
        urgent=notification.urgent,
        ttl_seconds=max(60, int(left)),
        collapse_key=_collapse_key(notification),
        url=_alert_url(job) or tracking_url(job),
        unsubscribe_url=_unsubscribe_url(job),
        callback_url=channel.callback_url,
        data=_data(job, now),
        template=words.provider_text,
        window_open=job.window_open,
    )
    return Composed(channel.speaker.fit(message), words.version)


def _words(job: Job, now: datetime) -> Rendered:
    notification = job.notification
    if notification.text:
        incident = notification.incident
        subject = incident.title if incident else job.shelf.brand.name
        return Rendered(text=notification.text, subject=subject, html="", version="")
    family = job.channel.family
    templates = job.shelf.templates_for(notification.template, notification.event, family)
    template = choose(
        templates,
        name=notification.template,
        event=notification.event,
        family=family,
        language=notification.language,
        store_id=notification.store_id,
        brand_language=job.shelf.brand.language,
    )
    if template is None and family in (Family.WEBHOOK, Family.EVENT):
        return Rendered(text=notification.event, subject="", html="", version="")
    if template is None:
        raise SendError(FailureKind.CONTENT_REJECTED, "no_template", "There is no template for it.")
    try:
        kept = _kept_text(job, template)
        texts = (template.body, template.subject, *(kept.parameters.values() if kept else ()))
        values = _variables(job, now, variables.mentioned(*texts))
        words = render(template, values, family=family, brand=job.shelf.brand)
        return replace(words, provider_text=provider_texts.filled(kept, values) if kept else None)
    except RenderFailed as error:
        raise SendError(FailureKind.CONTENT_REJECTED, "template", str(error)) from error


def _kept_text(job: Job, template: MessageTemplate) -> ProviderTemplate | None:
    """The text at the provider, where free words may not be sent: they say more, and link."""
    if job.window_open:
        return None
    return provider_texts.of(template.provider_texts, job.channel.provider)


def _variables(job: Job, now: datetime, wanted: frozenset[str]) -> dict[str, Any]:
    """The values that the template mentions, and those that its family's layout needs."""
    wanted |= {"tracking_url"}
    told, tolerance = telling_times.standing(job)
    group, change, together = telling_parts.subject(job)
    return variables.build(
        order=job.order,
        group=group,
        together=together,
        change=change,
        claim=job.claim,
        store=job.shelf.stores.get(job.notification.store_id or 0),
        brand=job.shelf.brand,
        lines=job.lines,
        groups=job.groups,
        language=job.notification.language,
        now=now,
        links={
            "tracking": tracking_url(job),
            # Signed, and so worked out only where it is shown.
            "preferences": _preferences_url(job) if "preferences_url" in wanted else "",
        },
        wanted=wanted,
        told=told,
        tolerance=tolerance,
    )


def _collapse_key(notification: Notification) -> str:
    """Messages about the same thing replace each other."""
    if notification.incident_id:
        return f"incident-{notification.incident_id}"
    return f"order-{notification.order_id}" if notification.order_id else ""


def _alert_url(job: Job) -> str:
    """For an alert: the page of its incident, signed for the place that is told."""
    notification = job.notification
    if not notification.incident_id:
        return ""
    return alert_links.alert_url(notification.incident_id, notification.destination_id or 0)


def tracking_url(job: Job) -> str:
    """The public page of the order."""
    return f"{settings.PUBLIC_BASE_URL}/t/{job.order.token}/" if job.order else ""


def _unsubscribe_url(job: Job) -> str:
    if job.point is None or job.point.kind != "email":
        return ""
    return links.unsubscribe_url(job.notification.brand_id, job.point.pk)


def _preferences_url(job: Job) -> str:
    return links.preference_url(job.notification.brand_id, job.point.pk) if job.point else ""


def _data(job: Job, now: datetime) -> dict[str, Any]:
    """The order in fields, for machines; and the keys of a push subscription."""
    data = data_for(job, now)
    data["brand"] = job.shelf.brand.name
    incident = job.notification.incident
    if incident is not None:
        data["incident"] = {
            "token": incident.token,
            "kind": incident.kind,
            "title": incident.title,
            "state": incident.state,
            "url": _alert_url(job),
        }
    if job.point is not None and job.point.data:
        data["push"] = job.point.data
    return data
