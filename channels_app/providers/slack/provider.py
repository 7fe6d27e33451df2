"""Slack Web API: chat.postMessage with blocks, and what its errors mean."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.alerts import SNOOZE_MINUTES, Alert, alert_label, alert_of
from channels_app.wire.markup import cut, escape, escaped_length
from channels_app.wire.reading import id_of, part, text_of
from channels_app.wire.staff_cards import Link, context, links, need_text

LONGEST_TEXT = 3000  # of a section, escaped
LONGEST_HEADER = 150
LONGEST_LABEL = 75
LONGEST_VALUE = 2000
LONGEST_LINK = 3000
MOST_BUTTONS = 25
LINK_ACTION = "open_link"
ALERT_LINK_ACTION = "open_alert"
ALERT_ACTION = "incident_"  # what the ids of the buttons of an alert begin with
HOUR = 3600.0

_RECIPIENT = (
    "channel_not_found not_in_channel is_archived user_not_found restricted_action "
    "restricted_action_read_only_channel restricted_action_thread_only_channel "
    "restricted_action_non_threadable_channel restricted_action_thread_locked "
    "channel_type_not_supported messages_tab_disabled cannot_dm_bot user_is_bot"
)
_CONFIG = (
    "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope "
    "no_permission ekm_access_denied access_denied org_login_required team_added_to_org "
    "as_user_not_supported deprecated_endpoint method_deprecated not_allowed_token_type "
    "two_factor_setup_required team_access_not_granted accesslimited "
    "message_limit_exceeded"
)
_CONTENT = (
    "no_text msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format "
    "too_many_attachments invalid_arguments invalid_arg_name invalid_array_arg "
    "invalid_form_data invalid_post_type missing_post_type invalid_charset invalid_json "
    "json_not_object invalid_metadata_format invalid_metadata_schema metadata_too_large "
    "markdown_text_conflict attachment_payload_limit_exceeded duplicate_message_not_found"
)
_THROTTLED = "ratelimited rate_limited"
_TRANSIENT = "internal_error request_timeout service_unavailable"
ERRORS: Mapping[str, FailureKind] = {
    **dict.fromkeys(_RECIPIENT.split(), FailureKind.RECIPIENT_INVALID),
    **dict.fromkeys(_CONFIG.split(), FailureKind.MISCONFIGURED),
    **dict.fromkeys(_CONTENT.split(), FailureKind.CONTENT_REJECTED),
    **dict.fromkeys(_THROTTLED.split(), FailureKind.THROTTLED),
    **dict.fromkeys(_TRANSIENT.split(), FailureKind.TRANSIENT),
    # Slack says of this one that part of the work may have been done.
    "fatal_error": FailureKind.UNKNOWN,
}
HINTS: Mapping[str, str] = {
    "not_in_channel": "The bot is not in the room. Invite it there: /invite @its-name.",
    "channel_not_found": "Slack knows no such room. Use its id; invite the bot if it is private.",
    "is_archived": "The room is archived. Choose another one.",
    "missing_scope": "The app lacks a right. Add chat:write and install it again.",
    "token_revoked": "The token was withdrawn. Install the app again and paste the new one.",
    "invalid_auth": "Slack does not know the token. Paste it again.",
    "account_inactive": "The app or its workspace was deactivated.",
    "message_limit_exceeded": "The workspace has used up its messages for today.",
    "invalid_blocks": "Slack refuses the layout of the message.",
}
HEALS_BY_ITSELF = frozenset({"org_login_required", "team_added_to_org"})


class SlackCredentials(Credentials):
    """What the app's pages at Slack show."""

    secret = frozenset({"bot_token", "signing_secret"})

    bot_token = forms.CharField(
        label=_("Bot token"),
        help_text=_("Begins with xoxb-. On the app's page under OAuth & Permissions."),
        validators=[RegexValidator(r"^xoxb-[A-Za-z0-9-]{10,}\Z")],
    )
    signing_secret = forms.CharField(
        label=_("Signing secret"),
        help_text=_(
            "On the app's page under Basic Information. Proves that a button press is real."
        ),
        validators=[RegexValidator(r"^[A-Za-z0-9]{16,}\Z")],
    )


class Slack(Provider):
    """An app in one workspace. `Message.to` is the id of a room."""

    slug = "slack"
    name = "Slack"
    family = Family.TEAM
    address = AddressKind.ROOM
    audiences = frozenset({"staff"})
    capabilities = Capabilities(max_text=LONGEST_TEXT, subject=True, inbound=True)
    Credentials = SlackCredentials
    base_url = "https://slack.com/api"
    in_flight = 4  # about one message a second and room
    resolves_incidents = True  # whoever was asked to act hears that it is done

    def request(self, message: Message) -> Request:
        """A chat.postMessage: blocks to look at, text for notifications and screen readers."""
        need_text(message)
        fitted = self.fit(message)
        body = {
            "channel": message.to,
            "text": escape(": ".join(filter(None, (fitted.subject, fitted.text)))),
            "blocks": blocks(fitted),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        bearer = {"Authorization": f"Bearer {self.credentials['bot_token']}"}
        return Request.json(f"{self.base}/chat.postMessage", body, bearer)

    def accepted(self, response: Response) -> Accepted:
        """The pair of room and time. Slack answers 200 to most failures, too."""
        answer = answer_of(response)
        if answer.get("ok") is not True:
            raise failure(response, answer)
        channel, ts = id_of(answer.get("channel")), id_of(answer.get("ts"))
        if not (channel and ts):
            raise SendError(FailureKind.UNKNOWN, "200", "Slack's answer names no message.")
        return Accepted(f"{channel}:{ts}")

    def verification(self) -> Request:
        """An auth.test: whose token this is. Any token may ask, and nobody sees it."""
        bearer = {"Authorization": f"Bearer {self.credentials['bot_token']}"}
        return Request.form(f"{self.base}/auth.test", {}, bearer)

    def verified(self, response: Response) -> str:
        """The app's name and its workspace. Slack answers 200 to a bad token, too."""
        answer = answer_of(response)
        if answer.get("ok") is not True:
            raise failure(response, answer)
        user, team = text_of(answer.get("user"), 80), text_of(answer.get("team"), 80)
        return f"Slack knows the app as {user or '?'} in the workspace {team or '?'}."

    def fit(self, message: Message) -> Message:
        """Cut so that the escaped text fits into one section."""
        return replace(
            message,
            subject=cut(message.subject, LONGEST_HEADER),
            text=cut(message.text, LONGEST_TEXT, escaped_length),
        )


def blocks(message: Message) -> list[dict[str, Any]]:
    """Header, text, context and buttons; those that the message has."""
    found: list[dict[str, Any]] = []
    if message.subject:
        found.append({"type": "header", "text": plain(message.subject)})
    found.append({"type": "section", "text": {"type": "mrkdwn", "text": escape(message.text)}})
    if said := context(message.data):
        found.append({"type": "context", "elements": [{"type": "mrkdwn", "text": escape(said)}]})
    if buttons := buttons_of(message):
        found.append({"type": "actions", "elements": buttons[:MOST_BUTTONS]})
    return found


def buttons_of(message: Message) -> list[dict[str, Any]]:
    """Those of an alert first, then answers, then links."""
    alert = alert_of(message.data)
    found = alert_buttons(alert, message.language) if alert else []
    found += [action_button(*action) for action in message.actions]
    return found + [link_button(link) for link in links(message, LONGEST_LINK)]


def alert_buttons(alert: Alert, language: str) -> list[dict[str, Any]]:
    """What can be done about the incident; the id says what, the value about which."""
    return [
        {
            "type": "button",
            "action_id": alert_action(verb),
            "text": plain(alert_label(verb, language)),
            "value": alert.token,
            **({"style": "primary"} if verb == "acknowledge" else {}),
        }
        for verb in alert.verbs
    ]


def alert_action(verb: str) -> str:
    """The id of the button for `verb`: incident_acknowledge, incident_snooze_15."""
    return ALERT_ACTION + (f"{verb}_{SNOOZE_MINUTES}" if verb == "snooze" else verb)


def plain(text: str) -> dict[str, Any]:
    """Text without markup; emoji codes such as :pizza: stay letters."""
    return {"type": "plain_text", "text": text, "emoji": False}


def action_button(label: str, value: str) -> dict[str, Any]:
    """A button that sends us `value` back; its id follows from the value."""
    if not 1 <= len(value) <= LONGEST_VALUE:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "button",
            f"A button's value must have 1 to {LONGEST_VALUE} characters. Use a shorter one.",
        )
    return {
        "type": "button",
        "action_id": f"answer_{hashlib.sha256(value.encode()).hexdigest()[:16]}",
        "text": plain(cut(label, LONGEST_LABEL)),
        "value": value,
    }


def link_button(link: Link) -> dict[str, Any]:
    """The button that opens the order, or the alert's own page."""
    action = ALERT_LINK_ACTION if link.of_alert else LINK_ACTION
    return {"type": "button", "action_id": action, "text": plain(link.label), "url": link.url}


def answer_of(response: Response) -> dict[str, Any]:
    """The answer's JSON object; by the status when there is none."""
    try:
        return part(response.json())
    except SendError as error:
        if response.ok:
            raise
        kind = kind_of_status(response.status)
        raise SendError(kind, str(response.status), error.detail, response.retry_after) from None


def failure(response: Response, answer: Mapping[str, Any]) -> SendError:
    """What Slack's answer means: its own word first, the HTTP status if it says nothing."""
    word = text_of(answer.get("error"), 60)
    code = word or str(response.status)
    kind = ERRORS.get(word)
    if kind is None and response.ok:
        # A 200 without any word is no refusal that Slack makes: nobody knows what happened.
        kind = FailureKind.CONTENT_REJECTED if word else FailureKind.UNKNOWN
    wait = HOUR if word in HEALS_BY_ITSELF else response.retry_after
    return SendError(kind or kind_of_status(response.status), code, HINTS.get(word, ""), wait)


PROVIDER = Slack
