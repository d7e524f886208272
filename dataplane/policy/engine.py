"""The `PolicyEngine` port: one question to OPA a call, under one deadline.

1. The call's texts are looked at by the detector of the tables read last.
2. Ask (`questions`) with the tables' revision in the input.
3. The answer's revision must be one that counts; an unknown one has OPA's status read until it names it.
4. Tables of another revision are read again, the texts looked at and the question asked once more, else
   `policy_changed`. A later stage is about text that may be gone: what found it stands in its input, and the
   answer counts under any revision that does.
5. Parse strictly. Everything that goes wrong is a refusal; the reason in the log names no content.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from dataplane.domain import CallState, Decision
from dataplane.errors import Refused
from dataplane.inspection_ports import Looks, Question
from dataplane.policy.activation import Activation, Activations
from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.current_tables import CurrentTables, MakesDetector, provenance_revision
from dataplane.policy.deadline import PatientTimeout
from dataplane.policy.input import build_input
from dataplane.policy.questions import Answer, NoTurn, Questions
from dataplane.policy.result import Malformed, Stage, parse_result
from dataplane.policy.tables import Tables
from dataplane.ports import UsageFacts

WAIT_DEADLINES: Final = 10
WAIT_MAX_S: Final = 2.0
"""How long a call waits for its turn to ask, in deadlines and at most."""
STATUS_DEADLINE_S: Final = 2.0
"""For about 60 kB, nearly all of it metrics. A call that waits for it keeps its own deadline."""
STATUS_PAUSES_S: Final = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
"""Between readings of a status that does not name an answer's revision yet: OPA answers under a new bundle
some milliseconds before its status says so (10 measured, more on a busy machine)."""
_NO_ANSWER: Final = (TimeoutError, NoTurn, OpaUnreachable, Malformed)
_log = logging.getLogger("regogate.policy")


def _unavailable(why: str) -> Refused:
    _log.warning("policy unavailable", extra={"why": why})
    return Refused("gateway.policy_unavailable")


def _opa_version(answer: Answer) -> str:
    return str(answer.about["provenance"].get("version", ""))


def _defined(result: bytes | None) -> bytes:
    if result is None:
        raise Malformed("the decision is undefined")
    return result


class OpaEngine:
    """Decides by OPA. `bundle` is the name OPA's configuration gives to the bundle; `usage` knows what
    clients use, if anything does; `detectors` makes what looks into texts, without it nothing does."""

    def __init__(
        self,
        client: OpaClient,
        activations: Activations,
        *,
        bundle: str,
        deadline_ms: int,
        usage: UsageFacts | None = None,
        detectors: MakesDetector | None = None,
    ) -> None:
        self._client = client
        self._activations = activations
        self._bundle = bundle
        self._usage = usage
        self._deadline_s = deadline_ms / 1000
        wait_s = min(WAIT_MAX_S, WAIT_DEADLINES * self._deadline_s)
        self._questions = Questions(client, deadline_s=self._deadline_s, wait_s=wait_s)
        self._current = CurrentTables(client, activations, bundle=bundle, make=detectors)
        self._status: asyncio.Task[bool] | None = None

    def problems(self) -> list[str]:
        problem = self._activations.problem or self._current.problem
        return [f"policy: {problem}"] if problem else []

    async def decide(self, state: CallState, looks: Looks | None = None) -> Decision:
        for _ in range(2):
            tables, detector = self._current.tables, self._current.detector
            if looks is not None and detector is not None:
                await looks.look(detector)
            decision = await self._decide(state, tables)
            if decision is not None:
                return decision
            await self._refresh()
        raise Refused("gateway.policy_changed")

    async def judge(self, state: CallState, question: Question) -> Decision:
        assert state.decision is not None
        asked = build_input(
            state,
            stage=question.stage,
            tables_revision=state.decision.revision,
            usage=self._used(state),
            about=question,
        )
        try:
            answer, revision = await self._answer(question.stage, asked)
            return parse_result(
                _defined(answer.result),
                stage=question.stage,
                revision=revision,
                opa_version=_opa_version(answer),
                input_bytes=asked,
                latency_us=answer.latency_us,
            )
        except _NO_ANSWER as error:
            raise self._refused(error) from None

    async def _refresh(self) -> None:
        try:
            await self._current.refresh()
        except TimeoutError:
            raise _unavailable("the tables of the active bundle took too long") from None
        except (OpaUnreachable, Malformed) as error:
            raise _unavailable(str(error)) from None

    async def _decide(self, state: CallState, tables: Tables) -> Decision | None:
        """None where the answer is of another revision than the tables."""
        question = build_input(
            state,
            stage="request",
            tables_revision=tables.revision,
            models=tables.models,
            usage=self._used(state),
        )
        try:
            answer, revision = await self._answer("request", question)
            if revision != tables.revision:
                return None
            return parse_result(
                _defined(answer.result),
                revision=revision,
                opa_version=_opa_version(answer),
                input_bytes=question,
                latency_us=answer.latency_us,
                asked=None if state.facts is None else state.facts.model,
                tables=tables,
            )
        except _NO_ANSWER as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception) -> Refused:
        late = isinstance(error, TimeoutError)
        return _unavailable(f"no answer within {self._deadline_s * 1000:.0f} ms" if late else str(error))

    def _used(self, state: CallState) -> Mapping[str, float]:
        if self._usage is None or state.identity is None:
            return {}
        return self._usage.facts(state.identity.client_id)

    async def _answer(self, stage: Stage, question: bytes) -> tuple[Answer, str]:
        """OPA's answer, and the revision that gave it, which counts."""
        began = self._activations.current
        answer = await self._questions.ask(stage, question)
        revision = provenance_revision(answer.about, self._bundle)
        if not self._activations.accepts(revision, began):
            with PatientTimeout(self._deadline_s):
                await self._until_reported(revision, began)
        return answer, revision

    async def _until_reported(self, revision: str, began: Activation | None) -> None:
        """Return once OPA's status names the revision of an answer; raises `Refused` or `Malformed`."""
        for pause_s in (*STATUS_PAUSES_S, None):
            await self._read_status()
            if self._activations.rolled_back:
                raise Refused("gateway.policy_rollback")
            if self._activations.accepts(revision, began):
                return
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

    async def look(self) -> None:
        """Read OPA's status now; an OPA that does not tell it has nothing that counts."""
        if not await self._read_status():
            self._activations.lost()

    async def prepare(self) -> None:
        """A bundle was activated: have its tables and its detector before a call needs them."""
        self._questions.renew()
        with suppress(TimeoutError, OpaUnreachable, Malformed):
            await self._current.refresh()

    async def close(self) -> None:
        """End questions, and readings of the status and the tables that outlived those who asked for them."""
        await self._questions.close()
        await self._current.close()
        if self._status is not None:
            self._status.cancel()
            await asyncio.wait([self._status])
