"""What a shadow's candidate would have decided otherwise, as recorded, in order of writing.

A row has the form of `export` (`ROW_VERSION`) with `candidate_revision` and `candidate_result`, the text of
the candidate's answer, null where it has none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from dataplane.audit.export import CLOCK_SKEW_US, ROW_VERSION
from dataplane.audit.models import records
from dataplane.audit.trials import StoredTrial
from dataplane.database import Database

PAGE: Final = 1000
"""Records in memory at once: about 4 MB."""

_COPIED: Final = (
    "request_id",
    "time",
    "client_id",
    "model",
    "operation",
    "policy_revision",
    "stage",
    "candidate_revision",
)
_SEALED: Final = ("policy_input", "policy_result", "candidate_result")


async def differences(database: Database, found: StoredTrial) -> AsyncGenerator[dict[str, Any], None]:
    """The rows of one trial. One whose sealed values were erased has nulls in their place and `stored` says
    so, as in `export`. Raises what SQLAlchemy raises."""
    query = select(records.c.seq, records.c.canonical, records.c.sealed).where(records.c.kind == "shadow")
    begun = records.c.time_us >= found.started_us - CLOCK_SKEW_US
    first = select(records.c.seq).where(begun).order_by(records.c.time_us).limit(1)  # by its index
    earliest = await database.run(lambda connection: connection.execute(first).scalar(), reading=True)
    at = -1 if earliest is None else earliest - 1
    while earliest is not None:

        def work(connection: Connection, at: int = at) -> list[Any]:
            some = query.where(records.c.seq > at).order_by(records.c.seq).limit(PAGE)
            return list(connection.execute(some))

        rows = await database.run(work, reading=True)
        for row in rows:
            fields = orjson.loads(row.canonical)
            if fields.get("trial") == found.trial.id:
                yield _row(fields, row.sealed)
        if len(rows) < PAGE:
            return
        at = rows[-1].seq


def _row(fields: dict[str, Any], sealed: bytes | None) -> dict[str, Any]:
    values = {} if sealed is None else orjson.loads(sealed)
    row: dict[str, Any] = {"v": ROW_VERSION}
    row |= {name: fields.get(name) for name in _COPIED}
    row |= {name: values.get(name) for name in _SEALED}
    row["stored"] = "erased" if row["policy_input"] is None or row["policy_result"] is None else "whole"
    return row
