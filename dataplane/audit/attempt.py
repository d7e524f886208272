"""One group of records on its way into the database, in as many transactions as that takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlalchemy import Connection

from dataplane.audit import store
from dataplane.audit.draft import Draft
from dataplane.audit.store import Group, Position
from dataplane.errors import RegoGateError


class ChainMoved(RegoGateError):
    """Somebody else wrote into this writer's chain. Nothing more is written: fail closed."""


class Attempt:
    """The work of each of these transactions.

    `in_doubt` is set once a transaction came so far that it may have landed; from then on each one first
    looks for the group at its own chain's end, and inserts the very same rows where it is not there.
    Raises `ChainMoved` there for an end that is neither.
    """

    def __init__(self, drafts: Sequence[Draft], start: Position) -> None:
        self._drafts = drafts
        self._start = start
        self._group: Group | None = None
        self.in_doubt = False

    def __len__(self) -> int:
        return len(self._drafts)

    @property
    def alone(self) -> bool:
        """Whether the next transaction is a single statement, as it is for every group of a usual size."""
        return not self.in_doubt and len(self._drafts) <= store.ROWS_AT_ONCE

    @property
    def end(self) -> Position:
        assert self._group is not None
        return self._group.end

    def placed(self) -> Group:
        """The same rows each time."""
        if self._group is None:
            self._group = store.place(self._drafts, self._start)
        return self._group

    def __call__(self, connection: Connection) -> None:
        group = self.placed()
        if not (self.in_doubt and self._landed(connection)):
            store.insert(connection, group)
        self.in_doubt = True  # from here on COMMIT may be sent; nothing resets it but success

    def _landed(self, connection: Connection) -> bool:
        """Whether the earlier transaction did land, read from our own chain's end."""
        end = store.chain_end(connection, self._start.writer)
        if end == self.end:
            return True
        if end is None and self._start.wseq == 0:
            return False
        if end != self._start:
            raise ChainMoved("the end of this writer's chain is not what it wrote")
        return False


def describe(error: BaseException) -> str:
    """What a database error is, without the values that its text may quote."""
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, sqlite3.Error):
        return str(origin)  # SQLite names files, tables and columns, never values
    if isinstance(origin, OSError) and str(origin):
        return f"{type(origin).__name__}: {origin}"  # an address that nobody answers at
    state = getattr(origin, "sqlstate", None)
    return type(origin).__name__ + (f" ({state})" if state else "")
