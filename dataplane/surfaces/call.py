"""Calls of one unit, and the part that units share which are answered here and never forwarded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from dataplane.domain import CallFacts, Constraints, Forward
from dataplane.errors import Refused
from dataplane.findings import Text
from dataplane.ports import Exchange, Unit


class SingleCall:
    """Implements `ports.Call` for a body, or none, that is one thing to decide."""

    __slots__ = ("_unit", "body_sha256")

    def __init__(self, unit: Unit, *, body_sha256: bytes | None = None) -> None:
        self._unit = unit
        self.body_sha256 = body_sha256

    async def units(self) -> AsyncIterator[Unit]:
        """The one unit."""
        yield self._unit


class LocalUnit:
    """The forwarding half of `ports.Unit` for a unit that no provider sees; subclasses answer."""

    __slots__ = ("facts",)

    def __init__(self, facts: CallFacts) -> None:
        self.facts = facts

    def texts(self) -> Sequence[Text]:
        """None: the call has no body."""
        return ()

    def rewrite(self, instead: Mapping[int, str]) -> None:
        """Raises `Refused` where there is anything to write: nothing has a place."""
        if instead:
            raise Refused("gateway.unredactable")

    def constrain(self, constraints: Constraints) -> None:
        """Caps and strips hold where nothing is generated; another model raises `Refused`."""
        if constraints.model is not None:
            raise Refused("gateway.unenforceable")

    def forward(self) -> Forward | None:
        """Always None."""
        return None

    async def prompt_tokens(self) -> int:
        """Always 0."""
        return 0

    def exchange(self) -> Exchange:
        """Raises `Refused` (`gateway.internal`): there is no answer to read."""
        raise Refused("gateway.internal")
