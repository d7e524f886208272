"""Runs of `limits.lua` as they go over the wire (RESP), and what it says of decisions.

Decisions that wait together are one run: what a run costs whatever it does (its words read, its functions
made, the clock and the epoch looked at, its answer read) is then paid once for all of them. Each is still
taken all or nothing, in the order in which they were given.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataplane.frozen import quick_init

SCRIPT: Final = Path(__file__).with_name("limits.lua").read_bytes()
SHA: Final = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest().encode()  # the name EVALSHA wants

MAX_JOINED: Final = 32
"""Decisions of one run, which is how long others of the same server wait: less than a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One run of the script: the number of its keys and of all its words, and these in RESP."""

    keys: int
    words: int
    body: bytes

    def by_digest(self) -> bytes:
        """As EVALSHA."""
        keys = b"%d" % self.keys
        return b"*%d\r\n%b$%d\r\n%b\r\n%b" % (self.words + 3, _EVALSHA, len(keys), keys, self.body)

    def by_text(self) -> bytes:
        """As EVAL, for a server that does not know the script."""
        return self.by_digest().replace(_EVALSHA, _EVAL, 1)


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided, settled or given up of one reservation: RESP of the epoch's key, and of `keys` others;
    its own words. `now` is empty for the server's clock. The answer is a list of integers, first a status."""

    now: bytes
    epoch: bytes
    keys: int
    names: bytes
    words: bytes


def bulk(word: bytes) -> bytes:
    """A bulk string of RESP."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


_EVALSHA: Final = bulk(b"EVALSHA") + bulk(SHA)
_EVAL: Final = bulk(b"EVAL") + bulk(SCRIPT)
_DECIDE: Final = bulk(b"decide")
_OWN_WORDS: Final = 3


def run(keys: Sequence[bytes], arguments: Iterable[bytes]) -> Script:
    """A run of the script on `keys`, the epoch's first."""
    words = [*keys, *arguments]
    return Script(keys=len(keys), words=len(words), body=b"".join(map(bulk, words)))


def joined(decisions: Sequence[Decision]) -> Script:
    """One run of decisions of one shard and one `now`."""
    first = decisions[0]
    keys = 1 + sum([one.keys for one in decisions])
    parts = [first.epoch, *[one.names for one in decisions], _DECIDE, bulk(first.now)]
    parts += [one.words for one in decisions]
    words = keys + 2 + _OWN_WORDS * len(decisions)
    return Script(keys=keys, words=words, body=b"".join(parts))


def answers(told: bytes, count: int) -> list[list[int]]:
    """The answers to `count` decisions of one run: each a length and so many doubles, which hold integers.

    Raises `ValueError` for what is no such thing.
    """
    if type(told) is not bytes or len(told) % 8:
        raise ValueError("not an answer to decisions")
    numbers = list(map(int, struct.unpack(f"<{len(told) // 8}d", told)))
    found, at = [], 0
    for _ in range(count):
        end = at + 1 + numbers[at] if at < len(numbers) else 0
        if not at < end <= len(numbers):
            raise ValueError("not an answer to decisions")
        found.append(numbers[at + 1 : end])
        at = end
    return found
