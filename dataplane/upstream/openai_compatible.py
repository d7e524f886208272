"""A provider that speaks OpenAI's API: its credential, its headers, its errors.

Source of the header names: OpenAI's API reference, "Debugging requests" and "Rate limits"; Azure adds
`retry-after-ms`, which the SDKs read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import aiohttp
from multidict import CIMultiDict

from dataplane import __version__
from dataplane.domain import Forward, UpstreamReply
from dataplane.errors import Refused, RegoGateError
from dataplane.ports import UpstreamFailed
from dataplane.upstream.body import Body, WholeBody
from dataplane.upstream.mask import KeyMask
from dataplane.upstream.transport import Transport, UpstreamSpec, failed

MAX_ERROR_BYTES: Final = 1_048_576
"""An error body is an object of a few hundred bytes; a larger one is not passed on."""

ERROR_TIMEOUT_S: Final = 30.0
"""How long an error body may take after its head."""

MAX_UNARY_BYTES: Final = 64 * 1_048_576
"""The largest whole answer; 128 choices of 128k tokens stay below it."""

_EVENT_STREAM: Final = "text/event-stream"

_NOT_FORWARDED: Final = frozenset(
    {
        *("accept-encoding", "api-key", "authorization", "connection", "content-encoding", "content-length"),
        *("cookie", "expect", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "x-api-key"),
    }
)
"""Ours, the connection's or the caller's secret: never taken from a caller, whoever asks."""

_UNDONE: Final = frozenset({"identity", "gzip", "deflate", "chunked"})
"""Codings that are undone on reading; in any other nobody could judge what passes."""


class _Kind(Enum):
    """What a header of an answer is to us."""

    IGNORED = auto()
    PASSED = auto()
    REQUEST_ID = auto()
    CODING = auto()


_KNOWN: Final = {
    "content-type": _Kind.PASSED,
    "retry-after": _Kind.PASSED,
    "retry-after-ms": _Kind.PASSED,
    "openai-processing-ms": _Kind.PASSED,
    "openai-version": _Kind.PASSED,
    "x-request-id": _Kind.REQUEST_ID,
    "content-encoding": _Kind.CODING,
    "transfer-encoding": _Kind.CODING,
}
_PASSED_PREFIX: Final = "x-ratelimit-"

_MAX_KINDS: Final = 512
_KINDS: Final[dict[str, _Kind]] = {}
"""Header names as providers spell them: a few dozen, so each is judged once."""


def _kind(name: str) -> _Kind:
    lower = name.lower()
    kind = _KNOWN.get(lower) or (_Kind.PASSED if lower.startswith(_PASSED_PREFIX) else _Kind.IGNORED)
    if len(_KINDS) < _MAX_KINDS:
        _KINDS[str(name)] = kind
    return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What follows from one value of the key."""

    key: str | None = field(repr=False)
    headers: CIMultiDict[str] = field(repr=False)
    mask: KeyMask | None


class OpenAICompatible:
    """One provider as a `ports.Upstream`, with `name`, `models` and the life `Router` needs."""

    def __init__(self, spec: UpstreamSpec) -> None:
        self.name = spec.name
        self.models = spec.models
        self._key = spec.key
        self._transport = Transport(spec)
        self._prepared: _Prepared | None = None

    async def start(self) -> None:
        """Make ready inside the running loop; connects to nobody."""
        await self._transport.start()

    async def close(self) -> None:
        """Drop every connection; calls still under way fail."""
        await self._transport.close()

    def problems(self) -> list[str]:
        """Always empty: a provider's failures are per call."""
        return []

    async def send(self, forward: Forward) -> UpstreamReply:
        """As the port promises. A caller's header that cannot be sent on is `gateway.bad_header`."""
        prepared = self._current()
        headers = _outgoing(prepared.headers, forward)
        try:
            response = await self._transport.send(forward.method, forward.path, headers, forward.body)
        except (aiohttp.ClientError, OSError) as error:
            failure = failed(error, self.name)
            assert failure is not None
        else:
            return await self._reply(response, prepared.mask, forward.stream)
        raise failure

    async def _reply(
        self, response: aiohttp.ClientResponse, mask: KeyMask | None, stream: bool
    ) -> UpstreamReply:
        status = response.status
        if status in (401, 403):
            raise self._refuse(response, "gateway.upstream_auth_failed")
        if not 200 <= status < 600 or 300 <= status < 400:
            raise self._refuse(response, "gateway.upstream_invalid")
        passed: list[tuple[str, str]] = []
        request_id: str | None = None
        for name, value in response.headers.items():
            kind = _KINDS.get(name) or _kind(name)
            if kind is _Kind.IGNORED:
                continue
            if kind is _Kind.CODING:
                if value.strip().lower() not in _UNDONE:
                    raise self._refuse(response, "gateway.upstream_invalid")
                continue
            if not (value.isascii() and value.isprintable()):
                continue
            if mask is not None:
                value = mask.strike_text(value)
            if kind is _Kind.PASSED:
                passed.append((name.lower(), value))
            else:
                request_id = request_id or value
        body: Body | WholeBody
        if status >= 400:
            error = await self._whole_error(response)
            body = WholeBody(error if mask is None else mask.strike(error))
        else:
            # Only what is relayed piece by piece may be endless; the rest is held in memory.
            endless = stream and response.headers.get("Content-Type", "").startswith(_EVENT_STREAM)
            body = Body(response, self.name, None if endless else MAX_UNARY_BYTES)
        return UpstreamReply(
            provider=self.name,
            status=status,
            headers=tuple(passed),
            body=body,
            request_id=request_id,
            strike=None if mask is None else mask.strike,
        )

    async def _whole_error(self, response: aiohttp.ClientResponse) -> bytes:
        body = Body(response, self.name, MAX_ERROR_BYTES)
        try:
            async with asyncio.timeout(ERROR_TIMEOUT_S):
                return b"".join([piece async for piece in body])
        except TimeoutError as error:
            failure = failed(error, self.name, response.status)
            assert failure is not None
        raise failure

    def _refuse(self, response: aiohttp.ClientResponse, reason: str) -> UpstreamFailed:
        response.close()
        return UpstreamFailed(Refused(reason), provider=self.name, status=response.status)

    def _current(self) -> _Prepared:
        """The headers and mask for the key as it is now, made anew only when it changes."""
        try:
            key = None if self._key is None else self._key.reveal()
        except RegoGateError:
            key = ""
        prepared = self._prepared
        if prepared is None or prepared.key != key:
            prepared = self._prepared = self._prepare(key)
        return prepared

    def _prepare(self, key: str | None) -> _Prepared:
        headers = CIMultiDict(
            {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"regogate/{__version__}"}
        )
        if key is None:
            return _Prepared(key=None, headers=headers, mask=None)
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            # A key that is no header value cannot be one the provider gave us.
            raise UpstreamFailed(Refused("gateway.upstream_auth_failed"), provider=self.name)
        headers["Authorization"] = f"Bearer {key}"
        return _Prepared(key=key, headers=headers, mask=KeyMask(key))


def _outgoing(base: CIMultiDict[str], forward: Forward) -> CIMultiDict[str]:
    headers = base.copy()
    for name, value in forward.headers:
        if name.lower() in _NOT_FORWARDED:
            continue
        if not (value.isascii() and value.isprintable()):
            raise Refused("gateway.bad_header")
        headers[name] = value
    if forward.body and "Content-Type" not in headers:
        headers["Content-Type"] = "application/json"
    return headers
