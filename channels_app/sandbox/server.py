"""The stand-in server: every provider's fake end under one address.

Mounts each `sandbox.py` at `/<slug>/`, records what it takes, gets into
trouble on demand, and calls us back, signed, as the provider would. What to
say is the fake end's part; this module only speaks HTTP.
"""

import asyncio
import importlib
import importlib.util
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import ModuleType
from typing import Any

import aiohttp
from aiohttp import web

from channels_app import registry
from channels_app.contract import CallbackRequest
from channels_app.sandbox.book import Book, Record
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.sandbox.faults import Fault, Faults, fault_from

logger = logging.getLogger(__name__)

# Seconds to wait before each further try of a callback: the product may be starting.
CALLBACK_PAUSES = (0.5, 1.0, 2.0, 4.0)
CALLBACKS_AT_ONCE = 16
HANG_SECONDS = 3600.0
GARBAGE = b"<html>It works!</html>"


def _module(slug: str) -> ModuleType | None:
    if slug not in registry.slugs():
        return None
    name = f"channels_app.providers.{slug}.sandbox"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def ends() -> dict[str, SandboxEnd]:
    """A fresh fake end of every provider that has one."""
    modules = {slug: _module(slug) for slug in registry.slugs()}
    return {slug: type(module.SANDBOX)() for slug, module in modules.items() if module}


def demo_credentials(slug: str) -> dict[str, str]:
    """Credentials for a sandbox channel of `slug`, with what its fake end needs to sign."""
    module = _module(slug)
    if module is None:
        raise LookupError(f"{slug!r} has no sandbox.py, so there is nothing to try it on.")
    made: dict[str, str] = module.demo_credentials()
    return made


# The stand-in of something that is no provider: method, path with query, headers, body -> answer.
Foreign = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str], bytes]]


class SandboxServer:
    """The stand-in server, in the foreground or in a thread of its own.

    `foreign` stands in for APIs that are no providers', each under its own first path segment.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        accounts: Mapping[str, Sequence[Account]] | None = None,
        foreign: Mapping[str, Foreign] | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.base_url = ""
        self.faults = Faults()
        self._book = Book(accounts or {})
        self._ends = ends()
        self._foreign = dict(foreign or {})
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._trouble: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- running ---

    def start_in_thread(self) -> str:
        """Serve from a thread that ends with the process; returns the base URL."""
        self._thread = threading.Thread(target=self._run_thread, name="sandbox", daemon=True)
        self._thread.start()
        self._ready.wait(10)
        if self._trouble is not None:
            raise self._trouble
        return self.base_url

    def run_forever(self) -> None:
        """Serve until interrupted."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """End the thread and everything that is under way."""
        if self._loop is not None and self._done is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._done.set)
        if self._thread is not None:
            self._thread.join(10)

    def _run_thread(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # handed to the thread that waits
            self._trouble = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self._slots = asyncio.Semaphore(CALLBACKS_AT_ONCE)
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port, backlog=1024)
        async with aiohttp.ClientSession(trust_env=False) as self._client:
            try:
                await site.start()
                self.port = runner.addresses[0][1]
                self.base_url = f"http://{self.host}:{self.port}"
                self._ready.set()
                await self._done.wait()
            finally:
                for task in tuple(self._tasks):
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await runner.cleanup()

    # --- for tests and the demo, from any thread ---

    def messages(self, provider: str = "", to: str = "") -> list[dict[str, Any]]:
        """What was taken, oldest first."""
        return [record.as_json() for record in self._book.records(provider, to)]

    def clear(self) -> None:
        """Forget messages, numbers and faults."""
        self._book.clear()
        self.faults.clear()

    def set_fault(self, provider: str, mode: str, **rest: Any) -> None:
        """Get into trouble; see `channels_app.sandbox.faults.Fault`."""
        self.faults.set(fault_from({"provider": provider, "mode": mode, **rest}))

    def add_account(self, provider: str, callback_url: str, credentials: Mapping[str, str]) -> None:
        """Know a channel: where to call back, and with what to sign."""
        self._book.add_account(provider, Account(callback_url, credentials))

    def stats(self) -> dict[str, dict[str, Any]]:
        """How busy each provider's end was."""
        return self._book.stats()

    # --- providers ---

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Everything arrives here: `/_control/...` or `/<slug>/...`."""
        slug, _slash, rest = request.path.lstrip("/").partition("/")
        if slug == "_control":
            return await self._control(request, rest)
        if slug in self._foreign:
            return await self._stranger(request, slug)
        end = self._ends.get(slug)
        if end is None:
            return _json({"error": f"No provider is mounted at /{slug}/.", "see": "/_control"}, 404)
        stats = self._book.stats_of(slug)
        stats.begin()
        try:
            return await self._provider(request, end, f"/{rest}")
        finally:
            stats.in_flight -= 1

    async def _stranger(self, request: web.BaseRequest, slug: str) -> web.StreamResponse:
        names = {name.lower(): value for name, value in request.headers.items()}
        body = await request.content.read()
        path = request.path_qs.removeprefix(f"/{slug}")
        status, headers, answer = self._foreign[slug](request.method, path, names, body)
        return web.Response(status=status, headers=dict(headers), body=answer)

    async def _provider(
        self, request: web.BaseRequest, end: SandboxEnd, path: str
    ) -> web.StreamResponse:
        call = Call(
            request.method,
            path,
            {name.lower(): value for name, value in request.headers.items()},
            await request.content.read(),
            dict(request.query),
        )
        fault = self.faults.strike(end.slug)
        if fault is not None:
            early = await self._before(fault, end)
            if early is not None:
                return early
        reply, taken = end.handle(call, self._book.accounts(end.slug))
        if taken is not None:
            self._book.add(end.slug, taken, call)
            self._follow(end, taken)
        if fault is not None and fault.mode == "garbage":
            return web.Response(body=GARBAGE, content_type="text/html")
        if fault is not None and fault.mode == "drop_after_accept" and request.transport:
            request.transport.abort()
        return _response(reply)

    async def _before(self, fault: Fault, end: SandboxEnd) -> web.StreamResponse | None:
        """The part of `fault` that comes before the message is taken."""
        if fault.mode in ("delay", "hang"):
            wait = fault.seconds or (HANG_SECONDS if fault.mode == "hang" else 0)
            await asyncio.sleep(wait)
            return None
        if fault.mode == "redirect":
            return web.Response(status=302, headers={"Location": f"{self.base_url}/elsewhere"})
        if fault.mode != "status":
            return None
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        body = end.fault_body(fault.status)
        kind = "application/json" if body[:1] in (b"{", b"[") else "text/plain"
        return web.Response(
            status=fault.status, body=body, headers={"Content-Type": kind, **headers}
        )

    # --- calling back ---

    def _follow(self, end: SandboxEnd, taken: Taken) -> None:
        """Let a message take its course, if anyone wants to hear of it."""
        account = self._book.account(end.slug, taken.callback_url)
        if account is not None and end.progress:
            self._spawn(self._run_progress(end, taken, account))

    async def _run_progress(self, end: SandboxEnd, taken: Taken, account: Account) -> None:
        passed = 0.0
        for after, word in end.progress:
            await asyncio.sleep(max(0.0, after - passed))
            passed = after
            await self._call_back(end.receipt(taken, word, account))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call_back(self, call: CallbackRequest | None) -> None:
        """Deliver `call`; tried again for a while when the product is away."""
        if call is None:
            return
        for pause in (*CALLBACK_PAUSES, None):
            status = await self._post(call)
            if status is not None and status < 500:
                return
            if pause is None:
                logger.warning("A callback was given up (%s).", status or "no connection")
                return
            await asyncio.sleep(pause)

    async def _post(self, call: CallbackRequest) -> int | None:
        try:
            async with (
                self._slots,
                self._client.request(
                    call.method,
                    call.url,
                    data=call.body or None,
                    headers=call.headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=15),
                ) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    # --- the control API ---

    async def _control(self, request: web.BaseRequest, what: str) -> web.StreamResponse:
        handler = {
            ("GET", "messages"): self._get_messages,
            ("DELETE", "messages"): self._delete_messages,
            ("GET", "stats"): self._get_stats,
            ("POST", "faults"): self._post_fault,
            ("DELETE", "faults"): self._delete_faults,
            ("POST", "accounts"): self._post_account,
            ("POST", "receipt"): self._post_receipt,
            ("POST", "inbound"): self._post_inbound,
        }.get((request.method, what.strip("/")))
        if handler is None:
            return _json({"error": "No such control."}, 404)
        try:
            value = json.loads(await request.read() or b"{}")
            if not isinstance(value, dict):
                raise ValueError("Send a JSON object.")
            return handler(request, value)
        except KeyError as error:
            return _json({"error": f"{error} is missing."}, 400)
        except (ValueError, LookupError) as error:
            return _json({"error": str(error)}, 400)

    def _get_messages(self, request: web.BaseRequest, value: Any) -> web.Response:
        to = request.query.get("to", "")
        if to.startswith(" "):  # a phone number whose plus sign was not encoded
            to = f"+{to[1:]}"
        return _json(self.messages(request.query.get("provider", ""), to))

    def _delete_messages(self, request: web.BaseRequest, value: Any) -> web.Response:
        self._book.clear()
        return _json({})

    def _get_stats(self, request: web.BaseRequest, value: Any) -> web.Response:
        return _json(self.stats())

    def _post_fault(self, request: web.BaseRequest, value: Any) -> web.Response:
        self.faults.set(fault_from(value))
        return _json({})

    def _delete_faults(self, request: web.BaseRequest, value: Any) -> web.Response:
        self.faults.clear(request.query.get("provider", ""))
        return _json({})

    def _post_account(self, request: web.BaseRequest, value: Any) -> web.Response:
        self._end(value["provider"])
        self.add_account(value["provider"], value["callback_url"], value["credentials"])
        return _json({})

    def _post_receipt(self, request: web.BaseRequest, value: Any) -> web.Response:
        record = self._book.record(str(value["message_id"]), value.get("provider", ""))
        if record is None:
            return _json({"error": "No message with this id was taken."}, 404)
        call = self._receipt(record, str(value["status"]))
        if call is None:
            return _json({"error": f"{record.provider} has no such receipt."}, 400)
        self._spawn(self._call_back(call))
        return _json({})

    def _receipt(self, record: Record, status: str) -> CallbackRequest | None:
        account = self._book.account(record.provider, record.taken.callback_url)
        if account is None:
            raise LookupError("No account of this provider is known: POST /_control/accounts.")
        return self._ends[record.provider].receipt(record.taken, status, account)

    def _post_inbound(self, request: web.BaseRequest, value: Any) -> web.Response:
        slug = value["provider"]
        end, account = self._end(slug), self._book.account(slug, value.get("callback_url", ""))
        if account is None:
            raise LookupError("No account of this provider is known: POST /_control/accounts.")
        call = end.inbound(str(value["from"]), str(value["text"]), account)
        if call is None:
            return _json({"error": f"Nobody can write to us through {slug}."}, 400)
        self._spawn(self._call_back(call))
        return _json({})

    def _end(self, slug: str) -> SandboxEnd:
        if slug not in self._ends:
            raise LookupError(f"No provider is called {slug!r}. Known: {', '.join(self._ends)}.")
        return self._ends[slug]


def _json(value: Any, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body or None, headers=dict(reply.headers))
