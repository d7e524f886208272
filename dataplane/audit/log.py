"""The audit log of one process: `ports.AuditLog` on a writer, with its own chain from `hello` to `bye`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import uuid_utils

from dataplane.audit import store
from dataplane.audit.attempt import describe
from dataplane.audit.canonical import Fields
from dataplane.audit.draft import Draft
from dataplane.audit.flood import RefusalGate, Tally
from dataplane.audit.inserter import Inserter
from dataplane.audit.record import Recorder
from dataplane.audit.writer import NotDurable, Writer
from dataplane.database import Database
from dataplane.domain import CallState, Decision, Outcome
from dataplane.errors import Refused
from dataplane.inspection_ports import Question
from dataplane.trial import ShadowDifference

TIMEOUT_S: Final = 2.0
"""How long a call waits for its record; `audit.timeout_s` of the settings."""

QUEUE_LIMIT: Final = 10_000
"""Records that callers wait for at once; one more is refused at once rather than late."""

BEAT_S: Final = 60.0
"""Between `beat` records: a writer that is silent for longer without a `bye` was killed."""

TALLY_S: Final = 1.0
"""One counting record a second while refusals are counted."""

CLOSE_S: Final = 5.0

SHADOW_QUEUED: Final = 2_000
"""Records that may wait while a shadow's are still taken: two groups. Beyond that calls need the database."""

_FLOOD: Final = "flood"
_UNAVAILABLE: Final = "audit_unavailable"
"""Why refusals were counted, in a counting record's `counted_because`."""


class DurableLog:
    """Records of one process. `key` is the installation key (32 bytes or more), `instance` names this
    gateway among its replicas, `about` joins the `hello` record (versions). `beside`: what has many calls
    lets a process beside it insert rows, see `inserter`.

    Start it inside a running loop and close it last. Implements `ports.AuditLog`.
    """

    def __init__(
        self,
        database: Database,
        *,
        key: bytes,
        instance: str,
        about: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        queue_limit: int = QUEUE_LIMIT,
        beat_s: float = BEAT_S,
        clock: Callable[[], float] = time.monotonic,
        beside: bool = False,
    ) -> None:
        self._database = database
        self._inserter = Inserter(database) if beside and database.is_sqlite else None
        self._about = {**(about or {}), "instance": instance}
        self._beat_s = beat_s
        self._clock = clock
        self._record = Recorder(key=key, writer=str(uuid_utils.uuid7()))
        self._writer = Writer(
            self._inserter or database,
            self._record.writer,
            timeout_s=timeout_s,
            queue_limit=queue_limit,
            probe=self._alive,
            on_recovered=self._write_tally,
        )
        self._gate = RefusalGate()
        self._tally = Tally()
        self._tally_timer: asyncio.TimerHandle | None = None
        self._beat_timer: asyncio.TimerHandle | None = None

    @property
    def writer_id(self) -> str:
        """The id of this process' chain."""
        return self._record.writer

    async def start(self) -> None:
        """Begin, with a `hello` that names the record written last before this process."""
        hello: Fields = dict(self._about)
        try:
            previous = await self._database.run(store.newest, reading=True)
        except Exception as error:  # noqa: BLE001  it starts all the same, and says what it missed
            hello["previous_unknown"] = describe(error)
        else:
            if previous is not None:
                hello["previous_writer"] = previous.writer
                hello["previous_wseq"] = previous.wseq
                hello["previous_hash"] = previous.hash
        self._writer.put(self._record.note("hello", hello))
        self._writer.start()
        self._beat_timer = asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    async def close(self, deadline_s: float = CLOSE_S) -> int:
        """Write what is queued, `bye` last; the number of records that did not make it in time."""
        for timer in (self._beat_timer, self._tally_timer):
            if timer is not None:
                timer.cancel()
        self._put_tally()
        self._writer.put(self._record.note("bye", {}))
        unwritten = await self._writer.close(deadline_s)
        if self._inserter is not None:
            await self._inserter.close()
        return unwritten

    # --- ports.AuditLog -------------------------------------------------------------------------

    async def intent(self, state: CallState) -> None:
        """See `ports.AuditLog.intent`. A cancelled caller is one that gave up, too."""
        draft = self._record.intent(state)

        def not_forwarded() -> None:
            self._writer.put(self._record.completion(state, Outcome.NOT_FORWARDED, draft.id))

        try:
            await self._writer.write(draft, on_late=not_forwarded)
        except NotDurable:
            raise Refused("gateway.audit_unavailable") from None
        state.intent_id = draft.id

    async def judged(self, state: CallState, question: Question, decision: Decision) -> None:
        """See `ports.AuditLog.judged`."""
        try:
            await self._writer.write(self._record.judged(state, question, decision))
        except NotDurable:
            raise Refused("gateway.audit_unavailable") from None

    def completion(self, state: CallState, outcome: Outcome) -> None:
        """See `ports.AuditLog.completion`."""
        self._writer.put(self._record.completion(state, outcome, state.intent_id))

    async def deny(self, state: CallState, refused: Refused) -> None:
        """See `ports.AuditLog.deny`."""
        reason = refused.reasons[0]
        if self._writer.failing:
            self._count(reason, _UNAVAILABLE)
            return
        if state.identity is None and not self._gate.admits(_source_ip(state), self._clock()):
            self._count(reason, _FLOOD)
            return
        with suppress(NotDurable):
            await self._writer.write(
                self._record.deny(state, refused), on_lost=lambda: self._count(reason, _UNAVAILABLE)
            )

    def problems(self) -> list[str]:
        """See `ports.AuditLog.problems`."""
        return self._writer.problems()

    # --- ports.ShadowLog ------------------------------------------------------------------------

    def shadow(self, difference: ShadowDifference) -> bool:
        """See `ports.ShadowLog.shadow`. It shares the commits of calls and starts none in their way."""
        if self._writer.failing or self._writer.backlog > SHADOW_QUEUED:
            return False
        self._writer.put(self._record.shadow(difference))
        return True

    # --- what is about no call ------------------------------------------------------------------

    async def note(self, kind: str, fields: Mapping[str, object]) -> None:
        """Write a record of another kind (`bundle`, `config`, `key`); returns when it is durable.

        Raises `Refused` (`gateway.audit_unavailable`) when it is not in time, and `TypeError` or
        `ValueError` for fields that no record may hold.
        """
        try:
            await self._writer.write(self._record.note(kind, fields))
        except NotDurable:
            raise Refused("gateway.audit_unavailable") from None

    def put_note(self, kind: str, fields: Mapping[str, object]) -> None:
        """Queue such a record; it is kept until it is written."""
        self._writer.put(self._record.note(kind, fields))

    def _alive(self) -> Draft:
        return self._record.note("beat", {"queued": self._writer.queued})

    def _beat(self) -> None:
        if not self._writer.failing:  # an outage piles up no beats
            self._writer.put(self._alive())
        self._beat_timer = asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    def _count(self, reason: str, cause: str) -> None:
        self._tally.add(reason, cause, time.time_ns() // 1000)
        if self._tally_timer is None:
            self._tally_timer = asyncio.get_running_loop().call_later(TALLY_S, self._write_tally)

    def _write_tally(self) -> None:
        """Write the counts, unless the database is down: then its recovery will."""
        if self._tally_timer is not None:
            self._tally_timer.cancel()
            self._tally_timer = None
        if not self._writer.failing:
            self._put_tally()

    def _put_tally(self) -> None:
        tally = self._tally
        if tally.counts:
            self._tally = Tally()
            now_us = time.time_ns() // 1000
            self._writer.put(
                self._record.refusals(tally.counts, sorted(tally.causes), tally.since_us, now_us)
            )


def _source_ip(state: CallState) -> str:
    return state.source.ip if state.source is not None else state.head.peer_ip
