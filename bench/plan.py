"""Which runs are made, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DIRECT: Final = "direct"
BARE: Final = "pass-through"
GATEWAY: Final = "gateway"
LIMITED: Final = "jwt+limits"
INSPECTED: Final = "inspection"
TARGETS: Final = (DIRECT, BARE, GATEWAY, LIMITED, INSPECTED)

MAX_ROUNDS: Final = 50
MAX_SECONDS: Final = 60.0
MAX_CONNECTIONS: Final = 512
"""Bounds of one bench: nobody means to load a machine for hours by a slip of a digit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One window of load: `connections` callers at one target."""

    target: str
    connections: int
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`rounds` windows of `seconds` at each number of connections and each target: many and short, because
    ratios are medians over rounds, and what else the machine does comes in seconds."""

    connections: tuple[int, ...] = (1, 16, 64)
    rounds: int = 10
    seconds: float = 1.0
    warm_up_s: float = 0.3

    def __post_init__(self) -> None:
        if not (
            self.connections
            and all(1 <= number <= MAX_CONNECTIONS for number in self.connections)
            and 1 <= self.rounds <= MAX_ROUNDS
            and 0.1 <= self.seconds <= MAX_SECONDS
        ):
            raise ValueError(
                f"connections: 1 to {MAX_CONNECTIONS}; rounds: 1 to {MAX_ROUNDS}; "
                f"seconds: 0.1 to {MAX_SECONDS:g}"
            )

    def runs(self) -> Iterator[Run]:
        """Every run. Targets take turns within each round, and another one begins each round, so that
        what else the machine does meets them alike."""
        for number in self.connections:
            for turn in range(self.rounds):
                first = turn % len(TARGETS)
                for target in (*TARGETS[first:], *TARGETS[:first]):
                    yield Run(target=target, connections=number, round=turn)

    @property
    def load_s(self) -> float:
        """Seconds of load in all."""
        return len(self.connections) * self.rounds * len(TARGETS) * (self.seconds + self.warm_up_s)


QUICK: Final = Plan(rounds=1, seconds=0.5, warm_up_s=0.15)
"""About 10 seconds of load: shows that all works, and the order of magnitude."""
