"""Questions about requests, put together where they come while others are being answered.

Half of what a decision costs is the asking: HTTP and parsing here and in OPA. OPA evaluates each input of a
list anew (`with input as`), so its answer is the one that the input would have got alone.

1. A question waits for the loop's next turn. While fewer than `IN_FLIGHT` requests are on their way, those
   that wait are sent then: one as it is, several in lists of at most `TOGETHER`.
2. The deadline of a list is that of a question, and runs from when it is sent.
3. A list that fails as a whole (the policy fails on an input, an older bundle has no rule for lists) is
   asked again one by one, so that no call's input decides over another's. One that is late is not: what
   OPA has no time for, it has no time for twice.
4. A bundle without the rule is given no second list.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from dataplane.errors import RegoGateError
from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.deadline import PatientTimeout
from dataplane.policy.result import Malformed, split_answer

IN_FLIGHT: Final = 2
"""One that OPA works on, and one that it finds when it is done: 2,000 decisions a second and more on one of
its processors, which is more calls than one process of ours makes."""
TOGETHER: Final = 8
"""Inputs in one list (measured, shipped policy: 750 us of OPA's processor for a question alone, 330 in a
list of 8, 275 in one of 16), so that a list takes a small part of its deadline."""
SMALL_BYTES: Final = 4096
"""Of an input that may stand in a list; nobody waits for the evaluation of a larger one."""

_TARGET: Final = "/v1/data/regogate/{}?provenance=true&strict-builtin-errors=true"
_LIST: Final = _TARGET.format("request/decisions")


class NoTurn(RegoGateError):
    """A question waited too long before it could be sent."""


class _NotTogether(Exception):
    """A list has no answer as a whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """OPA's answer without its result, the result's bytes (None where undefined), and how long it took."""

    about: dict[str, Any] = field(repr=False)
    result: bytes | None = field(repr=False)
    latency_us: int


@dataclass(slots=True, eq=False)
class _Waiting:
    question: bytes
    since: float
    answer: asyncio.Future[Answer]


async def ask_alone(client: OpaClient, stage: str, question: bytes) -> Answer:
    """One question, without a deadline. Raises `OpaUnreachable` or `Malformed`."""
    started = time.perf_counter_ns()
    status, body = await client.post(_TARGET.format(f"{stage}/decision"), b'{"input":%b}' % question)
    latency_us = (time.perf_counter_ns() - started) // 1000
    if status != 200:
        raise Malformed(f"OPA answered with status {status}")
    about, result = split_answer(body)
    return Answer(about, result, latency_us)


class Questions:
    """Of one engine, in order of their coming. A question waits at most `wait_s` for its turn, and then
    `deadline_s` for OPA; both in seconds."""

    def __init__(self, client: OpaClient, *, deadline_s: float, wait_s: float) -> None:
        self._client = client
        self._deadline_s = deadline_s
        self._wait_s = wait_s
        self._queue: deque[_Waiting] = deque()
        self._sent: set[asyncio.Task[None]] = set()
        self._due = False
        self._most = TOGETHER

    def renew(self) -> None:
        """Another bundle is active: it may know lists."""
        self._most = TOGETHER

    async def ask(self, question: bytes) -> Answer:
        """Raises `TimeoutError`, `NoTurn`, `OpaUnreachable` or `Malformed`."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(question, loop.time(), loop.create_future())
        self._queue.append(waiting)
        if not self._due:
            self._due = True
            loop.call_soon(self._send)
        return await waiting.answer

    async def close(self) -> None:
        """Give up what waits and what is on its way."""
        while self._queue:
            _fail(self._queue.popleft(), OpaUnreachable("the gateway stops"))
        for task in self._sent:
            task.cancel()
        await asyncio.gather(*self._sent, return_exceptions=True)

    def _send(self) -> None:
        self._due = False
        while len(self._sent) < IN_FLIGHT and (together := self._take()):
            task = asyncio.get_running_loop().create_task(self._answer(together))
            self._sent.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._sent.discard(task)
        if self._queue:
            self._send()

    def _take(self) -> list[_Waiting]:
        """Those that waited longest, without those that nobody waits for any more."""
        taken: list[_Waiting] = []
        too_long = asyncio.get_running_loop().time() - self._wait_s
        while self._queue and len(taken) < self._most:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.since < too_long:
                waiting.answer.set_exception(NoTurn(f"no turn to ask within {self._wait_s * 1000:.0f} ms"))
            else:
                taken.append(waiting)
        return taken

    async def _answer(self, together: Sequence[_Waiting]) -> None:
        try:
            if len(together) == 1:
                await self._one(together[0])
                return
            try:
                with PatientTimeout(self._deadline_s):
                    answers = await self._list([waiting.question for waiting in together])
            except _NotTogether:
                await asyncio.gather(*map(self._one, together))
                return
            for waiting, answer in zip(together, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)
        except asyncio.CancelledError:
            for waiting in together:
                _fail(waiting, OpaUnreachable("the gateway stops"))
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, who waits is told
            for waiting in together:
                _fail(waiting, error)

    async def _one(self, waiting: _Waiting) -> None:
        try:
            with PatientTimeout(self._deadline_s):
                answer = await ask_alone(self._client, "request", waiting.question)
        except Exception as error:  # noqa: BLE001  as above
            _fail(waiting, error)
        else:
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _list(self, questions: Sequence[bytes]) -> list[Answer]:
        started = time.perf_counter_ns()
        status, body = await self._client.post(_LIST, b'{"input":{"each":[%b]}}' % b",".join(questions))
        latency_us = (time.perf_counter_ns() - started) // 1000
        if status == 500:  # a policy that fails on an input
            raise _NotTogether
        if status != 200:
            raise Malformed(f"OPA answered with status {status}")
        about, result = split_answer(body)
        if result is None:
            self._most = 1
            raise _NotTogether
        try:
            found = orjson.loads(result)
        except orjson.JSONDecodeError:
            raise Malformed("OPA's answer is not JSON") from None
        if (
            not isinstance(found, list)
            or len(found) != len(questions)
            or not all(isinstance(one, list) for one in found)
        ):
            raise Malformed("OPA does not answer a list of questions with as many decisions")
        return [Answer(about, orjson.dumps(one[0]) if one else None, latency_us) for one in found]


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
