"""The `PolicyEngine` port: one question to OPA a call, under one deadline.

1. Wait for a turn, then ask with the tables' revision in the input; from here the deadline runs.
2. The answer's revision must be one that counts; an unknown one has OPA's status read until it names it.
3. Tables of another revision are read again and the question asked once more, else `policy_changed`.
4. Parse strictly. Everything that goes wrong is a refusal; the reason in the log names no content.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson

from dataplane.domain import CallState, Decision
from dataplane.errors import Refused
from dataplane.policy.activation import Activation, Activations
from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.deadline import PatientTimeout
from dataplane.policy.input import build_input
from dataplane.policy.places import Places
from dataplane.policy.result import Malformed, parse_result, split_answer
from dataplane.policy.tables import Tables, read_tables
from dataplane.ports import UsageFacts

_QUERY: Final = "?provenance=true&strict-builtin-errors=true"
_MODELS: Final = "/v1/data/regogate/models?provenance=true"
_METADATA: Final = "/v1/data/system/bundles/{}/manifest/metadata"
WAIT_DEADLINES: Final = 10
WAIT_MAX_S: Final = 2.0
"""How long a call waits for its turn to ask, in deadlines and at most. The deadline judges OPA's answer; a
queue in front of a healthy OPA would make whole bursts of calls late, and OPA work for nobody."""
SPARE_CONNECTIONS: Final = 2
"""Kept free of questions, for the status and the tables that a question may have to wait for."""
STATUS_DEADLINE_S: Final = 2.0
"""For about 60 kB, nearly all of it metrics. A call that waits for it keeps its own deadline."""
STATUS_PAUSES_S: Final = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
"""Between readings of a status that does not name an answer's revision yet: OPA answers under a new bundle
some milliseconds before its status says so (10 measured, more on a busy machine)."""
CONTRACT_SCHEMA: Final = 1
"""The decision contract this gateway knows; a bundle that names another is not used."""
_log = logging.getLogger("regogate.policy")


def _unavailable(why: str) -> Refused:
    _log.warning("policy unavailable", extra={"why": why})
    return Refused("gateway.policy_unavailable")


class OpaEngine:
    """Decides by OPA. `bundle` is the name OPA's configuration gives to the bundle; `usage` knows what
    clients use, if anything does."""

    def __init__(
        self,
        client: OpaClient,
        activations: Activations,
        *,
        bundle: str,
        deadline_ms: int,
        usage: UsageFacts | None = None,
    ) -> None:
        self._client = client
        self._activations = activations
        self._bundle = bundle
        self._usage = usage
        self._deadline_s = deadline_ms / 1000
        self._wait_s = min(WAIT_MAX_S, WAIT_DEADLINES * self._deadline_s)
        self._places = Places(max(1, client.connections - SPARE_CONNECTIONS))
        self._tables = Tables(revision="")
        self._status: asyncio.Task[bool] | None = None

    def problems(self) -> list[str]:
        problem = self._activations.problem
        return [f"policy: {problem}"] if problem else []

    async def decide(self, state: CallState) -> Decision:
        try:
            await self._places.take_within(self._wait_s)
        except TimeoutError:
            raise _unavailable(f"no turn to ask within {self._wait_s * 1000:.0f} ms") from None
        began = self._activations.current
        try:
            with PatientTimeout(self._deadline_s):
                return await self._decide(state, began)
        except TimeoutError:
            raise _unavailable(f"no answer within {self._deadline_s * 1000:.0f} ms") from None
        except (OpaUnreachable, Malformed) as error:
            raise _unavailable(str(error)) from None
        finally:
            self._places.give()

    async def _decide(self, state: CallState, began: Activation | None) -> Decision:
        for _ in range(2):
            tables = self._tables
            started = time.perf_counter_ns()
            question = build_input(
                state,
                stage="request",
                tables_revision=tables.revision,
                models=tables.models,
                usage=self._used(state),
            )
            answer, result = await self._ask(
                "/v1/data/regogate/request/decision" + _QUERY, b'{"input":%b}' % question
            )
            latency_us = (time.perf_counter_ns() - started) // 1000
            revision = await self._counted(answer, began)
            if revision != tables.revision:
                await self._read_tables()
                continue
            if result is None:
                raise Malformed("the decision is undefined")
            return parse_result(
                result,
                revision=revision,
                opa_version=str(answer["provenance"].get("version", "")),
                input_bytes=question,
                latency_us=latency_us,
                asked=None if state.facts is None else state.facts.model,
                tables=tables,
            )
        raise Refused("gateway.policy_changed")

    def _used(self, state: CallState) -> Mapping[str, float]:
        if self._usage is None or state.identity is None:
            return {}
        return self._usage.facts(state.identity.client_id)

    async def _ask(self, target: str, body: bytes) -> tuple[dict[str, Any], bytes | None]:
        status, answer = await self._client.post(target, body)
        if status != 200:
            raise Malformed(f"OPA answered with status {status}")
        return split_answer(answer)

    async def _counted(self, answer: dict[str, Any], began: Activation | None) -> str:
        """The answer's revision if it counts; raises `Refused` or `Malformed`."""
        revision = provenance_revision(answer, self._bundle)
        if self._activations.accepts(revision, began):
            return revision
        for pause_s in (*STATUS_PAUSES_S, None):
            await self._read_status()
            if self._activations.rolled_back:
                raise Refused("gateway.policy_rollback")
            if self._activations.accepts(revision, began):
                return revision
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        raise Malformed("OPA's status does not report the revision of the answer")

    async def _read_status(self) -> bool:
        """Read OPA's status once; callers that come meanwhile share the answer."""
        if self._status is None or self._status.done():
            self._status = asyncio.create_task(self._fetch_status())
        return await asyncio.shield(self._status)

    async def _fetch_status(self) -> bool:
        """Whether OPA told its status; then it was taken in."""
        status = await self._get_status()
        if status is not None and self._activations.goes_back(status):
            # A newer status may have been posted while this one was on its way: the next one is later.
            status = await self._get_status()
        if status is None:
            return False
        self._activations.observe(status)
        return True

    async def _get_status(self) -> Any:
        """OPA's status document, None where it gave none."""
        try:
            with PatientTimeout(STATUS_DEADLINE_S):
                code, body = await self._client.get("/v1/status")
            return orjson.loads(body)["result"] if code == 200 else None
        except (TimeoutError, OpaUnreachable):
            return None
        except (orjson.JSONDecodeError, KeyError, TypeError):
            _log.warning("OPA's status is not the JSON it sends")
            return None

    async def _read_tables(self) -> None:
        status, body = await self._client.get(_MODELS)
        if status != 200:
            raise Malformed(f"OPA answered the tables with status {status}")
        answer, result = split_answer(body)
        try:
            models = orjson.loads(result) if result is not None else {}
        except orjson.JSONDecodeError:
            raise Malformed("the models table is not JSON") from None
        revision = provenance_revision(answer, self._bundle)
        read = read_tables(revision, models)
        if revision != self._tables.revision:
            await self._check_schema(revision)
        self._tables = read

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

    async def look(self) -> None:
        """Read OPA's status now; an OPA that does not tell it has nothing that counts."""
        if not await self._read_status():
            self._activations.lost()

    async def close(self) -> None:
        """End a reading of the status that outlived those who asked for it."""
        if self._status is not None:
            self._status.cancel()
            await asyncio.wait([self._status])


def provenance_revision(answer: dict[str, Any], bundle: str) -> str:
    """The revision that an answer says it was given under. Raises `Malformed` where it names none."""
    try:
        revision = answer["provenance"]["bundles"][bundle]["revision"]
    except (KeyError, TypeError):
        raise Malformed("OPA has no active bundle") from None
    if not isinstance(revision, str):
        raise Malformed("the answer's revision is not a string")
    return revision
