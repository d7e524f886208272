"""What stored records prove: that none was changed, left out in the middle, added or moved.

1. `hash` is the SHA-256 of `canonical`, and `canonical` is in canonical form.
2. A writer's `wseq` runs 1, 2, 3, ...; each `prev` is the hash before it, the first one all zeros.
3. The columns repeat what the canonical bytes say.
4. A sealed value has the digest that the canonical bytes hold; an erased one proves nothing and is fine.

A chain alone cannot show that its end was cut off; the next process' `hello` names the record that was
written last before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from dataplane.audit.canonical import canonical
from dataplane.audit.draft import GENESIS
from dataplane.audit.sealing import sealed_digest
from dataplane.audit.store import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something a record should not be."""

    seq: int
    id: str
    what: str


def verify_chain(rows: Iterable[Stored]) -> Iterator[Flaw]:
    """Every flaw of `rows`: all records of some writers, in order of writing. Needs memory per writer."""
    ends: dict[str, tuple[int, str]] = {}
    for row in rows:
        wseq, prev = ends.get(row.writer, (0, GENESIS))
        for what in (*_own_flaws(row), *_place_flaws(row, wseq, prev)):
            yield Flaw(seq=row.seq, id=row.id, what=what)
        ends[row.writer] = (row.wseq, row.hash.hex())


def _place_flaws(row: Stored, wseq: int, prev: str) -> Iterator[str]:
    if row.wseq != wseq + 1:
        yield f"wseq {row.wseq} follows {wseq}"
    elif _fields(row).get("prev") != prev:
        yield "prev is not the hash of the record before"


def _own_flaws(row: Stored) -> Iterator[str]:
    if hashlib.sha256(row.canonical).digest() != row.hash:
        yield "hash is not that of the canonical bytes"
    fields = _fields(row)
    if not fields or canonical(fields) != row.canonical:
        yield "the bytes are not canonical"
    for name in ("id", "kind", "writer", "wseq"):
        if fields.get(name) != getattr(row, name):
            yield f"column {name} is not what the record says"
    yield from _seal_flaws(fields, row.sealed)


def _seal_flaws(fields: dict[str, str], sealed: bytes | None) -> Iterator[str]:
    if sealed is None:
        return
    try:
        values = orjson.loads(sealed)
        nonce = bytes.fromhex(values.pop("nonce"))
        wrong = [
            name for name in values if sealed_digest(nonce, values[name]) != fields.get(f"{name}_digest")
        ]
    except (ValueError, KeyError, AttributeError, TypeError):
        yield "sealed values cannot be read"
        return
    for name in sorted(wrong):
        yield f"sealed {name} is not what was digested"


def _fields(row: Stored) -> dict[str, str]:
    try:
        fields = orjson.loads(row.canonical)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
