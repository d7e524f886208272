"""Inserts rows into SQLite for its parent. Run by path, standard library only: it starts in 30 ms.

    python -I -S inserter_program.py SOCKET_FD

Frames in both directions: four bytes of length (little endian), and as many of `marshal`. First comes
`(database, busy_s, pragmas)`. Then each frame is the statements of one transaction, `[(sql, parameters)]`,
answered by None once they are on disk, else by `(type, message, doubt)` of an error: without doubt nothing of
them is. It ends when its parent closes the socket or is gone, and by no signal that is meant for a session.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import resource
import signal
import socket
import sqlite3
import struct
import sys
from typing import Any, BinaryIO

LENGTH = struct.Struct("<I")


def main(descriptor: int) -> None:
    """Serve until the parent's end of the socket is closed."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    wire = socket.socket(fileno=descriptor)
    parent = os.getppid()
    with wire, wire.makefile("rb") as frames, contextlib.suppress(OSError):
        if (first := _next(frames)) is None:
            return
        inserts = _Inserts(*first)
        while (statements := _next(frames)) is not None:
            _as_parent(parent)
            wire.sendall(b"".join(framed(inserts.answer(statements))))


def framed(value: Any) -> tuple[bytes, bytes]:
    """Both parts of the frame that holds `value`."""
    body = marshal.dumps(value)
    return LENGTH.pack(len(body)), body


def _next(frames: BinaryIO) -> Any:
    """What the next frame holds; None where the parent has closed."""
    head = frames.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    body = frames.read(size)
    return marshal.loads(body) if len(body) == size else None  # noqa: S302  from our parent alone


class _Inserts:
    """On one connection, made when it is first needed."""

    def __init__(self, path: str, busy_s: float, pragmas: list[str]) -> None:
        self._path = path
        self._busy_s = busy_s
        self._pragmas = pragmas
        self._connection: sqlite3.Connection | None = None

    def answer(self, statements: list[tuple[str, tuple[Any, ...]]]) -> tuple[str, str, bool] | None:
        """What is told of these."""
        several = len(statements) > 1
        committing = False
        try:
            connection = self._connected()
            # Outside of a transaction a statement is one (sqlite.org/lang_transaction.html).
            if several:
                connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(*statement)
            if several:
                committing = True
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  whatever it is, the parent must hear of it
            if self._connection is not None:
                self._connection.rollback()
            # Errors of SQLite name files, tables and columns, never values; others may.
            told = str(error) if isinstance(error, sqlite3.Error) else ""
            return type(error).__name__, told, committing
        return None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # None: transactions are ours alone.
            connection = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)
            for pragma in self._pragmas:
                connection.execute(pragma)
            self._connection = connection
        return self._connection


def _as_parent(parent: int) -> None:
    """A bound that is set on the size of the parent's files while it runs (prlimit) holds here, too."""
    if not hasattr(resource, "prlimit"):  # Linux has it
        return
    with contextlib.suppress(OSError):  # where one process may not ask after another
        bound = resource.prlimit(parent, resource.RLIMIT_FSIZE)
        if bound != resource.getrlimit(resource.RLIMIT_FSIZE):
            resource.setrlimit(resource.RLIMIT_FSIZE, bound)


if __name__ == "__main__":
    main(int(sys.argv[1]))
