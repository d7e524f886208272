"""A shadow: a share of the inputs, put to a candidate once they are decided, and what it would have said.

Off the request path: a call leaves its input and its decision in a bounded queue, which costs about a
microsecond, and goes on. One task takes lists from the queue and asks the candidate's own OPA, a process of
lower priority; where either does not keep up, inputs are dropped and counted. Nothing here is awaited by a
call and nothing raises into one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from dataplane.domain import CallState, Decision, Verdict
from dataplane.policy.client import OpaUnreachable
from dataplane.policy.deadline import PatientTimeout
from dataplane.policy.result import Malformed, Stage
from dataplane.policy.shadow_questions import BATCH, BATCH_MAX_BYTES, ListAsker
from dataplane.ports import ShadowLog
from dataplane.trial import ShadowDifference, Trial

QUEUE_LIMIT: Final = 4096
"""Inputs that wait, about 12 MB: some seconds of a busy gateway at full share."""
TURN_S: Final = 0.001
REST: Final = 25
"""After a turn on the loop that calls share, a rest of so many times its length: less than 4 % of the loop
is the shadow's, however much it finds. A difference costs some 0.2 ms, because it becomes a record."""
LIST_REST: Final = 12
"""After a list, while calls keep the loop busy, a rest of so many times what the list took: the candidate's
OPA then has some 8 % of a processor, which the processes of calls would have had, low priority or not (two
threads of one core, its caches). In proportion less where the loop idles, none where nothing runs."""
LINGER_S: Final = 0.02
"""For company: a question about 64 inputs costs the loop little more than one about a single input."""
ANSWER_S: Final = 30.0
"""For one list. The process has a low priority, so on a busy machine it is slow by design."""
STORED_PER_S: Final = 50.0
STORED_BURST: Final = 300
"""Differing answers that are kept: a record each, which competes with those of calls. All are counted."""

EVALUATED: Final = "evaluated"
SAME: Final = "same"
STORED: Final = "stored"
NOT_STORED: Final = "not_stored"
DROPPED: Final = "dropped"
FAILED: Final = "failed"
"""What is counted: answered by the candidate, and of those alike, differing and recorded, differing and only
counted; left out because the queue was full; lost because the candidate's OPA gave no answer."""

NO_VERDICT: Final = "NONE"
"""Of an answer that no gateway would take, so that it would refuse the call."""

_log = logging.getLogger("regogate.policy")


@dataclass(frozen=True, slots=True)
class _Sample:
    """A decided input. What a record needs is taken at once: a call's head, which holds its credential, is
    not kept for longer than the call."""

    decision: Decision
    stage: Stage
    request_id: str
    client_id: str | None
    model: str | None
    operation: str


class Shadow:
    """One candidate in the shadow of the active policy. `counts` go on from an earlier process."""

    def __init__(
        self,
        trial: Trial,
        asker: ListAsker,
        log: ShadowLog,
        counts: Counter[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        self.trial = trial
        self.counts = counts
        self._asker = asker
        self._log = log
        self._clock = clock
        self._processor = processor
        self._share = trial.share_ppm / 1_000_000
        self._queue: deque[_Sample] = deque()
        self._wake = asyncio.Event()
        self._allowance, self._allowed_at = float(STORED_BURST), clock()
        self._complained = False

    def share(self, trial: Trial) -> None:
        """From now on the share of this newer version of the trial counts."""
        self.trial, self._share = trial, trial.share_ppm / 1_000_000

    def offer(self, state: CallState, decision: Decision, stage: Stage = "request") -> None:
        """A stage of a call was decided by the active policy; perhaps its input is taken. Never waits, never
        raises."""
        if random.random() >= self._share:  # noqa: S311  a sample, no secret
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self.counts[DROPPED] += 1
            return
        self._queue.append(
            _Sample(
                decision,
                stage,
                state.head.request_id,
                None if state.identity is None else state.identity.client_id,
                None if state.facts is None else state.facts.model,
                state.operation.id,
            )
        )
        self._wake.set()

    async def run(self) -> None:
        """Evaluate what is offered until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if len(self._queue) < BATCH:
                await asyncio.sleep(LINGER_S)
            while samples := self._take():
                begun, worked = self._clock(), self._processor()
                await self._evaluate(samples)
                took = self._clock() - begun
                busy = min(1.0, (self._processor() - worked) / took) if took > 0 else 0.0
                await asyncio.sleep(took * busy * LIST_REST)

    def _take(self) -> list[_Sample]:
        samples: list[_Sample] = []
        size = 0
        while self._queue and len(samples) < BATCH and size < BATCH_MAX_BYTES:
            samples.append(self._queue.popleft())
            size += len(samples[-1].decision.input)
        return samples

    async def _evaluate(self, samples: list[_Sample]) -> None:
        try:
            with PatientTimeout(ANSWER_S):
                answers = await self._asker.ask([one.decision.input for one in samples])
        except (TimeoutError, OpaUnreachable, Malformed) as error:
            self.counts[FAILED] += len(samples)
            self._complain(str(error) or f"no answer within {ANSWER_S:g} s")
            return
        self._complained = False
        begun = time.perf_counter()
        for sample, answer in zip(samples, answers, strict=True):
            self._compare(sample, answer)
            if (turn := time.perf_counter() - begun) >= TURN_S:
                await asyncio.sleep(turn * REST)
                begun = time.perf_counter()

    def _compare(self, sample: _Sample, answer: Any) -> None:
        verdict = verdict_of(answer)
        self.counts[EVALUATED] += 1
        self.counts[f"{sample.decision.verdict}>{verdict}"] += 1
        if answer is not None and _canonical(answer) == _canonical_of(sample.decision.result):
            self.counts[SAME] += 1
            return
        found = ShadowDifference(
            trial=self.trial,
            stage=sample.stage,
            request_id=sample.request_id,
            client_id=sample.client_id,
            model=sample.model,
            operation=sample.operation,
            decision=sample.decision,
            verdict=verdict,
            result=None if answer is None else orjson.dumps(answer),
        )
        kept = self._may_store() and self._log.shadow(found)
        self.counts[STORED if kept else NOT_STORED] += 1

    def _may_store(self) -> bool:
        now = self._clock()
        earned = (now - self._allowed_at) * STORED_PER_S
        self._allowance, self._allowed_at = min(STORED_BURST, self._allowance + earned), now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _complain(self, why: str) -> None:
        if not self._complained:
            self._complained = True
            _log.warning("the shadow gives no answer", extra={"why": why})


def verdict_of(answer: Any) -> str:
    """`decision` of an answer, `NONE` where it has no valid one."""
    found = answer.get("decision") if isinstance(answer, dict) else None
    return found if isinstance(found, str) and found in Verdict.__members__ else NO_VERDICT


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=256)  # a client's calls mostly get the same answer
def _canonical_of(result: bytes) -> bytes:
    return _canonical(orjson.loads(result))
