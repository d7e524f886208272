"""Every way of changing what was written is noticed."""

import dataclasses
import hashlib
import json
from collections.abc import Callable

import pytest
from audit_kit import KEY, call, ended

from dataplane.audit.chain import verify_chain
from dataplane.audit.draft import GENESIS
from dataplane.audit.record import Recorder
from dataplane.audit.store import Position, Stored, place
from dataplane.domain import Outcome

Rows = list[Stored]


def chain(writer: str = "w-1", first_seq: int = 1) -> Rows:
    """Four records of one writer, as they would be read."""
    recorder = Recorder(key=KEY, writer=writer)
    drafts = [
        recorder.note("hello", {}),
        recorder.intent(call()),
        recorder.completion(ended(call()), Outcome.OK, "i"),
        recorder.note("bye", {}),
    ]
    group = place(drafts, Position(writer=writer, wseq=0, hash=GENESIS))
    assert group.end.wseq == 4
    return [
        Stored(
            seq=first_seq + n,
            id=row[0],
            kind=row[1],
            sealed=row[-5],
            writer=row[-4],
            wseq=row[-3],
            canonical=row[-2],
            hash=row[-1],
        )
        for n, row in enumerate(group.rows)
    ]


def test_whole_chains_have_no_flaw_however_they_interleave() -> None:
    one, two = chain("w-1"), chain("w-2")
    mixed = [one[0], two[0], one[1], one[2], two[1], two[2], two[3], one[3]]
    assert list(verify_chain(mixed)) == []


def change(rows: Rows, at: int, **changes: object) -> Rows:
    rows[at] = dataclasses.replace(rows[at], **changes)  # type: ignore[arg-type]
    return rows


def rewritten(rows: Rows) -> Rows:
    """A record changed together with its own hash."""
    canonical = rows[1].canonical.replace(b"ALLOW", b"BLOCK")
    return change(rows, 1, canonical=canonical, hash=hashlib.sha256(canonical).digest())


def resealed(rows: Rows) -> Rows:
    values = json.loads(rows[1].sealed or b"")
    return change(rows, 1, sealed=json.dumps(values | {"subject": "somebody else"}).encode())


def spaced(rows: Rows) -> Rows:
    canonical = rows[3].canonical.replace(b'{"', b'{ "', 1)
    return change(rows, 3, canonical=canonical, hash=hashlib.sha256(canonical).digest())


@pytest.mark.parametrize(
    ("tamper", "noticed"),
    [
        (lambda rows: rows[:1] + rows[2:], "wseq 3 follows 1"),
        (lambda rows: rows[1:], "wseq 2 follows 0"),
        (lambda rows: rows[:2] + rows[1:], "wseq 2 follows 2"),
        (lambda rows: [rows[0], rows[2], rows[1], rows[3]], "wseq 3 follows 1"),
        (rewritten, "prev is not the hash of the record before"),
        (
            lambda rows: change(rows, 1, canonical=rows[1].canonical + b" "),
            "hash is not that of the canonical bytes",
        ),
        (lambda rows: change(rows, 1, canonical=b"no json"), "the bytes are not canonical"),
        (spaced, "the bytes are not canonical"),
        (lambda rows: change(rows, 1, kind="deny"), "column kind is not what the record says"),
        (lambda rows: change(rows, 1, id="other"), "column id is not what the record says"),
        (resealed, "sealed subject is not what was digested"),
        (lambda rows: change(rows, 1, sealed=b"{}"), "sealed values cannot be read"),
        (lambda rows: change(rows, 0, sealed=rows[1].sealed), "sealed subject is not what was digested"),
    ],
)
def test_a_change_is_noticed(tamper: Callable[[Rows], Rows], noticed: str) -> None:
    assert noticed in [flaw.what for flaw in verify_chain(tamper(chain()))]


def test_an_erased_value_leaves_the_chain_whole() -> None:
    assert list(verify_chain(change(chain(), 1, sealed=None))) == []
