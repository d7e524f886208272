"""Claims as one command for `limits.lua`, and its answers as the store's.

Keys are `rg:{SHARD}:KIND:DIGEST`. The hash tag puts all that one decision needs into one slot of a cluster;
the digest (BLAKE2b, 16 bytes) stands for a cell's text, which may have any length and characters.
Amounts are cut to what the script can add exactly: a limit above 2^50 calls is no limit either way, and
an amount cut down never admits more.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, assert_never

from dataplane.frozen import quick_init
from dataplane.limits.gcra import empty_us, left, wait_us
from dataplane.limits.memory import LEASE_WAIT_US
from dataplane.limits.redis_script import Decision, Script, bulk, run
from dataplane.limits.store import Budget, Claim, Granted, Lease, Past, Rate, Rejected
from dataplane.limits.windows import SLOTS, forgotten_at, slot_at

MAX_RATE: Final = 2**50
MAX_BUDGET: Final = 2**52 - 1
"""Sums of two such numbers are exact in a double (IEEE 754, 53 bits)."""

REMEMBER_MS: Final = 60_000
"""How long a reservation's and a settlement's name are known, so that one sent again is not done again."""

GRANTED: Final = 1
REJECTED: Final = 0
AGAIN: Final = 2
OTHER_EPOCH: Final = 3
GIVEN_UP: Final = 4
"""The first number of every answer."""

_CELLS: Final = 16_384
_ROLLING, _FIXED, _MONTH = 1, 2, 3


_TAKE, _SETTLE, _GIVE_UP = 1, 2, 3
_RATE, _BUDGET, _LEASE = 1, 2, 3
"""What a decision does, and what a cell is, in `limits.lua`."""

_FORM: Final = struct.Struct("<6d")
"""What is to be done, how many cells, ms to remember it, when it was granted, nothing twice; then for each
cell its kind and five numbers."""


def key(shard: int, kind: str, name: str = "") -> bytes:
    """The name of a key of a shard."""
    return f"rg:{{{shard}}}:{kind}:{name}".encode()


@lru_cache
def _prefix(shard: int, kind: str) -> bytes:
    return key(shard, kind)


def digest(text: str) -> str:
    """A name for any text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@lru_cache(_CELLS)
def cell_key(shard: int, claim: Claim) -> bytes:
    """The key of a claim's cell. Kinds differ in their keys, since they differ in their state."""
    match claim:
        case Rate():
            kind = "rate"
        case Lease():
            kind = "lease"
        case Budget():
            kind = "budget"
        case _:
            assert_never(claim)
    return key(shard, kind, digest(claim.cell))


def epoch_key(shard: int) -> bytes:
    """The key of a shard's epoch: absent, or RUN NAME MICROSECONDS (of which server, since when)."""
    return key(shard, "epoch")


def _exact(rate: Rate) -> Rate:
    if rate.amount <= MAX_RATE:
        return rate
    return replace(rate, amount=MAX_RATE, burst=min(rate.burst, MAX_RATE))


def _room(claim: Budget | Lease) -> int:
    return min(claim.amount, MAX_BUDGET)


@lru_cache
def _epoch(shard: int) -> bytes:
    return bulk(epoch_key(shard))


def _rule(budget: Budget) -> tuple[int, int]:
    """How the script finds a budget's slots: rule and width."""
    if not budget.calendar:
        return _ROLLING, budget.period_us // SLOTS
    return (_MONTH, 0) if budget.per == "month" else (_FIXED, budget.period_us)


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """What commands say of the claims of a decision, whatever a call wants of them. Parallel: their keys; of
    a budget rule, width and room; `taking` and `settling` a cell's whole part, None for a budget's (which
    needs the amount) and empty for what is not settled. `together` is all the keys."""

    names: tuple[bytes, ...]
    rules: tuple[tuple[int, int, int], ...]
    taking: tuple[bytes | None, ...]
    settling: tuple[bytes | None, ...]
    together: bytes


@lru_cache(_CELLS)
def _cells(shard: int, claims: tuple[Claim, ...], lease_us: int) -> _Cells:
    names = tuple(bulk(cell_key(shard, claim)) for claim in claims)
    return _Cells(
        names=names,
        rules=tuple(
            (*_rule(claim), _room(claim)) if isinstance(claim, Budget) else _NONE for claim in claims
        ),
        taking=tuple(_taken(claim, lease_us) for claim in claims),
        settling=tuple(_settled(claim) for claim in claims),
        together=b"".join(names),
    )


_NONE: Final = (0, 0, 0)


def _taken(claim: Claim, lease_us: int) -> bytes | None:
    match claim:
        case Rate():
            rate = _exact(claim)
            call, ahead = rate.period_us, (rate.burst - 1) * rate.period_us
            return _FORM.pack(_RATE, rate.amount, *divmod(call, rate.amount), *divmod(ahead, rate.amount))
        case Budget():
            return None
        case Lease():
            return _FORM.pack(_LEASE, _room(claim), lease_us, 0, 0, 0)
        case _:
            assert_never(claim)


def _settled(claim: Claim) -> bytes | None:
    match claim:
        case Rate():
            return b""  # it keeps the call
        case Budget():
            return None
        case Lease():
            return _FORM.pack(_LEASE, 0, 0, 0, 0, 0)
        case _:
            assert_never(claim)


def _taking(
    what: int,
    shard: int,
    now: bytes,
    epoch: bytes,
    reservation: str,
    claims: Sequence[Claim],
    wants: Sequence[int],
    lease_us: int,
) -> Decision:
    cells = _cells(shard, tuple(claims), lease_us)
    parts = [_FORM.pack(what, len(claims), REMEMBER_MS, 0, 0, 0)]
    for taking, rule, want in zip(cells.taking, cells.rules, wants, strict=True):
        parts.append(_FORM.pack(_BUDGET, *rule, min(want, MAX_BUDGET + 1), 0) if taking is None else taking)
    name = reservation.encode()
    return Decision(
        now=now,
        epoch=_epoch(shard),
        keys=1 + len(claims),
        names=bulk(_prefix(shard, "taken") + name) + cells.together,
        words=_words(name, epoch, parts),
    )


def _words(name: bytes, epoch: bytes, parts: Sequence[bytes]) -> bytes:
    """The three words of a decision."""
    size = _FORM.size * len(parts)
    whole = (len(name), name, len(epoch), epoch, size, b"".join(parts))
    return b"$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % whole


def reserve(
    shard: int,
    now: bytes,
    epoch: bytes,
    reservation: str,
    claims: Sequence[Claim],
    wants: Sequence[int],
    lease_us: int,
) -> Decision:
    """Take all or nothing. `now` is empty for the server's clock."""
    return _taking(_TAKE, shard, now, epoch, reservation, claims, wants, lease_us)


def give_up(
    shard: int, now: bytes, reservation: str, claims: Sequence[Claim], wants: Sequence[int]
) -> Decision:
    """Undo a `reserve` whose answer was not heard."""
    return _taking(_GIVE_UP, shard, now, b"", reservation, claims, wants, 0)


def settle(
    shard: int,
    now: bytes,
    granted: Granted,
    claims: Sequence[Claim],
    wants: Sequence[int],
    spent: Sequence[int],
) -> Decision | None:
    """End a reservation; None where nothing changes by it."""
    cells = _cells(shard, tuple(claims), 0)
    names, parts = [b""], [b""]
    for index, settling in enumerate(cells.settling):
        if settling is None:
            more = spent[index] - wants[index]
            if more == 0:
                continue
            rule, width, _ = cells.rules[index]
            settling = _FORM.pack(_BUDGET, rule, width, max(-MAX_BUDGET, min(more, MAX_BUDGET)), 0, 0)
        elif not settling:
            continue
        names.append(cells.names[index])
        parts.append(settling)
    if len(parts) == 1:
        return None
    name = granted.reservation.encode()
    names[0] = bulk(_prefix(shard, "settled") + name)
    parts[0] = _FORM.pack(_SETTLE, len(parts) - 1, REMEMBER_MS, granted.at_us, 0, 0)
    return Decision(
        now=now, epoch=_epoch(shard), keys=len(names), names=b"".join(names), words=_words(name, b"", parts)
    )


def hold(
    shard: int, now: bytes, leases: Sequence[tuple[str, Lease]], lease_us: int, *, only_held: bool
) -> Script:
    """Renew leases; those that are not held any more only where `only_held` is false."""
    keys = [epoch_key(shard), *(cell_key(shard, lease) for _, lease in leases)]
    names = (reservation.encode() for reservation, _ in leases)
    return run(keys, (b"hold", now, b"%d" % lease_us, b"XX" if only_held else b"", *names))


def beat(shard: int, now: bytes, process: str, alive_us: int) -> Script:
    """Say that a process lives, and ask for the epoch."""
    keys = (epoch_key(shard), key(shard, "processes"))
    return run(keys, (b"beat", now, process.encode(), b"%d" % alive_us))


def open_epoch(shard: int, now: bytes, found: bytes, name: bytes) -> Script:
    """Begin an epoch, where the present one is still as it was found."""
    return run((epoch_key(shard),), (b"open", now, found, name))


def restore(shard: int, now: bytes, found: bytes, past: Sequence[Past]) -> Script:
    """Hold at least what `past` says of each cell; `past` has one entry at most for a slot of a cell."""
    words = [b"restore", now, found]
    for one in past:
        match one.claim:
            case Rate():
                words += (b"r", b"%d" % _exact(one.claim).amount, b"%d" % (one.at_us + one.taken))
            case Budget():
                slot = slot_at(one.claim, one.at_us)
                rule, width = _rule(one.claim)
                words += (b"b", b"%d" % rule, b"%d" % width, b"%d" % slot, b"%d" % min(one.taken, MAX_BUDGET))
            case _:
                assert_never(one.claim)
    return run((epoch_key(shard), *(cell_key(shard, one.claim) for one in past)), words)


def answered(
    answer: Sequence[int], reservation: str, claims: Sequence[Claim], wants: Sequence[int]
) -> Granted | Rejected:
    """The answer to a `reserve` that was decided."""
    status, now = answer[:2]
    places = range(2, 2 + 3 * len(claims), 3)  # of each claim's three numbers
    remaining: list[int] = []
    resets: list[int] = []
    for at, claim in zip(places, claims, strict=True):
        rest, reset = _rest(claim, answer[at], answer[at + 1], now)
        remaining.append(rest)
        resets.append(reset)
    if status != REJECTED:
        return Granted(reservation=reservation, at_us=now, remaining=remaining, reset_us=resets)
    waits = [
        _wait(claim, want, answer[at], answer[at + 1], answer[at + 2], now)
        for at, claim, want in zip(places, claims, wants, strict=True)
    ]
    longest = max(range(len(waits)), key=lambda index: _endless(waits[index]))
    return Rejected(index=longest, wait_us=waits[longest], remaining=remaining, reset_us=resets)


def _rest(claim: Claim, first: int, second: int, now: int) -> tuple[int, int]:
    """What is left of a claim, and the microseconds until all of it is."""
    if isinstance(claim, Rate):
        rate = _exact(claim)
        ahead = (first - now) * rate.amount + second  # seen from now: numbers that a processor holds
        return max(0, left(rate, ahead, 0)), max(0, empty_us(rate, ahead))
    rest = max(0, _room(claim) - first)
    if isinstance(claim, Budget) and first:
        return rest, max(0, forgotten_at(claim, second) - now)
    return rest, 0


def _wait(claim: Claim, want: int, first: int, second: int, room_at: int, now: int) -> int | None:
    """Microseconds until a claim has room; None where no waiting helps."""
    match claim:
        case Rate():
            rate = _exact(claim)
            return wait_us(rate, first * rate.amount + second, now)
        case Budget():
            if first + want <= _room(claim):
                return 0
            return None if room_at < 0 else room_at - now
        case Lease():
            if first < claim.amount:
                return 0
            return LEASE_WAIT_US if claim.amount else None
        case _:
            assert_never(claim)


def _endless(wait: int | None) -> float:
    return float("inf") if wait is None else wait
