"""Which signed revision counts, by OPA's own status.

A decision counts only under a revision that OPA's status plugin reported (a client of the socket can
forge provenance, not status), and never under a sequence older than one already seen on this channel.

1. A status names an active revision: it must have the form of design section 6, else nothing counts.
2. A sequence below the floor: a rollback; nothing counts until a newer bundle is active.
3. Otherwise it is current; the floor rises, in memory at once and durably behind it.
4. An answer counts under the current revision, or under the one that was current when its call began.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_REVISION: Final = re.compile(r"([1-9][0-9]{0,15})-g[0-9a-f]{7}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A bundle that OPA reported as active."""

    revision: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What changed with a status: a new activation, or a bundle refused and why."""

    activation: Activation | None = None
    refused: str | None = None


def parse_revision(text: str) -> Activation | None:
    """`<seq>-g<commit7>-<digest12>`, or None for anything else."""
    match = _REVISION.fullmatch(text)
    return Activation(revision=text, seq=int(match[1])) if match else None


class Activations:
    """The state of one channel. `on_switch` is called, in order, for everything worth recording."""

    def __init__(self, *, bundle: str, on_switch: Callable[[Switch], None]) -> None:
        self._bundle = bundle
        self._on_switch = on_switch
        self._floor: int | None = None
        self._last_refusal: str | None = None
        self._unfit: str | None = None
        self.current: Activation | None = None
        self.problem: str | None = "no signed bundle is active yet"
        self.rolled_back = False

    @property
    def floor(self) -> int:
        """The lowest sequence that counts."""
        return self._floor or 0

    def raise_floor(self, seq: int) -> None:
        """Learn of a floor from the durable store; what is active is judged again by it."""
        self._floor = max(self._floor or 0, seq)
        if self.current is not None and self.current.seq < self._floor:
            self._roll_back(self.current)

    def goes_back(self, status: Any) -> bool:
        """Whether a status names a sequence below the floor. One that was overtaken on its way does,
        so whoever sees it asks OPA again before believing it."""
        revision = self._bundle_of(status).get("active_revision")
        activation = parse_revision(revision) if isinstance(revision, str) else None
        return activation is not None and activation.seq < (self._floor or 0)

    def _bundle_of(self, status: Any) -> dict[str, Any]:
        bundles = status.get("bundles") if isinstance(status, dict) else None
        bundle = bundles.get(self._bundle) if isinstance(bundles, dict) else None
        return bundle if isinstance(bundle, dict) else {}

    def observe(self, status: Any) -> None:
        """Take in a status document of OPA's (hostile until proven otherwise)."""
        bundle = self._bundle_of(status)
        if not bundle:
            return
        self._note_refusal(bundle)
        revision = bundle.get("active_revision")
        if not isinstance(revision, str) or not revision:
            # A restarted OPA has nothing active: what it reported before it died no longer counts.
            self._set_nothing("no signed bundle is active yet")
            return
        if (self.current is not None and self.current.revision == revision) or revision == self._unfit:
            return
        activation = parse_revision(revision)
        if activation is None:
            self._set_nothing(
                "the active bundle's revision has an unknown form; build it with 'regogate bundle build'"
            )
        elif activation.seq < (self._floor or 0):
            self._roll_back(activation)
        else:
            self._floor, self._unfit = activation.seq, None
            self.current, self.problem, self.rolled_back = activation, None, False
            self._on_switch(Switch(activation=activation))

    def accepts(self, revision: str, began: Activation | None) -> bool:
        """Whether an answer under `revision` counts for a call that began while `began` was current."""
        if self.rolled_back:
            return False
        now = self.current
        return (now is not None and now.revision == revision) or (
            began is not None and began.revision == revision
        )

    def reject(self, revision: str, why: str) -> None:
        """An active bundle that this gateway cannot honour: nothing counts while it stays active."""
        self._unfit = revision
        self._set_nothing(f"the active bundle {revision} cannot be used: {why}")
        self._on_switch(Switch(refused=f"{revision}: {why}"))

    def lost(self) -> None:
        """OPA ended: nothing counts until its successor reports."""
        self._set_nothing("OPA is not running")

    def _set_nothing(self, problem: str) -> None:
        self.current, self.problem = None, problem

    def _roll_back(self, activation: Activation) -> None:
        if not self.rolled_back:
            self._on_switch(Switch(refused=f"{activation.revision} is older than sequence {self._floor}"))
        self.current, self.rolled_back = None, True
        self.problem = (
            f"the active bundle {activation.revision} is older than sequence {self._floor}; "
            "publish the wanted content under a higher sequence"
        )

    def _note_refusal(self, bundle: dict[str, Any]) -> None:
        code, message = bundle.get("code"), bundle.get("message")
        refusal = None if not code else f"{code}: {message}"[:500]
        if refusal is not None and refusal != self._last_refusal:
            self._on_switch(Switch(refused=refusal))
        self._last_refusal = refusal

    @property
    def last_refusal(self) -> str | None:
        """OPA's latest complaint about a bundle, None when the last look was fine."""
        return self._last_refusal
