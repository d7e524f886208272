"""The nouns of a candidate policy beside the active one, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from dataplane.domain import Decision


class TrialKind(StrEnum):
    """A shadow is asked about a share of the calls and decides none; a canary decides every call of a share
    of the clients."""

    SHADOW = "shadow"
    CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A candidate policy that is to run beside the active one of `channel`; `share_ppm` is in millionths.

    `signed_for` is the channel that its bundle was signed for, to which its sequence belongs. `begun` says
    that some gateway has had it in force, so that a canary's clients are nobody else's.
    """

    id: str
    kind: TrialKind
    channel: str
    revision: str
    signed_for: str
    share_ppm: int
    begun: bool


class TrialState(StrEnum):
    """How far one gateway is with a trial. DOWN: it was running, and its OPA does not answer now."""

    STARTING = "starting"
    RUNNING = "running"
    DOWN = "down"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """What one gateway says of a trial: its state, why it is refused or down, and what it counted."""

    state: TrialState
    why: str | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowDifference:
    """A decision that a shadow's candidate would have made otherwise. `result` are the bytes of its answer,
    None where it has none; `verdict` is in it, `NONE` where it has no valid one."""

    trial: Trial
    stage: Literal["request", "tool_call", "response"]
    request_id: str
    client_id: str | None
    model: str | None
    operation: str
    decision: Decision
    verdict: str
    result: bytes | None = field(repr=False)
