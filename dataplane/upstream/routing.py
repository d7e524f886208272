"""Which provider serves which model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from dataplane.domain import Forward, UpstreamReply
from dataplane.errors import ConfigError, Refused


class Provider(Protocol):
    """What can be routed to: a `ports.Upstream` with a name, model patterns and a life."""

    @property
    def name(self) -> str:
        """As configured; stands in records."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """Patterns of the model ids it serves, exact or with one trailing `*`."""
        ...

    async def start(self) -> None:
        """Make ready inside the running loop."""
        ...

    async def close(self) -> None:
        """Drop everything."""
        ...

    def problems(self) -> list[str]:
        """Why it cannot serve now; empty when ready."""
        ...

    async def send(self, forward: Forward) -> UpstreamReply:
        """As `ports.Upstream.send`."""
        ...


class Router:
    """The `ports.Upstream` over all providers.

    The first provider in order that names the model exactly, else the first whose pattern matches; a
    call without a model goes to the first that serves `*`. Nobody: `gateway.model_not_found`.
    """

    def __init__(self, upstreams: Sequence[Provider]) -> None:
        self._upstreams = tuple(upstreams)
        self._exact: dict[str, Provider] = {}
        self._prefixes: list[tuple[str, Provider]] = []
        for upstream in self._upstreams:
            for pattern in upstream.models:
                if "*" in pattern[:-1] or not pattern:
                    raise ConfigError(f"upstreams.{upstream.name}.models: patterns are exact or end in one *")
                if pattern.endswith("*"):
                    self._prefixes.append((pattern[:-1], upstream))
                else:
                    self._exact.setdefault(pattern, upstream)

    async def start(self) -> None:
        """Start every provider; if one fails, those already started are closed again."""
        async with AsyncExitStack() as undo:
            for upstream in self._upstreams:
                await upstream.start()
                undo.push_async_callback(upstream.close)
            undo.pop_all()

    async def close(self) -> None:
        """Close every provider, also where closing another failed."""
        async with AsyncExitStack() as stack:
            for upstream in self._upstreams:
                stack.push_async_callback(upstream.close)

    def problems(self) -> list[str]:
        """What the providers report."""
        return [problem for upstream in self._upstreams for problem in upstream.problems()]

    async def send(self, forward: Forward) -> UpstreamReply:
        """As the port promises."""
        return await self._pick(forward.model).send(forward)

    def _pick(self, model: str | None) -> Provider:
        model = model or ""
        if (exact := self._exact.get(model)) is not None:
            return exact
        for prefix, upstream in self._prefixes:
            if model.startswith(prefix):
                return upstream
        raise Refused("gateway.model_not_found", param="model")
