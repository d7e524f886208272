"""One provider's address, and the pooled connections to it."""

from __future__ import annotations

import asyncio
import io
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakSet

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from dataplane.config import is_loopback_url
from dataplane.errors import ConfigError, Refused
from dataplane.ports import UpstreamFailed
from dataplane.upstream.secret import Secret

_BASE_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")
"""RFC 3986 segments, none empty and none a dot segment: what is appended cannot leave the base."""

_MAX_URLS: Final = 256
"""Paths whose URL is kept ready; there are a few dozen unless they hold ids."""

_MAX_LINE_BYTES: Final = 16_384
_MAX_HEADERS: Final = 128
"""Of an answer's head: twice aiohttp's line (CDNs send long policies), its count of fields."""

_READ_BUFFER_BYTES: Final = 65_536
"""A connection whose reader is slow is paused at twice this."""

_WRITTEN_AT_ONCE_BYTES: Final = 1_048_576
"""Larger bodies are written in pieces, others' calls in between (aiohttp's own bound, and it warns)."""

_IDLE_CONNECTION_S: Final = 15.0
"""How long an unused connection is kept; below the idle limit of common servers and balancers (60 s),
so that a call seldom meets a connection that its provider is just closing."""

_CLOSE_S: Final = 2.0
"""What closing may take before the rest is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSpec:
    """One provider as configured. Times are seconds.

    `base_url` is with or without a path (`/v1`), which a call's path is appended to. `models` are
    patterns, exact or with one trailing `*`. `connect_timeout_s` bounds getting a connection (a free
    place in the pool too), `head_timeout_s` all until the answer's head is read, `idle_timeout_s` the
    silence between two pieces of its body. TLS is verified against `ca_file` alone where it is given,
    else against the system's authorities. Raises `ConfigError` with every problem.
    """

    name: str
    base_url: str
    key: Secret | None = None
    models: tuple[str, ...] = ("*",)
    connect_timeout_s: float = 5.0
    head_timeout_s: float = 600.0
    idle_timeout_s: float = 300.0
    ca_file: Path | None = None
    allow_plaintext: bool = False
    connections: int = 1000

    def __post_init__(self) -> None:
        problems = []
        if not _BASE_URL.fullmatch(self.base_url):
            problems.append("base_url: must be an http:// or https:// URL without user, query or fragment")
        elif self.base_url.startswith("http://") and not (
            self.allow_plaintext or is_loopback_url(self.base_url)
        ):
            problems.append("base_url: plain http only to loopback, or with allow_plaintext: true")
        if any("*" in pattern[:-1] or not pattern for pattern in self.models):
            problems.append("models: patterns are exact or end in one *")
        if problems:
            raise ConfigError([f"upstreams.{self.name}.{problem}" for problem in problems])


class _Response(aiohttp.ClientResponse):
    """A response whose closing drops the connection at once.

    The stock `close` first flushes what is still to be sent, for ever if the provider does not read.
    """

    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()


class Transport:
    """Connections to one provider: no cookies, redirects, proxies from the environment or retries."""

    def __init__(self, spec: UpstreamSpec) -> None:
        self.spec = spec
        self._base = spec.base_url.rstrip("/")
        self._urls: dict[str, URL] = {}
        self._session: aiohttp.ClientSession | None = None
        self._live: WeakSet[aiohttp.ClientResponse] = WeakSet()

    async def start(self) -> None:
        """Make ready inside the running loop; connects to nobody. Raises `ConfigError` for `ca_file`."""
        try:
            tls = ssl.create_default_context(cafile=self.spec.ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError(f"upstreams.{self.spec.name}.ca_file: is not a readable PEM file") from None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls, limit=self.spec.connections, keepalive_timeout=_IDLE_CONNECTION_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Response,
            timeout=aiohttp.ClientTimeout(total=None, connect=self.spec.connect_timeout_s),
            trust_env=False,
            read_bufsize=_READ_BUFFER_BYTES,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
        )

    async def close(self) -> None:
        """Drop every connection; calls still under way fail."""
        session, self._session = self._session, None
        if session is None:
            return
        for response in list(self._live):
            response.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await session.close()
        except TimeoutError:
            pass  # a provider that does not read holds no one up

    async def send(
        self, method: str, path: str, headers: CIMultiDict[str], body: bytes
    ) -> aiohttp.ClientResponse:
        """Send once; the response with its head read, its body still on the wire.

        Raises what `failed` understands, and `Refused` for a path that is none or after `close`.
        """
        session = self._session
        if session is None:
            raise Refused("gateway.shutting_down")
        url = self._urls.get(path) or self._url(path)
        data = body if len(body) <= _WRITTEN_AT_ONCE_BYTES else io.BytesIO(body)
        async with asyncio.timeout(self.spec.head_timeout_s):
            response = await session.request(
                method, url, data=data or None, headers=headers, allow_redirects=False
            )
        connection = response.connection
        if connection is not None and connection.protocol is not None and not response.content.is_eof():
            # The head has its own deadline above; only from here on does silence count.
            connection.protocol.read_timeout = self.spec.idle_timeout_s
            connection.protocol.start_timeout()
            self._live.add(response)
        return response

    def _url(self, path: str) -> URL:
        if not _PATH.fullmatch(path):
            raise Refused("gateway.bad_path")
        if len(self._urls) >= _MAX_URLS:
            self._urls.clear()
        url = self._urls[path] = URL(self._base + path, encoded=True)
        return url


def failed(error: BaseException, provider: str, status: int | None = None) -> UpstreamFailed | None:
    """What an error of `Transport.send` or of a body is to the caller; None where it is no failure of
    the provider's (a cancellation, a bug).

    Raise the result outside the `except` block: aiohttp's errors carry the request's headers, our
    credential among them, so they must not travel along as `__context__`.
    """
    match error:
        case TimeoutError():
            reason = "gateway.upstream_timeout"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            reason = "gateway.upstream_invalid"
        case aiohttp.ClientError() | OSError():
            # After the head there was an answer; before it there was nobody who gave one.
            reason = "gateway.upstream_unreachable" if status is None else "gateway.upstream_invalid"
        case _:
            return None
    result = UpstreamFailed(Refused(reason), provider=provider, status=status)
    result.add_note(type(error).__name__)
    return result
