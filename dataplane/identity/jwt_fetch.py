"""What an issuer's endpoints answer, in bounded time and bytes, from where it was asked and nowhere else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus, urlsplit

import httpx2

from dataplane.config import is_loopback_url
from dataplane.errors import ConfigError, RegoGateError

FETCH_S: Final = 5.0
"""One question to an issuer, connecting included. Published endpoints answer in well under one second."""


class FetchFailed(RegoGateError):
    """An endpoint gave no answer that can be used. The text names what happened, never a token or body."""


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

    async def get(self, url: str, *, max_bytes: int) -> bytes:
        """The body of a 200. Raises `FetchFailed` for anything else."""
        return await self._ask("GET", url, max_bytes=max_bytes)

    async def post(
        self, url: str, form: Mapping[str, str], *, login: tuple[str, str], max_bytes: int
    ) -> bytes:
        """The body of a 200 to a form, sent with a client's id and secret (RFC 6749, 2.3.1)."""
        name, secret = (quote_plus(text) for text in login)
        return await self._ask("POST", url, form=form, login=(name, secret), max_bytes=max_bytes)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int,
        form: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> bytes:
        self._check(url)
        body = bytearray()
        try:
            # Asked seldom: a connection of its own for each question leaves nothing to keep or to leak.
            async with (
                asyncio.timeout(self._timeout_s),
                httpx2.AsyncClient(
                    verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._timeout_s
                ) as client,
                client.stream(
                    method,
                    url,
                    data=form,
                    auth=login,
                    headers={"accept": "application/json", "accept-encoding": "identity"},
                ) as response,
            ):
                if response.status_code != 200:
                    raise FetchFailed(f"it answered with status {response.status_code}")
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) > max_bytes:
                        raise FetchFailed("its answer is too large")
        except TimeoutError:
            raise FetchFailed(f"it did not answer within {self._timeout_s:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise FetchFailed(f"it cannot be reached ({type(error).__name__})") from None
        return bytes(body)

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
