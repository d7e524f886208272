"""A record before its place in a chain is known: everything checked and serialised but `wseq`, `prev`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import uuid_utils

from dataplane.audit.canonical import Fields, Value, canonical

VERSION: Final = 1
"""Of the record's form, in each record as `v`."""

GENESIS: Final = "0" * 64
"""`prev` of a writer's first record, whose `wseq` is 1."""

COLUMN_MAX_CHARS: Final = 256
"""Of a query column. A PostgreSQL index entry holds at most 2704 bytes; four a character fit."""

KINDS: Final = frozenset(
    {
        "intent",
        "completion",
        "deny",
        "tool_call",
        "response",
        "shadow",
        "key",
        "bundle",
        "config",
        "hello",
        "beat",
        "bye",
    }
)
RESERVED: Final = frozenset({"v", "id", "kind", "writer", "wseq", "prev", "time", "time_us"})
"""Fields that every record has and no caller gives."""

QUERY_COLUMNS: Final = (
    "request_id",
    "client_id",
    "tenant",
    "operation",
    "model",
    "decision",
    "policy_revision",
    "status",
    "tokens_in",
    "tokens_out",
    "cost_microusd",
    "correlation_id",
)
"""Canonical fields that are copied to columns of the same name."""

_PLAIN: Final = frozenset({str, int, type(None)})


@dataclass(slots=True, kw_only=True)  # not frozen, which would cost 1.5 us, twice a call
class Draft:
    """A record of one writer, to be placed in that writer's chain.

    `columns` are the values of `QUERY_COLUMNS`; `sealed` is JSON text; `held_us` is the moment (Unix
    microseconds) until which what the call took of its limits counts, None where nothing lasts. `before`
    and `between` are the canonical bytes up to `"prev"` and from there up to the value of `"wseq"`, the
    last name of all.
    """

    id: str
    kind: str
    time_us: int
    columns: tuple[Any, ...]
    before: bytes = field(repr=False)
    between: bytes = field(repr=False)
    sealed: bytes | None = field(repr=False)
    held_us: int | None = None

    def placed(self, wseq: int, prev: str) -> bytes:
        """The canonical bytes of the record at this place of its writer's chain."""
        return b'%b"prev":"%b"%b%d}' % (self.before, prev.encode(), self.between, wseq)


def draft(
    kind: str, writer: str, fields: Fields, *, sealed: bytes | None = None, held_us: int | None = None
) -> Draft:
    """A draft of the given kind with a new id and the current time. Takes over `fields`, whose names
    are ASCII and sort before `wseq`."""
    now_us = time.time_ns() // 1000
    record_id = str(uuid_utils.uuid7())
    columns = _columns(tuple(map(fields.get, QUERY_COLUMNS)))
    fields["v"] = VERSION
    fields["id"] = record_id
    fields["kind"] = kind
    fields["time"] = rfc3339(now_us)
    fields["time_us"] = now_us
    fields["writer"] = writer
    fields["prev"] = ""
    fields["wseq"] = 0
    # Inside a string every quote is escaped, so these bytes stand only where the field `prev` is.
    before, _, between = canonical(fields).partition(b'"prev":""')
    assert between.endswith(b'"wseq":0}')
    return Draft(
        id=record_id,
        kind=kind,
        time_us=now_us,
        columns=columns,
        before=before,
        between=between[:-2],
        sealed=sealed,
        held_us=held_us,
    )


def rfc3339(us: int) -> str:
    """Unix microseconds as RFC 3339 in UTC, always with six decimals."""
    seconds, rest = divmod(us, 1_000_000)
    return f"{_seconds(seconds)}.{str(rest + 1_000_000)[1:]}Z"  # a format of its own takes longer


@lru_cache(maxsize=4)
def _seconds(unix: int) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S}"


def _columns(values: tuple[Value | None, ...]) -> tuple[str | int | None, ...]:
    # The common case is judged as one text: short in all, and plain.
    if _PLAIN.issuperset(map(type, values)):
        text = "".join([value for value in values if type(value) is str])
        if len(text) <= COLUMN_MAX_CHARS and text.isascii() and text.isprintable():
            return values  # type: ignore[return-value]  # no list among them
    return tuple(map(_column, values))


def _column(value: Value | None) -> str | int | None:
    if not isinstance(value, str):
        return value if isinstance(value, int) else None
    if len(value) <= COLUMN_MAX_CHARS and value.isascii() and value.isprintable():
        return value
    # What PostgreSQL's text type refuses (NUL, lone surrogates) must not hold up a whole group.
    return value[:COLUMN_MAX_CHARS].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
