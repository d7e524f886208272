"""What judges whole texts, where patterns find places in them: a moderation service, a local model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dataplane.errors import RegoGateError

Opinion = Mapping[str, int]
"""What an advisor says of one text: points of 0 to 100 by labels of its own."""


class AdvisorFailed(RegoGateError):
    """There is no opinion. The text says why, and never holds a text, a key or an answer."""


class Advisor(Protocol):
    """One that can be asked. Keeps nothing of what it was asked."""

    async def assess(self, texts: Sequence[str]) -> Sequence[Opinion]:
        """An opinion of each text, in order. Raises `AdvisorFailed`. Cancelling it ends its work; whoever
        asks sets the deadline. Blocks the loop for no longer than it takes to write the question down."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; not asked any more."""
        ...
