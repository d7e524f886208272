"""Asking the issuer whether a token still counts (RFC 7662), and not asking it each time.

It fails closed: an issuer that does not answer vouches for nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from dataplane.config import JwtIntrospection
from dataplane.errors import ConfigError
from dataplane.identity.jwt_fetch import Fetcher, FetchFailed
from dataplane.identity.jwt_form import strict_object

MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_ANSWERS: Final = 10_000
"""Answers kept. Each is a digest and a time, about 200 bytes."""


class Introspection:
    """Answers of one issuer's endpoint, each kept for `cache_s`; askers of one token share a question."""

    def __init__(
        self,
        settings: JwtIntrospection,
        fetcher: Fetcher,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._clock_s = clock_s
        self._answers: dict[bytes, tuple[bool, float]] = {}
        self._asking: dict[bytes, asyncio.Task[bool]] = {}
        self.failure: str | None = None

    async def close(self) -> None:
        """Give up what is being asked, and the connections."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._fetcher.close()

    async def active(self, token: str, digest: bytes) -> bool:
        """Whether the issuer says that the token counts, `cache_s` ago at most. Raises `FetchFailed`."""
        kept = self._answers.get(digest)
        if kept is not None and self._clock_s() < kept[1]:
            return kept[0]
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._ask(token, digest))
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        # wait() leaves the question running when this caller is cancelled: others wait for it too.
        await asyncio.wait({task})
        return task.result()

    async def _ask(self, token: str, digest: bytes) -> bool:
        begun = self._clock_s()
        try:
            secret = await asyncio.to_thread(self._settings.client_secret.read)
            data = await self._fetcher.post(
                self._settings.url,
                {"token": token, "token_type_hint": "access_token"},
                login=(self._settings.client_id, secret),
                max_bytes=MAX_ANSWER_BYTES,
            )
            active = strict_object(data).get("active")
            if type(active) is not bool:
                raise FetchFailed("its answer does not say whether the token is active")
        except (ConfigError, ValueError) as error:
            self.failure = str(error) if isinstance(error, ConfigError) else "its answer is not strict JSON"
            raise FetchFailed(self.failure) from None
        except FetchFailed as error:
            self.failure = str(error)
            raise
        self.failure = None
        while len(self._answers) >= MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._answers.pop(digest, None)
        self._answers[digest] = (active, begun + self._settings.cache_s)
        return active

    @property
    def cache_s(self) -> float:
        """How long an answer holds."""
        return self._settings.cache_s
