"""The only code that opens a socket to a provider.

One `Transport` per process and loop keeps the connections. It tells apart what
certainly did not reach the provider (TRANSIENT: try again) from what may have
(UNKNOWN: find out first), never follows a redirect, reads at most 64 KiB and
never waits beyond the deadline.

Nothing that Django loads at its start imports this module: a web process that
sends nothing does not pay for an HTTP client.
"""

import logging
import re
import socket
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from channels_app import safe_urls
from channels_app.contract import Accepted, Access, Message, Provider, Request, Response
from channels_app.failures import FailureKind, SendError, kind_of_status

logger = logging.getLogger(__name__)

Read = TypeVar("Read")

BODY_CAP = 64 * 1024
# Answers are small: unpacking them would cost more than it saves on the wire.
HEADERS = {"User-Agent": "Orderbell", "Accept-Encoding": "identity"}
CONNECT_CAP_SECONDS = 4.5
_NOT_IN_URL = re.compile(r"[^\x21-\x7e]")


class AddressRefused(OSError):
    """A name that stands for an address inside a private network."""


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead into a private network.

    The connector connects to exactly the addresses returned here, so a name
    that changes its mind between the check and the call gains nothing.
    """

    def __init__(self, private_ok: frozenset[str]) -> None:
        self._inner = aiohttp.ThreadedResolver()
        self._private_ok = private_ok

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`; raises AddressRefused if any of them is not public."""
        found = await self._inner.resolve(host, port, family)
        if host not in self._private_ok and not all(safe_urls.is_public(a["host"]) for a in found):
            raise AddressRefused("not a public address")
        return found

    async def close(self) -> None:
        """Nothing is kept open."""


class Transport:
    """Persistent connections to providers, for one event loop.

    `private_ok` are hosts that user-supplied URLs may name although they are private.
    """

    def __init__(self, private_ok: frozenset[str] = frozenset()) -> None:
        self._private_ok = frozenset(host.lower() for host in private_ok)
        self._session: aiohttp.ClientSession | None = None
        self._guarded: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the sessions; to be called on the loop that will send."""
        self._session = _session(None)
        self._guarded = _session(GuardedResolver(self._private_ok))

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._session, self._guarded):
            if session is not None:
                await session.close()
        self._session = self._guarded = None

    async def exchange(
        self,
        request: Request,
        deadline_seconds: float,
        guard: bool = False,
        cap: int = BODY_CAP,
    ) -> Response:
        """Send `request` and read the answer (at most `cap` bytes), all within the deadline.

        With `guard` the URL came from outside: https only, and public addresses only.
        """
        session = self._guarded if guard else self._session
        if session is None:
            raise RuntimeError("The transport is not open: await transport.open() first.")
        if guard:
            self._check(request.url)
        try:
            async with session.request(
                request.method,
                _url(request.url),
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
                timeout=_timeout(deadline_seconds),
            ) as answer:
                body = await _read(answer, cap)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, headers, body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError) as error:
            failure = _failure(error)
            logger.info("%s %s: %s", request.method, redacted(request.url), failure.code)
            raise failure from None

    def _check(self, url: str) -> None:
        """Refuse what the resolver never sees: other schemes and ports, and addresses as hosts."""
        try:
            host = URL(url).raw_host or ""
            if host in self._private_ok:
                return
            safe_urls.host_of(url)
        except ValueError as error:
            raise SendError(FailureKind.RECIPIENT_INVALID, "url", str(error)) from None
        if safe_urls.is_address(host) and not safe_urls.is_public(host):
            raise _refused()


def _session(resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Limits are the pump's business; cookies and the environment's proxies are nobody's."""
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, resolver=resolver)
    return aiohttp.ClientSession(
        connector=connector,
        headers=HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


@lru_cache(maxsize=64)
def _timeout(deadline: float) -> aiohttp.ClientTimeout:
    """Connecting gets the smaller part, so that running out of it is told apart."""
    return aiohttp.ClientTimeout(total=deadline, connect=min(deadline * 0.9, CONNECT_CAP_SECONDS))


def _url(url: str) -> URL:
    """`url` untouched: a provider's encoding is part of what it signs."""
    if _NOT_IN_URL.search(url):
        raise aiohttp.InvalidURL(redacted(url), "not encoded")
    return URL(url, encoded=True)


async def _read(answer: aiohttp.ClientResponse, cap: int = BODY_CAP) -> bytes:
    """The body, cut at the cap; a longer one costs its connection."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > cap:
            answer.close()
            break
    return b"".join(chunks)[:cap]


def _failure(error: Exception) -> SendError:
    """What `error` means for the message: certainly not sent, or nobody knows."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        if isinstance(error.os_error, AddressRefused):
            return _refused()
        return SendError(FailureKind.TRANSIENT, "connect", "The host name could not be found.")
    if isinstance(error, aiohttp.ClientSSLError):
        return SendError(FailureKind.TRANSIENT, "tls", "No secure connection could be made.")
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return SendError(FailureKind.TRANSIENT, "connect", "No connection could be made.")
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return SendError(FailureKind.CONTENT_REJECTED, "url", "The URL cannot be called.")
    if isinstance(error, TimeoutError):
        return SendError(FailureKind.UNKNOWN, "timeout", "No answer came in time.")
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return SendError(FailureKind.UNKNOWN, "disconnected", "The connection broke.")
    return SendError(FailureKind.CONTENT_REJECTED, "request", "The request cannot be written.")


def _refused() -> SendError:
    return SendError(
        FailureKind.RECIPIENT_INVALID,
        "private_address",
        "The URL leads into a private network. If it is yours, add its host to "
        "PRIVATE_HOSTS_ALLOWED.",
    )


def guarded(provider: Provider, request: Request) -> bool:
    """Whether the URL came from outside: it is not below the provider's own base URL."""
    return not provider.base or not request.url.startswith(f"{provider.base}/")


STEPS = 4  # requests that one message may take


async def send(
    transport: Transport, provider: Provider, message: Message, deadline: float
) -> Accepted:
    """Send `message` and say how it was taken; raises SendError."""
    fitted, request = _composed(provider, message)
    response = await _exchange(transport, provider, request, deadline)
    for _step in range(STEPS - 1):
        following = _read_by(provider, response, provider.following, fitted, response)
        if following is None:
            break
        response = await _exchange(transport, provider, following, deadline)
    return _read_by(provider, response, provider.accepted, response)


async def verify(transport: Transport, provider: Provider, deadline: float) -> str:
    """Prove the credentials; a sentence about the account. Raises SendError."""
    request = _question(provider, provider.verification)
    if request is None:
        return ""
    response = await _exchange(transport, provider, request, deadline)
    return _read_by(provider, response, provider.verified, response)


async def fetch_token(
    transport: Transport, provider: Provider, now: datetime, deadline: float
) -> Access | None:
    """The token that `provider` needs, from where it is issued; None when it needs none."""
    request = token_request(provider, now)
    if request is None:
        return None
    response = await _exchange(transport, provider, request, deadline)
    return _read_by(provider, response, provider.token, response, now)


def token_request(provider: Provider, now: datetime) -> Request | None:
    """The request for a token, or None where the credentials need none; raises SendError."""
    return _question(provider, provider.token_request, now)


def _question(
    provider: Provider, compose: Callable[..., Request | None], *args: Any
) -> Request | None:
    """A request about the account itself: only its credentials can keep it from being written."""
    try:
        return compose(*args)
    except SendError:
        raise
    except Exception as error:
        logger.warning("%s could not ask: %s", provider.slug, type(error).__name__)
        raise SendError(
            FailureKind.MISCONFIGURED,
            "credentials",
            "The request cannot be composed with these credentials. Check that none is missing.",
        ) from None


def _composed(provider: Provider, message: Message) -> tuple[Message, Request]:
    try:
        fitted = provider.fit(message)
        return fitted, provider.request(fitted)
    except SendError:
        raise
    except Exception:
        logger.exception("%s could not compose a message", provider.slug)
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "request",
            "The message cannot be composed for this provider. The log has the reason.",
        ) from None


async def _exchange(
    transport: Transport, provider: Provider, request: Request, deadline: float
) -> Response:
    """The answer. A question that was lost changed nothing: it may simply be asked again."""
    try:
        return await transport.exchange(request, deadline, guarded(provider, request))
    except SendError as error:
        if error.kind is FailureKind.UNKNOWN and request.method == "GET":
            raise SendError(FailureKind.TRANSIENT, error.code, error.detail) from None
        raise


def _read_by(provider: Provider, response: Response, read: Callable[..., Read], *args: Any) -> Read:
    """What `read` makes of `response`; an answer in an unknown shape is no crash."""
    try:
        return read(*args)
    except SendError:
        raise
    except Exception as error:
        raise _unreadable(provider, response, error) from None


async def look_up(
    transport: Transport, provider: Provider, message: Message, since: datetime, deadline: float
) -> Accepted | None:
    """Ask the provider whether it has `message`; raises SendError when it cannot say."""
    try:
        fitted = provider.fit(message)
        request = provider.lookup(fitted, since)
    except SendError:
        raise
    except Exception:
        logger.exception("%s could not compose a lookup", provider.slug)
        raise SendError(FailureKind.UNKNOWN, "request", "The lookup cannot be composed.") from None
    response = await _exchange(transport, provider, request, deadline)
    return _read_by(provider, response, provider.found, response, fitted, since)


def _unreadable(provider: Provider, response: Response, error: Exception) -> SendError:
    """An answer in a shape that its provider does not promise."""
    logger.warning("%s answered in an unknown shape: %s", provider.slug, type(error).__name__)
    kind = FailureKind.UNKNOWN if response.ok else kind_of_status(response.status)
    return SendError(kind, str(response.status), "The answer is not what the provider promises.")


def redacted(url: str) -> str:
    """`url` for a log: no user name, no long or token-like path segments, no query values."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "an unreadable URL"
    path = "/".join("•••" if len(s) > 20 or ":" in s else s for s in parts.path.split("/"))
    names = [pair.partition("=")[0] for pair in parts.query.split("&") if pair]
    query = "&".join(f"{name}=•••" for name in names)
    return f"{parts.scheme}://{host}{path}" + (f"?{query}" if query else "")
