"""Candidates beside the active policy, in the database: what is to run, and what each gateway says of it.

Commands write here and gateways look: so several replicas do the same, a restart forgets nothing, and nobody
can change what decides by reaching an address. `TrialTable` is a gateway's side (`ports.TrialStore`), the
functions below are the commands'.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import uuid_utils
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from dataplane.audit.models import trial_reports, trials
from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.trial import Trial, TrialKind, TrialReport, TrialState

WHY_MAX_CHARS: Final = 500
"""Of the reason a gateway gives."""

_COLUMNS: Final = [column for column in trials.c if column.name != "content"]


class TrialRefused(RegoGateError):
    """A trial cannot be started or ended as asked; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is to be tried: a signed bundle that was verified, and the channel it was signed for."""

    revision: str
    channel: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrial:
    """A trial with its story. Times are Unix microseconds; `ended_as` is `stopped`, `withdrawn` or
    `promoted`."""

    trial: Trial
    started_us: int
    ended_us: int | None
    ended_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """What a gateway said of a trial, and when."""

    instance: str
    report: TrialReport
    updated_us: int


class TrialTable:
    """`ports.TrialStore` for the gateway `instance`."""

    def __init__(self, database: Database, *, instance: str) -> None:
        self._database = database
        self._instance = instance

    async def running(self, channel: str) -> list[Trial]:
        """See `ports.TrialStore.running`."""
        query = select(*_COLUMNS).where(trials.c.channel == channel, trials.c.ended_us.is_(None))
        rows = await self._database.run(
            lambda connection: list(connection.execute(query.order_by(trials.c.kind))), reading=True
        )
        return [_trial(row) for row in rows]

    async def content(self, trial_id: str) -> bytes | None:
        """See `ports.TrialStore.content`."""
        return await content(self._database, trial_id)

    async def counted(self, trial_id: str) -> Mapping[str, int]:
        """See `ports.TrialStore.counted`."""
        found = await reports(self._database, trial_id)
        mine = [one.report.counts for one in found if one.instance == self._instance]
        return mine[0] if mine else {}

    async def begun(self, trial_id: str) -> None:
        """See `ports.TrialStore.begun`."""
        change = update(trials).where(trials.c.id == trial_id, trials.c.begun_us.is_(None))
        await self._database.run(lambda connection: connection.execute(change.values(begun_us=_now_us())))

    async def report(self, trial_id: str, report: TrialReport) -> None:
        """See `ports.TrialStore.report`."""
        row = {
            "trial": trial_id,
            "instance": self._instance,
            "state": report.state.value,
            "why": None if report.why is None else report.why[:WHY_MAX_CHARS],
            "counts": orjson.dumps(dict(report.counts), option=orjson.OPT_SORT_KEYS).decode(),
            "updated_us": _now_us(),
        }

        def work(connection: Connection) -> None:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            said = dialect.insert(trial_reports).values(row)
            keys = [trial_reports.c.trial, trial_reports.c.instance]
            connection.execute(said.on_conflict_do_update(index_elements=keys, set_=row))

        await self._database.run(work)


async def start(
    database: Database, kind: TrialKind, *, channel: str, candidate: Candidate, share_ppm: int
) -> tuple[StoredTrial, bool]:
    """Have a candidate run beside the policy of `channel`; True where it is a new trial.

    Where the same revision runs already, only its share changes: a canary's clients stay its own while it
    grows. Raises `TrialRefused` where another candidate runs.
    """

    def work(connection: Connection) -> tuple[StoredTrial, bool]:
        found = _newest(connection, kind, channel, running=True)
        if found is not None and found.trial.revision != candidate.revision:
            end = "stop" if kind is TrialKind.SHADOW else "withdraw"
            raise TrialRefused(
                f"the {kind} of {found.trial.revision} runs beside {channel} already: "
                f"run 'regogate {kind} {end}' first"
            )
        if found is not None:
            change = update(trials).where(trials.c.id == found.trial.id).values(share_ppm=share_ppm)
            connection.execute(change)
        else:
            row = {
                "id": str(uuid_utils.uuid7()),
                "kind": kind.value,
                "channel": channel,
                "revision": candidate.revision,
                "signed_for": candidate.channel,
                "share_ppm": share_ppm,
                "content": candidate.content,
                "started_us": _now_us(),
            }
            connection.execute(insert(trials).values(row))
        now = _newest(connection, kind, channel, running=True)
        assert now is not None
        return now, found is None

    try:
        return await database.run(work)
    except IntegrityError:
        raise TrialRefused(f"another {kind} was started beside {channel} in this moment") from None


async def end(database: Database, trial_id: str, how: str) -> None:
    """Have no gateway run a trial any more. What was counted and recorded stays; the bundle goes."""
    change = update(trials).where(trials.c.id == trial_id, trials.c.ended_us.is_(None))
    ended = {"ended_us": _now_us(), "ended_as": how, "content": None}
    await database.run(lambda connection: connection.execute(change.values(ended)))


async def newest(
    database: Database, kind: TrialKind, channel: str, *, running: bool = False
) -> StoredTrial | None:
    """The trial of this kind that began last beside a channel, with `running` only one that has not ended."""
    return await database.run(
        lambda connection: _newest(connection, kind, channel, running=running), reading=True
    )


async def content(database: Database, trial_id: str) -> bytes | None:
    """The signed bundle of a trial; None where it ended."""
    query = select(trials.c.content).where(trials.c.id == trial_id)
    found = await database.run(lambda connection: connection.execute(query).scalar(), reading=True)
    return None if found is None else bytes(found)


async def reports(database: Database, trial_id: str) -> list[StoredReport]:
    """What the gateways say of a trial, by instance."""
    query = select(trial_reports).where(trial_reports.c.trial == trial_id).order_by(trial_reports.c.instance)
    rows = await database.run(lambda connection: list(connection.execute(query)), reading=True)
    return [
        StoredReport(
            instance=row.instance,
            report=TrialReport(state=TrialState(row.state), why=row.why, counts=orjson.loads(row.counts)),
            updated_us=int(row.updated_us),
        )
        for row in rows
    ]


def _newest(connection: Connection, kind: TrialKind, channel: str, *, running: bool) -> StoredTrial | None:
    query = select(*_COLUMNS).where(trials.c.kind == kind.value, trials.c.channel == channel)
    if running:
        query = query.where(trials.c.ended_us.is_(None))
    row = connection.execute(query.order_by(trials.c.started_us.desc(), trials.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    return StoredTrial(
        trial=_trial(row),
        started_us=int(row.started_us),
        ended_us=None if row.ended_us is None else int(row.ended_us),
        ended_as=row.ended_as,
    )


def _trial(row: Any) -> Trial:
    return Trial(
        id=row.id,
        kind=TrialKind(row.kind),
        channel=row.channel,
        revision=row.revision,
        signed_for=row.signed_for,
        share_ppm=int(row.share_ppm),
        begun=row.begun_us is not None,
    )


def _now_us() -> int:
    return time.time_ns() // 1000
