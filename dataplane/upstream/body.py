"""Answers as iterators of pieces."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType

import aiohttp

from dataplane.errors import Refused
from dataplane.ports import UpstreamFailed
from dataplane.upstream.transport import failed


class _Pieces(AsyncGenerator[bytes, None]):
    """The generator protocol over `__anext__` and `aclose`.

    A class, because closing an `async def` generator that was never begun runs none of its code, and
    the provider would go on sending.
    """

    __slots__ = ()

    async def asend(self, value: None) -> bytes:
        """The next piece."""
        return await self.__anext__()

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> bytes:
        """Close, then raise what was thrown in."""
        await self.aclose()
        raise val if isinstance(val, BaseException) else typ

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing to drop."""


class Body(_Pieces):
    """An answer still on the wire: pieces as they arrive; not reading holds the provider back.

    Raises `UpstreamFailed` when the provider breaks off, is silent for too long or sends more than
    `limit` bytes (None: no limit). `aclose`, cancellation of a read and any failure drop the connection
    at once, even where nothing was read yet; reading on after that ends the iteration.
    """

    __slots__ = ("_limit", "_provider", "_response", "_seen")

    def __init__(self, response: aiohttp.ClientResponse, provider: str, limit: int | None) -> None:
        self._response: aiohttp.ClientResponse | None = response
        self._provider = provider
        self._limit = limit
        self._seen = 0

    async def __anext__(self) -> bytes:
        response = self._response
        if response is None:
            raise StopAsyncIteration
        try:
            data = await response.content.readany()
        except BaseException as error:
            self._drop()
            failure = failed(error, self._provider, response.status)
            if failure is None:
                raise
        else:
            if not data:
                self._response = None  # its connection went back to the pool at the last byte
                raise StopAsyncIteration
            self._seen += len(data)
            if self._limit is None or self._seen <= self._limit:
                if response.content.at_eof():
                    self._response = None  # as above, without reading once more
                return data
            self._drop()
            failure = UpstreamFailed(
                Refused("gateway.upstream_invalid"), provider=self._provider, status=response.status
            )
        raise failure

    async def aclose(self) -> None:
        """Drop what has not been read, and the connection with it."""
        self._drop()

    def _drop(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()


class WholeBody(_Pieces):
    """An answer already in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __anext__(self) -> bytes:
        data, self._data = self._data, b""
        if not data:
            raise StopAsyncIteration
        return data
