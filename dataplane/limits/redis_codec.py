"""Claims as one command for `limits.lua`, and its answers as the store's.

Keys are `rg:{SHARD}:KIND:DIGEST`. The hash tag puts all that one decision needs into one slot of a cluster;
the digest (BLAKE2b, 16 bytes) stands for a cell's text, which may have any length and characters.
Amounts are cut to what the script can add exactly: a limit above 2^50 calls is no limit either way, and
an amount cut down never admits more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, assert_never

from dataplane.limits.gcra import empty_us, left, wait_us
from dataplane.limits.memory import LEASE_WAIT_US
from dataplane.limits.store import Budget, Claim, Granted, Lease, Past, Rate, Rejected
from dataplane.limits.windows import SLOTS, forgotten_at, slot_at

SCRIPT: Final = Path(__file__).with_name("limits.lua").read_bytes()
SHA: Final = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest().encode()  # the name EVALSHA wants

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
_ROLLING, _FIXED, _MONTH = b"1", b"2", b"3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One run of the script: the number of its keys and of all its words, and these in RESP."""

    keys: int
    words: int
    body: bytes

    def by_digest(self) -> bytes:
        """As EVALSHA."""
        return b"*%d\r\n$7\r\nEVALSHA\r\n%b%b%b" % (
            self.words + 3,
            bulk(SHA),
            bulk(b"%d" % self.keys),
            self.body,
        )

    def by_text(self) -> bytes:
        """As EVAL, for a server that does not know the script."""
        return b"*%d\r\n$4\r\nEVAL\r\n%b%b%b" % (
            self.words + 3,
            bulk(SCRIPT),
            bulk(b"%d" % self.keys),
            self.body,
        )


def bulk(word: bytes) -> bytes:
    """A bulk string of RESP."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


def key(shard: int, kind: str, name: str = "") -> bytes:
    """The name of a key of a shard."""
    return f"rg:{{{shard}}}:{kind}:{name}".encode()


def digest(text: str) -> str:
    """A name for any text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def run(keys: Sequence[bytes], arguments: Iterable[bytes]) -> Script:
    """A run of the script on `keys`, the epoch's first."""
    words = [*keys, *arguments]
    return Script(keys=len(keys), words=len(words), body=b"".join(map(bulk, words)))


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


@lru_cache(_CELLS)
def _exact(rate: Rate) -> Rate:
    if rate.amount <= MAX_RATE:
        return rate
    return replace(rate, amount=MAX_RATE, burst=min(rate.burst, MAX_RATE))


def _room(claim: Budget | Lease) -> int:
    return min(claim.amount, MAX_BUDGET)


def _rule(budget: Budget) -> tuple[bytes, bytes]:
    """How the script finds a budget's slots: rule and width."""
    if not budget.calendar:
        return _ROLLING, b"%d" % (budget.period_us // SLOTS)
    return (_MONTH, b"0") if budget.per == "month" else (_FIXED, b"%d" % budget.period_us)


@lru_cache(_CELLS)
def _claim_words(claim: Claim, lease_us: int) -> tuple[bytes, ...]:
    match claim:
        case Rate():
            rate = _exact(claim)
            call, ahead = rate.period_us, (rate.burst - 1) * rate.period_us
            numbers = (rate.amount, *divmod(call, rate.amount), *divmod(ahead, rate.amount))
            return (b"r", *(b"%d" % number for number in numbers))
        case Budget():
            return (b"b", *_rule(claim), b"%d" % _room(claim))
        case Lease():
            return (b"l", b"%d" % _room(claim), b"%d" % lease_us, b"0", b"0", b"0")
        case _:
            assert_never(claim)


def _all_words(claims: Sequence[Claim], wants: Sequence[int], lease_us: int) -> list[bytes]:
    words: list[bytes] = []
    for claim, want in zip(claims, wants, strict=True):
        words += _claim_words(claim, lease_us)
        if isinstance(claim, Budget):
            words += (b"%d" % min(want, MAX_BUDGET + 1), b"0")
    return words


def _cells(shard: int, claims: Sequence[Claim], kind: str, reservation: str) -> list[bytes]:
    return [epoch_key(shard), key(shard, kind, reservation), *(cell_key(shard, claim) for claim in claims)]


def reserve(
    shard: int,
    now: bytes,
    epoch: bytes,
    reservation: str,
    claims: Sequence[Claim],
    wants: Sequence[int],
    lease_us: int,
) -> Script:
    """Take all or nothing. `now` is empty for the server's clock."""
    head = (b"reserve", now, epoch, reservation.encode(), b"%d" % REMEMBER_MS)
    return run(_cells(shard, claims, "taken", reservation), (*head, *_all_words(claims, wants, lease_us)))


def give_up(
    shard: int, now: bytes, reservation: str, claims: Sequence[Claim], wants: Sequence[int]
) -> Script:
    """Undo a `reserve` whose answer was not heard."""
    head = (b"give_up", now, reservation.encode(), b"%d" % REMEMBER_MS)
    return run(_cells(shard, claims, "taken", reservation), (*head, *_all_words(claims, wants, 0)))


def settle(
    shard: int,
    now: bytes,
    granted: Granted,
    claims: Sequence[Claim],
    wants: Sequence[int],
    spent: Sequence[int],
) -> Script | None:
    """End a reservation; None where nothing changes by it."""
    cells: list[Claim] = []
    words = [b"settle", now, granted.reservation.encode(), b"%d" % REMEMBER_MS, b"%d" % granted.at_us]
    for claim, want, used in zip(claims, wants, spent, strict=True):
        match claim:
            case Rate():
                continue
            case Lease():
                words.append(b"l")
            case Budget():
                if used == want:
                    continue
                more = max(-MAX_BUDGET, min(used - want, MAX_BUDGET))
                words += (b"b", *_rule(claim), b"%d" % more)
            case _:
                assert_never(claim)
        cells.append(claim)
    return run(_cells(shard, cells, "settled", granted.reservation), words) if cells else None


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
                words += (b"b", *_rule(one.claim), b"%d" % slot, b"%d" % min(one.taken, MAX_BUDGET))
            case _:
                assert_never(one.claim)
    return run((epoch_key(shard), *(cell_key(shard, one.claim) for one in past)), words)


def answered(
    answer: Sequence[int], reservation: str, claims: Sequence[Claim], wants: Sequence[int]
) -> Granted | Rejected:
    """The answer to a `reserve` that was decided."""
    status, now, *numbers = answer
    cells = list(zip(claims, wants, *(numbers[n::3] for n in range(3)), strict=True))
    remaining, resets = [], []
    for claim, _, first, second, _ in cells:
        match claim:
            case Rate():
                rate = _exact(claim)
                empty = first * rate.amount + second
                remaining.append(max(0, left(rate, empty, now)))
                resets.append(max(0, empty_us(rate, empty) - now))
            case Budget():
                remaining.append(max(0, _room(claim) - first))
                resets.append(max(0, forgotten_at(claim, second) - now) if first else 0)
            case Lease():
                remaining.append(max(0, _room(claim) - first))
                resets.append(0)
            case _:
                assert_never(claim)
    if status != REJECTED:
        return Granted(reservation=reservation, at_us=now, remaining=remaining, reset_us=resets)
    waits = [_wait(claim, want, first, second, room_at, now) for claim, want, first, second, room_at in cells]
    longest = max(range(len(waits)), key=lambda index: _endless(waits[index]))
    return Rejected(index=longest, wait_us=waits[longest], remaining=remaining, reset_us=resets)


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
