"""The tables of the active revision as Python itself needs them, and the detector that is made of them.

1. The models and the detectors are read through OPA; both answers must be of one revision.
2. A revision met for the first time must be of the decision contract that this gateway knows.
3. A detector is made off the loop, unless its table is the one before. Callers that come meanwhile share the
   work; what was there before stays until it is done.
4. A table that no detector can be made of gives one for which every text is a failed inspection: policy says
   what becomes of the calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from dataplane.inspection_ports import Detector
from dataplane.policy.activation import Activations
from dataplane.policy.client import OpaClient
from dataplane.policy.deadline import PatientTimeout
from dataplane.policy.failed_detector import FailedDetector
from dataplane.policy.result import Malformed, split_answer
from dataplane.policy.tables import Tables, read_tables

CONTRACT_SCHEMA: Final = 1
"""The decision contract this gateway knows; a bundle that names another is not used."""
READ_DEADLINE_S: Final = 2.0
"""For the tables, at most some hundred kB; OPA answers in milliseconds."""
WAIT_S: Final = 20.0
"""How long a call waits for tables that are being read and a detector that is being made of them: some
seconds, more on a busy machine. Only the first calls after a change of detectors.yaml wait."""
_TABLE: Final = "/v1/data/regogate/{}?provenance=true"
_METADATA: Final = "/v1/data/system/bundles/{}/manifest/metadata"
_NO_TABLE: Final = b"{}"

_log = logging.getLogger("regogate.policy")

MakesDetector = Callable[[str, Mapping[str, Any]], Detector]
"""A detector from the revision of the tables and the table of detectors. Takes seconds, so it is called in a
thread; raises whatever is wrong with the table."""


class CurrentTables:
    """What was read last: `tables`, and the `detector` made of them, None where nobody can make one."""

    def __init__(
        self, client: OpaClient, activations: Activations, *, bundle: str, make: MakesDetector | None
    ) -> None:
        self._client = client
        self._activations = activations
        self._bundle = bundle
        self._make = make
        self._made_of: bytes | None = None
        self._reading: asyncio.Task[None] | None = None
        self.tables = Tables(revision="")
        self.detector: Detector | None = None

    @property
    def problem(self) -> str | None:
        """What is missing before any call can be looked at."""
        missing = self._make is not None and self.detector is None
        return "the detectors of the active bundle are not made yet" if missing else None

    async def refresh(self) -> None:
        """Read them anew, once for all who ask meanwhile. Raises `Malformed`, `OpaUnreachable`, or
        `TimeoutError` where that takes too long."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="policy tables")
            self._reading.add_done_callback(_retrieve)
        async with asyncio.timeout(WAIT_S):
            await asyncio.shield(self._reading)

    async def close(self) -> None:
        """End a reading that outlived those who asked for it."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        with PatientTimeout(READ_DEADLINE_S):
            revision, models = await self._table("models")
            if revision != self.tables.revision:
                await self._check_schema(revision)
            rows = _NO_TABLE
            if self._make is not None:
                other, rows = await self._table("detectors")
                if other != revision:
                    raise Malformed("the policy changed while its tables were read")
        try:
            read = read_tables(revision, orjson.loads(models))
            table = orjson.loads(rows)
        except orjson.JSONDecodeError:
            raise Malformed("the policy's tables are not JSON") from None
        if self._make is not None and rows != self._made_of:
            # Off the loop, which goes on with the tables and the detector of before.
            self.detector = await asyncio.to_thread(_made, self._make, revision, table)
            self._made_of = rows
        self.tables = read

    async def _table(self, name: str) -> tuple[str, bytes]:
        status, body = await self._client.get(_TABLE.format(name))
        if status != 200:
            raise Malformed(f"OPA answered the {name} with status {status}")
        answer, result = split_answer(body)
        return provenance_revision(answer, self._bundle), _NO_TABLE if result is None else result

    async def _check_schema(self, revision: str) -> None:
        status, body = await self._client.get(_METADATA.format(self._bundle))
        if status != 200:
            # OPA's trouble of this moment, which says nothing about the bundle.
            raise Malformed(f"OPA answered the bundle's metadata with status {status}")
        try:
            schema = orjson.loads(body)["result"]["schema"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            schema = None
        if schema != CONTRACT_SCHEMA:
            why = f"its decision contract is schema {schema}, this gateway knows {CONTRACT_SCHEMA}"
            self._activations.reject(revision, why)
            raise Malformed(why)


def _made(make: MakesDetector, revision: str, table: Any) -> Detector:
    try:
        return make(revision, table if isinstance(table, dict) else {})
    except Exception as error:  # noqa: BLE001  whatever an engine raises for a table: fail closed, with a name
        _log.error("no detector can be made of the tables", extra={"why": f"{type(error).__name__}: {error}"})
        return FailedDetector(revision)


def _retrieve(reading: asyncio.Task[None]) -> None:
    if not reading.cancelled():
        reading.exception()


def provenance_revision(answer: dict[str, Any], bundle: str) -> str:
    """The revision that an answer says it was given under. Raises `Malformed` where it names none."""
    try:
        revision = answer["provenance"]["bundles"][bundle]["revision"]
    except (KeyError, TypeError):
        raise Malformed("OPA has no active bundle") from None
    if not isinstance(revision, str):
        raise Malformed("the answer's revision is not a string")
    return revision
