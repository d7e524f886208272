"""A remote moderation service of OpenAI's shape: `POST /moderations` with `input`, a list of texts.

https://platform.openai.com/docs/api-reference/moderations. The labels of its opinions are the categories of
the service, the points a hundred times its scores; of a service that gives none, 100 for what it flags.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
import orjson

from dataplane.config import AdvisorSettings
from dataplane.errors import ConfigError
from dataplane.inspection.advisor import AdvisorFailed, Opinion

BATCH: Final = 32
"""Texts of one question: the answer says some 2 kB of each."""

MAX_ANSWER_BYTES: Final = 1_000_000
MAX_CATEGORIES: Final = 200
"""OpenAI has 13; what is beyond is no answer of a moderation service."""

_KEY_AGE_S: Final = 1.0
"""A key in a file is not read for each of thousands of calls a second."""

_GONE: Final = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)


class Moderation:
    """Implements `advisor.Advisor`: no redirects, no proxies or credentials from the environment, no cookies.

    `key` gives the current key, or raises `ConfigError`; it is sent to `base_url` and shown nowhere. Raises
    `ConfigError` for a `ca_file` that is not PEM.
    """

    def __init__(
        self,
        *,
        base_url: str,
        key: Callable[[], str] | None,
        model: str | None,
        ca_file: Path | None,
        connections: int,
    ) -> None:
        try:
            self._tls = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError("ca_file: is not a readable PEM file") from None
        self._url = f"{base_url.rstrip('/')}/moderations"
        self._source = key
        self._key, self._read_at = "", float("-inf")
        self._model = model
        self._limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client: httpx2.AsyncClient | None = None

    async def assess(self, texts: Sequence[str]) -> Sequence[Opinion]:
        """See `advisor.Advisor.assess`."""
        opinions: list[Opinion] = []
        for at in range(0, len(texts), BATCH):
            batch = texts[at : at + BATCH]
            opinions += read_opinions(await self._ask(_question(batch, self._model)), len(batch))
        return opinions

    async def close(self) -> None:
        """See `advisor.Advisor.close`."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask(self, body: bytes) -> bytes:
        if self._client is None:
            # The deadline is that of whoever asks.
            self._client = httpx2.AsyncClient(
                verify=self._tls, trust_env=False, follow_redirects=False, timeout=None, limits=self._limits
            )
        client = self._client
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
        }
        if self._source is not None:
            headers["authorization"] = f"Bearer {self._current_key()}"
        request = client.build_request("POST", self._url, content=body, headers=headers)
        try:
            try:
                return await _answer(client, request)
            except _GONE:
                # It closed a connection that was kept: no failure of the service.
                return await _answer(client, request)
        except (httpx2.HTTPError, OSError) as error:
            raise AdvisorFailed(f"it cannot be reached ({type(error).__name__})") from None

    def _current_key(self) -> str:
        assert self._source is not None
        now = time.monotonic()
        if now - self._read_at >= _KEY_AGE_S:
            try:
                key = self._source()
            except ConfigError as error:
                raise AdvisorFailed(str(error)) from None
            if not (key.isascii() and key.isprintable()):
                raise AdvisorFailed("its key is not printable ASCII")
            self._key, self._read_at = key, now
        return self._key


def moderation(name: str, settings: AdvisorSettings) -> Moderation:
    """The service of an advisor's settings. Raises `ConfigError`; the key is read when it is first needed."""
    try:
        return Moderation(
            base_url=settings.base_url,
            key=None if settings.key is None else settings.key.read,
            model=settings.model,
            ca_file=settings.ca_file,
            connections=settings.concurrency,
        )
    except ConfigError as error:
        raise ConfigError(f"inspection.advisors.{name}.{error}") from None


def _question(texts: Sequence[str], model: str | None) -> bytes:
    # Half a surrogate, which a caller may write as an escape, is no text for anybody else.
    plain = [text.encode("utf-8", "replace").decode() for text in texts]
    return orjson.dumps({"input": plain} if model is None else {"input": plain, "model": model})


async def _answer(client: httpx2.AsyncClient, request: httpx2.Request) -> bytes:
    response = await client.send(request, stream=True)
    try:
        if response.status_code != 200:
            raise AdvisorFailed(f"it answered with status {response.status_code}")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise AdvisorFailed("its answer is too large")
        return bytes(body)
    finally:
        await response.aclose()
        client.cookies.clear()


def read_opinions(body: bytes, count: int) -> list[Opinion]:
    """The opinions in an answer to `count` texts. Raises `AdvisorFailed` for anything but the shape above."""
    try:
        results = orjson.loads(body)["results"]
        if not isinstance(results, list) or len(results) != count:
            raise AdvisorFailed("its answer does not have one result for each text")
        return [_opinion(result) for result in results]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise AdvisorFailed("its answer is not that of a moderation service") from None


def _opinion(result: Mapping[str, Any]) -> Opinion:
    flags, scores = result.get("categories"), result.get("category_scores")
    points: dict[str, int] = {}
    for given, read in ((flags, _of_flag), (scores, _of_score)):
        if given is not None:
            # A category that the model does not know is null.
            points |= {label: read(value) for label, value in given.items() if value is not None}
    if not points or len(points) > MAX_CATEGORIES:
        raise AdvisorFailed("its answer has no categories, or too many")
    return points


def _of_flag(value: object) -> int:
    if not isinstance(value, bool):
        raise AdvisorFailed("a category in its answer is neither true nor false")
    return 100 if value else 0


def _of_score(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise AdvisorFailed("a score in its answer is not a number of 0 to 1")
    return round(100 * value)
