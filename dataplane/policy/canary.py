"""A canary: the calls of a share of the clients, decided by a candidate and by nothing else.

Whose calls: those where the first 8 bytes of SHA-256(revision, NUL, client id), as a big-endian number, are
below share x 2^64. So a client is the same one's on every replica and after every restart, each candidate
draws its clients anew, and a growing share keeps those it has.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Final

from dataplane.domain import CallState, Decision
from dataplane.errors import Refused, RegoGateError
from dataplane.inspection_ports import Looks, Question
from dataplane.ports import PolicyEngine
from dataplane.trial import Trial

DECIDED: Final = "decided"
REFUSED: Final = "refused"
"""What is counted: calls that the candidate decided, and calls that it gave no valid answer to."""

ANY_CHANNEL: Final = "*"

CLIENTS_REMEMBERED: Final = 10_000
_MILLION: Final = 1_000_000


@lru_cache(maxsize=CLIENTS_REMEMBERED)
def lot(revision: str, client_id: str) -> int:
    """The number of a client for a candidate, below 2^64, as the module says."""
    text = f"{revision}\0{client_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def takes(trial: Trial, client_id: str) -> bool:
    """Whether a client is the canary's."""
    return lot(trial.revision, client_id) * _MILLION < trial.share_ppm << 64


class CandidateRefused(RegoGateError):
    """A candidate that no client may be decided by; the text says what to do."""


def may_decide(trial: Trial, *, channels: Sequence[str], seq: int, floor: int) -> None:
    """Raise `CandidateRefused` where the bundle of a canary must not decide, though its signature is good.

    1. It must have been signed for the gateway's own channel or for one of `channels` (`*`: any): a signature
       is for one channel, and another may ask for fewer approvals.
    2. Of the own channel, its sequence `seq` must not be below `floor`: a canary is no way back. One that was
       in force before the channel went on stays.
    """
    own = trial.signed_for == trial.channel
    if not own and trial.signed_for not in channels and ANY_CHANNEL not in channels:
        raise CandidateRefused(
            f"a bundle of the channel {trial.signed_for} may decide nothing beside {trial.channel}: list the "
            "channel in policy.canary_channels, or build the candidate for one that is"
        )
    if own and seq < floor and not trial.begun:
        raise CandidateRefused(
            f"its sequence {seq} is below {floor}, which {trial.channel} had already: build it under a higher"
        )


class Canary:
    """Decides for its clients. Without an `engine`, or where that gives no answer, they are refused: the
    active policy never stands in, because nobody could tell which of the two a call was judged by."""

    def __init__(self, trial: Trial, counts: Counter[str]) -> None:
        self.trial = trial
        self.engine: PolicyEngine | None = None
        self.counts = counts
        self._asking = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def takes(self, state: CallState) -> bool:
        """Whether this call is the canary's. One whose caller is unknown is not."""
        return state.identity is not None and takes(self.trial, state.identity.client_id)

    async def decide(self, state: CallState, looks: Looks | None = None) -> Decision:
        """As `ports.PolicyEngine.decide`, stamping the call."""
        state.canary = True
        try:
            with self._busy():
                decision = await self._engine().decide(state, looks)
        except Refused:
            self.counts[REFUSED] += 1
            raise
        self.counts[DECIDED] += 1
        return decision

    async def judge(self, state: CallState, question: Question) -> Decision:
        """As `ports.PolicyEngine.judge`."""
        with self._busy():
            return await self._engine().judge(state, question)

    def _engine(self) -> PolicyEngine:
        if self.engine is None:
            raise Refused("gateway.policy_unavailable")
        return self.engine

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._asking += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._idle.set()

    async def drained(self, seconds: float) -> None:
        """Return once no call waits for the candidate, or after so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
