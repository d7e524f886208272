"""What an issuer's endpoints answer, in bounded time and bytes, from where it was asked and nowhere else."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus, urlsplit

import httpx2

from dataplane.config import is_loopback_url
from dataplane.errors import ConfigError, RegoGateError

_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity"}

FETCH_S: Final = 5.0
"""One question to an issuer, connecting included. Published endpoints answer in well under one second."""


class FetchFailed(RegoGateError):
    """An endpoint gave no answer that can be used. The text names what happened, never a token or body."""


class _Gone(FetchFailed):
    """The connection ended before there was an answer."""


class Fetcher:
    """HTTP to one issuer: no redirects, no proxies or credentials from the environment, no cookies kept.

    Trusts the system's authorities, or those in `ca_file` alone. Raises `ConfigError` for a `ca_file` that is
    not PEM.
    """

    def __init__(self, *, ca_file: Path | None, allow_plaintext: bool, timeout_s: float = FETCH_S) -> None:
        try:
            self._tls = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError("ca_file: is not a readable PEM file") from None
        self._allow_plaintext = allow_plaintext
        self._timeout_s = timeout_s
        self._kept: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections that were kept for forms."""
        if self._kept is not None:
            await self._kept.aclose()
            self._kept = None

    async def get(self, url: str, *, max_bytes: int) -> bytes:
        """The body of a 200. Raises `FetchFailed` for anything else.

        Asked seldom: a connection of its own for each question leaves nothing to keep or to leak.
        """
        async with self._client() as client:
            return await self._answer(client, self._request(client, "GET", url), max_bytes)

    async def post(
        self, url: str, form: Mapping[str, str], *, login: tuple[str, str], max_bytes: int
    ) -> bytes:
        """The body of a 200 to a form, sent with a client's id and secret (RFC 6749, 2.3.1), over connections
        that are kept. One that the other side closed meanwhile is no failure: the form is sent once more."""
        if self._kept is None:
            self._kept = self._client()
        name, secret = (quote_plus(text) for text in login)
        basic = b64encode(f"{name}:{secret}".encode()).decode()
        request = self._request(self._kept, "POST", url, form, authorization=f"Basic {basic}")
        try:
            return await self._answer(self._kept, request, max_bytes)
        except _Gone:
            return await self._answer(self._kept, request, max_bytes)

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._timeout_s
        )

    def _request(
        self,
        client: httpx2.AsyncClient,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        **headers: str,
    ) -> httpx2.Request:
        self._check(url)
        try:
            request = client.build_request(method, url, data=form, headers=_HEADERS | headers)
        except httpx2.InvalidURL:
            raise FetchFailed("its URL cannot be used") from None
        # Two readers of one URL may differ: what the client made of it must pass as well.
        self._check(str(request.url))
        return request

    async def _answer(self, client: httpx2.AsyncClient, request: httpx2.Request, max_bytes: int) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await client.send(request, stream=True)
                try:
                    return await _body(response, max_bytes)
                finally:
                    await response.aclose()
                    client.cookies.clear()
        except TimeoutError:
            raise FetchFailed(f"it did not answer within {self._timeout_s:g} s") from None
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as error:
            raise _Gone(f"it cannot be reached ({type(error).__name__})") from None
        except (httpx2.HTTPError, OSError) as error:
            raise FetchFailed(f"it cannot be reached ({type(error).__name__})") from None

    def _check(self, url: str) -> None:
        """A URL that an issuer's own document named is held to the same rules as one in the settings."""
        try:
            parts = urlsplit(url)
            plain = (
                parts.username is None and parts.password is None and not parts.fragment and parts.hostname
            )
        except ValueError:
            plain = None
        if not plain or not url.isascii():
            raise FetchFailed("its URL cannot be used")
        if parts.scheme == "http":
            if not self._allow_plaintext and not is_loopback_url(f"http://{parts.netloc}/"):
                raise FetchFailed("its URL is plain http")
        elif parts.scheme != "https":
            raise FetchFailed("its URL is not https")


async def _body(response: httpx2.Response, max_bytes: int) -> bytes:
    if response.status_code != 200:
        raise FetchFailed(f"it answered with status {response.status_code}")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > max_bytes:
            raise FetchFailed("its answer is too large")
    return bytes(body)
