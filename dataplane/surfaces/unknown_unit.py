"""What nobody here knows: policy is asked about it with empty facts, and nothing of it is read."""

from __future__ import annotations

from dataplane.domain import CallFacts, Decision, Reply
from dataplane.errors import Refused
from dataplane.surfaces.call import LocalUnit


class UnknownUnit(LocalUnit):
    """A call to a path that no API has. Policy blocks it by default."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(CallFacts())

    def answer(self, decision: Decision) -> Reply:
        """Raises `Refused`: an allowed call to a path that does not exist cannot be made."""
        raise Refused(
            "gateway.unenforceable", "Policy allows this path, but this gateway has no such endpoint."
        )
