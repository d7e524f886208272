"""Claims as one command for `limits.lua`, and its answers as the store's.

Keys are `rg:{SHARD}:KIND:DIGEST`. The hash tag puts all that one decision needs into one slot of a cluster;
the digest (BLAKE2b, 16 bytes) stands for a cell's text, which may have any length and characters.
Amounts are cut to what the script can add exactly: a limit above 2^50 calls is no limit either way, and
an amount cut down never admits more.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, assert_never

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
        return b"*%d\r\n%b$%d\r\n%d\r\n%b" % (
            self.words + 3,
            _EVALSHA,
            len(str(self.keys)),
            self.keys,
            self.body,
        )

    def by_text(self) -> bytes:
        """As EVAL, for a server that does not know the script."""
        return self.by_digest().replace(_EVALSHA, _EVAL, 1)


def bulk(word: bytes) -> bytes:
    """A bulk string of RESP."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


def _number(number: int) -> bytes:
    return bulk(b"%d" % number)


_EVALSHA: Final = bulk(b"EVALSHA") + bulk(SHA)
_EVAL: Final = bulk(b"EVAL") + bulk(SCRIPT)
_RESERVE: Final = bulk(b"reserve")
_SETTLE: Final = bulk(b"settle")
_REMEMBER: Final = _number(REMEMBER_MS)
_ZERO: Final = bulk(b"0")
_BUDGET: Final = bulk(b"b")
_LEASE: Final = bulk(b"l")


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


def _exact(rate: Rate) -> Rate:
    if rate.amount <= MAX_RATE:
        return rate
    return replace(rate, amount=MAX_RATE, burst=min(rate.burst, MAX_RATE))


def _room(claim: Budget | Lease) -> int:
    return min(claim.amount, MAX_BUDGET)


@lru_cache
def _epoch(shard: int) -> bytes:
    return bulk(epoch_key(shard))


def _rule(budget: Budget) -> tuple[bytes, bytes]:
    """How the script finds a budget's slots: rule and width."""
    if not budget.calendar:
        return _ROLLING, b"%d" % (budget.period_us // SLOTS)
    return (_MONTH, b"0") if budget.per == "month" else (_FIXED, b"%d" % budget.period_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What commands say of the claims of a decision, whatever a call wants of them. Parallel: their keys,
    what `reserve` must know (six words, of which a budget's last two are still to come), and what `settle`
    must (of a budget all but the amount; nothing of a rate, which keeps the call)."""

    cells: tuple[bytes, ...]
    taking: tuple[bytes, ...]
    settling: tuple[bytes, ...]


@lru_cache(_CELLS)
def _form(shard: int, claims: tuple[Claim, ...], lease_us: int) -> _Form:
    return _Form(
        cells=tuple(bulk(cell_key(shard, claim)) for claim in claims),
        taking=tuple(_taken(claim, lease_us) for claim in claims),
        settling=tuple(map(_settled, claims)),
    )


def _taken(claim: Claim, lease_us: int) -> bytes:
    match claim:
        case Rate():
            rate = _exact(claim)
            call, ahead = rate.period_us, (rate.burst - 1) * rate.period_us
            numbers = (rate.amount, *divmod(call, rate.amount), *divmod(ahead, rate.amount))
            return bulk(b"r") + b"".join(map(_number, numbers))
        case Budget():
            return b"".join((_BUDGET, *map(bulk, _rule(claim)), _number(_room(claim))))
        case Lease():
            return b"".join((_LEASE, _number(_room(claim)), _number(lease_us), _ZERO, _ZERO, _ZERO))
        case _:
            assert_never(claim)


def _settled(claim: Claim) -> bytes:
    match claim:
        case Rate():
            return b""
        case Budget():
            return b"".join((_BUDGET, *map(bulk, _rule(claim))))
        case Lease():
            return _LEASE
        case _:
            assert_never(claim)


def _taking(
    shard: int,
    head: Sequence[bytes],
    reservation: str,
    claims: Sequence[Claim],
    wants: Sequence[int],
    lease_us: int,
) -> Script:
    form = _form(shard, tuple(claims), lease_us)
    parts = [_epoch(shard), bulk(key(shard, "taken", reservation)), *form.cells, *head]
    for claim, words, want in zip(claims, form.taking, wants, strict=True):
        parts.append(words)
        if isinstance(claim, Budget):
            parts += (_number(min(want, MAX_BUDGET + 1)), _ZERO)
    keys = len(claims) + 2
    return Script(keys=keys, words=keys + len(head) + 6 * len(claims), body=b"".join(parts))


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
    head = (_RESERVE, bulk(now), bulk(epoch), bulk(reservation.encode()), _REMEMBER)
    return _taking(shard, head, reservation, claims, wants, lease_us)


def give_up(
    shard: int, now: bytes, reservation: str, claims: Sequence[Claim], wants: Sequence[int]
) -> Script:
    """Undo a `reserve` whose answer was not heard."""
    head = (bulk(b"give_up"), bulk(now), bulk(reservation.encode()), _REMEMBER)
    return _taking(shard, head, reservation, claims, wants, 0)


def settle(
    shard: int,
    now: bytes,
    granted: Granted,
    claims: Sequence[Claim],
    wants: Sequence[int],
    spent: Sequence[int],
) -> Script | None:
    """End a reservation; None where nothing changes by it."""
    name = granted.reservation
    form = _form(shard, tuple(claims), 0)
    keys = [_epoch(shard), bulk(key(shard, "settled", name))]
    words = [_SETTLE, bulk(now), bulk(name.encode()), _REMEMBER, _number(granted.at_us)]
    count = len(words)
    for claim, cell, settling, want, used in zip(
        claims, form.cells, form.settling, wants, spent, strict=True
    ):
        if isinstance(claim, Budget):
            if used == want:
                continue
            more = max(-MAX_BUDGET, min(used - want, MAX_BUDGET))
            words += (settling, _number(more))
            count += 4
        elif settling:
            words.append(settling)
            count += 1
        else:
            continue
        keys.append(cell)
    if len(keys) == 2:
        return None
    return Script(keys=len(keys), words=len(keys) + count, body=b"".join((*keys, *words)))


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


def reserved(answer: bytes | list[Any]) -> tuple[int, list[int]]:
    """The status of a `reserve` and its numbers: doubles that hold integers, or words where nothing was
    decided."""
    if isinstance(answer, list):
        return int(answer[0]), []
    numbers = list(map(int, struct.unpack(f"<{len(answer) // 8}d", answer)))
    return numbers[0], numbers


def answered(
    answer: Sequence[int], reservation: str, claims: Sequence[Claim], wants: Sequence[int]
) -> Granted | Rejected:
    """The answer to a `reserve` that was decided."""
    status, now, *numbers = answer
    states = list(zip(claims, numbers[::3], numbers[1::3], strict=True))
    rests = [_rest(claim, first, second, now) for claim, first, second in states]
    remaining, resets = [left for left, _ in rests], [reset for _, reset in rests]
    if status != REJECTED:
        return Granted(reservation=reservation, at_us=now, remaining=remaining, reset_us=resets)
    waits = [
        _wait(claim, want, first, second, room_at, now)
        for (claim, first, second), want, room_at in zip(states, wants, numbers[2::3], strict=True)
    ]
    longest = max(range(len(waits)), key=lambda index: _endless(waits[index]))
    return Rejected(index=longest, wait_us=waits[longest], remaining=remaining, reset_us=resets)


def _rest(claim: Claim, first: int, second: int, now: int) -> tuple[int, int]:
    """What is left of a claim, and the microseconds until all of it is."""
    if isinstance(claim, Rate):
        rate = _exact(claim)
        empty = first * rate.amount + second
        return max(0, left(rate, empty, now)), max(0, empty_us(rate, empty) - now)
    if isinstance(claim, Budget):
        return max(0, _room(claim) - first), max(0, forgotten_at(claim, second) - now) if first else 0
    return max(0, _room(claim) - first), 0


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
