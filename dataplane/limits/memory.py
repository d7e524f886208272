"""Limits of one process, in memory.

A cell is a few integers, and one whose last slot or theoretical arrival time has passed is as good as
none: a heap of those times forgets cells a few at a time, so that no call pays for a sweep.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from dataplane.limits.gcra import changed, empty_us, left, tat_after, wait_us
from dataplane.limits.store import Budget, Claim, Granted, Lease, Past, Rate, Rejected, StoreFull
from dataplane.limits.windows import forgotten_at, oldest_live, slot_at

MAX_CELLS: Final = 200_000
"""About 100 MB. Keys are chosen by policy; this bounds a policy that keys by something callers choose."""

LEASE_WAIT_US: Final = 1_000_000
"""What a call is told to wait for a free place: nobody knows when one ends."""


@dataclass(slots=True, eq=False)
class _Bucket:
    rate: Rate
    tat: int = 0


@dataclass(slots=True, eq=False)
class _Counter:
    """What was taken by slot; slots before `oldest` are forgotten."""

    budget: Budget
    taken: dict[int, int] = field(default_factory=dict)
    total: int = 0
    oldest: int = 0

    def forget(self, oldest: int) -> None:
        """Drop the slots before `oldest`."""
        if oldest > self.oldest:
            self.oldest = oldest
            for slot in [slot for slot in self.taken if slot < oldest]:
                self.total -= self.taken.pop(slot)

    def add(self, slot: int, amount: int) -> None:
        if slot >= self.oldest:
            self.taken[slot] = self.taken.get(slot, 0) + amount
            self.total += amount

    def room_at(self, want: int, now: int) -> int:
        """The moment at which `want` fits, if nobody takes meanwhile."""
        over = self.total + want - self.budget.amount
        for slot in sorted(self.taken):
            over -= self.taken[slot]
            if over <= 0:
                return forgotten_at(self.budget, slot)
        return now

    def empty_at(self, now: int) -> int:
        """The moment at which all of it may be taken again."""
        return forgotten_at(self.budget, max(self.taken)) if self.taken else now


@dataclass(slots=True, eq=False)
class _Places:
    held: set[str] = field(default_factory=set)


_Cell = _Bucket | _Counter | _Places


def wall_clock() -> Callable[[], int]:
    """Unix microseconds that never go back and never jump: the wall's time now, carried on by the
    monotonic clock."""
    offset = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + offset) // 1000


class MemoryStore:
    """Implements `LimitStore`. Nothing is awaited inside an admission, so calls cannot interleave.

    A lease ends with its reservation or with the process, so none needs renewing.
    """

    def __init__(self, *, clock_us: Callable[[], int] | None = None, max_cells: int = MAX_CELLS) -> None:
        self._clock_us = clock_us or wall_clock()
        self._max_cells = max_cells
        self._cells: dict[str, _Cell] = {}
        self._ends: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """Cells held."""
        return len(self._cells)

    async def start(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to write."""

    def problems(self) -> list[str]:
        """Always empty."""
        return []

    async def reserve(
        self, reservation: str, slot: str, claims: Sequence[Claim], wants: Sequence[int]
    ) -> Granted | Rejected:
        """As the protocol says; `slot` makes no difference here."""
        now = self._clock_us()
        remaining: list[int] = []
        resets: list[int] = []
        cells: list[_Cell | None] = []
        worst: tuple[float, int] | None = None
        new = 0
        for index, (claim, want) in enumerate(zip(claims, wants, strict=True)):
            cell = self._cells.get(claim.cell)
            cells.append(cell)
            new += cell is None
            wait, rest, reset = _looked_at(cell, claim, want, now)
            remaining.append(rest)
            resets.append(reset)
            if wait != 0:
                long = float("inf") if wait is None else wait
                if worst is None or long > worst[0]:
                    worst = (long, index)
        if worst is not None:
            wait_for = None if worst[0] == float("inf") else int(worst[0])
            return Rejected(index=worst[1], wait_us=wait_for, remaining=remaining, reset_us=resets)
        self._make_room(now, new)
        for index, (claim, want) in enumerate(zip(claims, wants, strict=True)):
            # Making room may have forgotten a cell that had ended.
            cell = cells[index]
            if cell is None or claim.cell not in self._cells:
                cell = self._cells[claim.cell] = _new(claim)
            self._take(cell, claim, want, now, reservation)
            if cells[index] is not cell and not isinstance(claim, Lease):
                heapq.heappush(self._ends, (_end(cell, now), claim.cell))
            remaining[index] -= want
            resets[index] = max(0, _end(cell, now) - now)
        return Granted(reservation=reservation, at_us=now, remaining=remaining, reset_us=resets)

    def settle(
        self, granted: Granted, slot: str, claims: Sequence[Claim], wants: Sequence[int], spent: Sequence[int]
    ) -> None:
        """As the protocol says, at once."""
        now = self._clock_us()
        for claim, want, used in zip(claims, wants, spent, strict=True):
            cell = self._cells.get(claim.cell)
            if isinstance(claim, Lease) and isinstance(cell, _Places):
                cell.held.discard(granted.reservation)
                if not cell.held:
                    del self._cells[claim.cell]
            elif isinstance(claim, Budget) and used != want:
                if not isinstance(cell, _Counter):
                    if used < want:
                        continue  # its period is over
                    cell = self._counter(claim, now)
                cell.forget(oldest_live(claim, now))
                cell.add(slot_at(claim, granted.at_us if used < want else now), used - want)

    def restore(self, past: Sequence[Past]) -> None:
        """As the protocol says. What does not fit into the store is left out."""
        now = self._clock_us()
        for one in past:
            claim = one.claim
            if claim.cell not in self._cells and len(self._cells) >= self._max_cells:
                continue
            match claim:
                case Rate():
                    empty = (one.at_us + one.taken) * claim.amount
                    if empty > now * claim.amount:
                        cell = self._cells.get(claim.cell)
                        if not isinstance(cell, _Bucket):
                            cell = self._cells[claim.cell] = _Bucket(claim)
                            heapq.heappush(self._ends, (one.at_us + one.taken, claim.cell))
                        cell.tat = max(changed(cell.tat, cell.rate, claim), empty)
                        cell.rate = claim
                case Budget():
                    slot = slot_at(claim, one.at_us)
                    if slot >= oldest_live(claim, now):
                        self._counter(claim, now).add(slot, one.taken)
                case _:
                    assert_never(claim)

    def _counter(self, claim: Budget, now: int) -> _Counter:
        cell = self._cells.get(claim.cell)
        if not isinstance(cell, _Counter):
            cell = self._cells[claim.cell] = _Counter(claim, oldest=oldest_live(claim, now))
            heapq.heappush(self._ends, (forgotten_at(claim, slot_at(claim, now)), claim.cell))
        return cell

    def _take(self, cell: _Cell, claim: Claim, want: int, now: int, reservation: str) -> None:
        match claim:
            case Rate():
                assert isinstance(cell, _Bucket)
                cell.tat = tat_after(claim, changed(cell.tat, cell.rate, claim), now)
                cell.rate = claim
            case Budget():
                assert isinstance(cell, _Counter)
                cell.forget(oldest_live(claim, now))
                cell.budget = claim
                cell.add(slot_at(claim, now), want)
            case Lease():
                assert isinstance(cell, _Places)
                cell.held.add(reservation)
            case _:
                assert_never(claim)

    def _make_room(self, now: int, new: int) -> None:
        """Forget ended cells: a few always, as many as needed when full. Raises `StoreFull`."""
        looked_at = 0
        while self._ends and self._ends[0][0] <= now:
            full = len(self._cells) + new > self._max_cells
            if looked_at > new and not full:
                return
            looked_at += 1
            _, name = heapq.heappop(self._ends)
            end = _end(self._cells[name], now)
            if end > now:
                heapq.heappush(self._ends, (end, name))
            else:
                del self._cells[name]
        if len(self._cells) + new > self._max_cells:
            raise StoreFull("too many different keys are being limited")


def _new(claim: Claim) -> _Cell:
    match claim:
        case Rate():
            return _Bucket(claim)
        case Budget():
            return _Counter(claim)
        case Lease():
            return _Places()
        case _:
            assert_never(claim)


def _end(cell: _Cell, now: int) -> int:
    """The moment from which a cell is as good as none."""
    match cell:
        case _Bucket():
            return empty_us(cell.rate, cell.tat)
        case _Counter():
            return cell.empty_at(now)
        case _Places():
            return now
        case _:
            assert_never(cell)


def _looked_at(cell: _Cell | None, claim: Claim, want: int, now: int) -> tuple[int | None, int, int]:
    """How long until `want` fits (None: never), what may be taken now, how long until all may be."""
    match claim:
        case Rate():
            tat = changed(cell.tat, cell.rate, claim) if isinstance(cell, _Bucket) else 0
            reset = max(0, empty_us(claim, tat) - now)
            return wait_us(claim, tat, now), max(0, left(claim, tat, now)), reset
        case Budget():
            total, reset = 0, 0
            if isinstance(cell, _Counter):
                cell.forget(oldest_live(claim, now))
                cell.budget = claim
                total, reset = cell.total, max(0, cell.empty_at(now) - now)
            rest = max(0, claim.amount - total)
            if total + want <= claim.amount:
                return 0, rest, reset
            if want > claim.amount or not isinstance(cell, _Counter):
                return None, rest, reset
            return max(1, cell.room_at(want, now) - now), rest, reset
        case Lease():
            held = len(cell.held) if isinstance(cell, _Places) else 0
            if held < claim.amount:
                return 0, claim.amount - held, 0
            return (LEASE_WAIT_US if claim.amount else None), 0, 0
        case _:
            assert_never(claim)
