"""Does a channel work? Somebody asks; a pump proves the credentials, sends one message, and says.

The web process opens no socket to providers: the question is a row, and so is the answer.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from channels_app.contract import AddressKind, Message
from channels_app.failures import CONSEQUENCES, AccessRefused, SendError
from channels_app.models import Channel, ChannelCheck
from channels_app.sending import Transport, send, verify
from channels_app.tokens import Tokens
from notifications import library
from orders.claiming import claim

State = ChannelCheck.State
LEASE = timedelta(seconds=30)
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, with the channel it is about."""

    check_id: int
    channel: Channel
    send_to: str


def take(now: datetime) -> list[Asked]:
    """Questions that nobody answers yet, leased to us."""
    rows = claim(
        "channels_app_channelcheck",
        "state = 'asked' AND (lease_until IS NULL OR lease_until < %s)",
        "id",
        AT_ONCE,
        {"lease_until": "%s"},
        params=[now],
        update_params=[now + LEASE],
        returning="id, channel_id, send_to",
    )
    return [Asked(pk, library.channel(channel_id), to) for pk, channel_id, to in rows]


def answer(check_id: int, good: bool, sentence: str) -> None:
    """Write down what was seen."""
    state = State.GOOD if good else State.BAD
    ChannelCheck.objects.filter(pk=check_id, state=State.ASKED).update(
        state=state, sentence=sentence[:400], lease_until=None
    )


def test_message(channel: Channel, to: str, now: datetime) -> Message:
    """A message that says what it is."""
    text = _("This is a test from Orderbell. If you can read it, the channel works.")
    return Message(
        to=to,
        text=text,
        subject=_("Test from Orderbell"),
        ref=f"test-{secrets.token_urlsafe(12)}",
        html=f"<p>{text}</p>",
        window_open=True,
        url=f"{settings.PUBLIC_BASE_URL}/",
        callback_url=channel.callback_url,
        data={
            "event": "test",
            "sent_at": now.isoformat(),
            "occurred_at": now.isoformat(),
            "order": {"id": "test", "external_id": "test", "number": "TEST", "status": "placed"},
        },
    )


def needs_address(channel: Channel) -> bool:
    """Whether whoever asks has to say where a test message goes."""
    return channel.speaker.address in (AddressKind.PHONE, AddressKind.EMAIL)


async def find_out(
    asked: Asked,
    transport: Transport,
    tokens: Tokens,
    in_database: Callable[..., Awaitable[Any]],
    now: datetime,
) -> None:
    """Prove the credentials, send where asked to, and write down what came of it."""
    try:
        said = await _twice_if_refused(asked, transport, tokens, now)
    except SendError as error:
        await in_database(answer, asked.check_id, False, sentence_of(error))
        return
    await in_database(answer, asked.check_id, True, said)


async def _twice_if_refused(
    asked: Asked, transport: Transport, tokens: Tokens, now: datetime
) -> str:
    """A token may have been withdrawn: it is the credentials that are asked about."""
    try:
        return await _seen(asked, transport, tokens, now)
    except AccessRefused:
        await tokens.refused(asked.channel)
        return await _seen(asked, transport, tokens, now)


async def _seen(asked: Asked, transport: Transport, tokens: Tokens, now: datetime) -> str:
    """What was seen, in sentences; raises SendError."""
    deadline, speaker = settings.SEND_TIMEOUT_SECONDS, asked.channel.speaker
    await tokens.ready(asked.channel)
    said = [await verify(transport, speaker, deadline)]
    if asked.send_to:
        message = test_message(asked.channel, asked.send_to, now)
        taken = await send(transport, speaker, message, deadline)
        said.append(_("The test message was taken. %(id)s") % {"id": taken.message_id})
    elif not said[0]:
        said = [_("Nothing but a message can prove this provider's credentials: send one.")]
    return " ".join(filter(None, said)).strip()


def sentence_of(error: SendError) -> str:
    """What went wrong, and what follows from it."""
    what = f"{error.code} {error.detail}".strip()
    return f"{what} {CONSEQUENCES[error.kind].sentence}".strip()
