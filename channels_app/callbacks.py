"""A provider's call to us: proven to be its own, then read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from channels_app import registry
from channels_app.contract import Answer, CallbackRefused, CallbackRequest, Told
from channels_app.models import Channel

# What a reader meets when a proven body has another shape than promised.
_BROKEN = (KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


def read(
    channel: Channel, request: CallbackRequest, now: datetime
) -> tuple[Sequence[Told], Answer]:
    """What `request` tells about `channel`, and what to answer.

    Raises CallbackRefused unless the provider signed it, ValueError for a broken body.
    """
    reader = registry.callbacks(channel.provider)
    if reader is None:
        raise CallbackRefused("This provider sends no callbacks.")
    credentials: Mapping[str, str] = cast(Any, channel.credentials)
    reader.verify(request, credentials, now)
    answer = reader.handshake(request, credentials)
    if answer is not None:
        return (), answer
    try:
        found = reader.read(request)
    except _BROKEN as error:
        raise ValueError(f"The callback cannot be read ({type(error).__name__}).") from None
    return found, reader.answer(request)
