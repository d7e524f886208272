"""Every question to OPA: small ones about requests are put together where they come while others are being
answered, any other goes alone.

Half of what a decision costs is the asking: HTTP and parsing here and in OPA. OPA evaluates each input of a
list anew (`with input as`), so its answer is the one that the input would have got alone.

1. A question waits for the loop's next turn. While fewer than `IN_FLIGHT` requests are on their way, those
   that wait are sent then: one as it is, several in lists of at most `TOGETHER`.
2. The deadline of a list is that of a question, and runs from when it is sent.
3. A list that fails as a whole (the policy fails on an input, an older bundle has no rule for lists) is
   asked again one by one, so that no call's input decides over another's. One that is late is not: what
   OPA has no time for, it has no time for twice; the next ones are half as long, and each answer that is
   in time makes them longer by one again.
4. A bundle without the rule is given no second list.
5. What goes alone waits for one of the places that lists and the reading of OPA's status leave.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataplane.errors import RegoGateError
from dataplane.frozen import quick_init
from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.deadline import PatientTimeout
from dataplane.policy.places import Places
from dataplane.policy.result import Malformed, Stage, cut_list, split_answer

IN_FLIGHT: Final = 2
"""One that OPA works on, and one that it finds when it is done: 2,000 decisions a second and more on one of
its processors, which is more calls than one process of ours makes."""
TOGETHER: Final = 16
"""Inputs in one list at most (measured, shipped policy: 750 us of OPA's processor for a question alone, 330
in a list of 8, 275 in one of 16), so that a list takes a small part of its deadline."""
SMALL_BYTES: Final = 4096
"""Of an input that may stand in a list; nobody waits for the evaluation of a larger one."""

SPARE_CONNECTIONS: Final = 2
"""Kept free of questions, for the status and the tables that a question may have to wait for."""

_TARGET: Final = "/v1/data/regogate/{}?provenance=true&strict-builtin-errors=true"
_LIST: Final = _TARGET.format("request/decisions")


class NoTurn(RegoGateError):
    """A question waited too long before it could be sent."""


class _NotTogether(Exception):
    """A list has no answer as a whole."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
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


class Questions:
    """Of one engine, in order of their coming. A question waits at most `wait_s` for its turn, and then
    `deadline_s` for OPA; both in seconds. The deadline judges OPA's answer; a queue in front of a healthy OPA
    would make whole bursts of calls late, and OPA work for nobody."""

    def __init__(self, client: OpaClient, *, deadline_s: float, wait_s: float) -> None:
        self._client = client
        self._deadline_s = deadline_s
        self._wait_s = wait_s
        self._places = Places(max(1, client.connections - IN_FLIGHT - SPARE_CONNECTIONS))
        self._queue: deque[_Waiting] = deque()
        self._sent: set[asyncio.Task[None]] = set()
        self._due = False
        self._lists = True
        self._most = TOGETHER

    def renew(self) -> None:
        """Another bundle is active: it may know lists."""
        self._lists, self._most = True, TOGETHER

    async def ask(self, stage: Stage, question: bytes) -> Answer:
        """Raises `TimeoutError`, `NoTurn`, `OpaUnreachable` or `Malformed`."""
        if stage == "request" and len(question) <= SMALL_BYTES:
            return await self._ask_together(question)
        try:
            await self._places.take_within(self._wait_s)
        except TimeoutError:
            raise self._no_turn() from None
        try:
            return await self._ask_alone(stage, question)
        finally:
            self._places.give()

    async def _ask_alone(self, stage: Stage, question: bytes) -> Answer:
        target = _TARGET.format(f"{stage}/decision")
        with PatientTimeout(self._deadline_s):
            status, body, latency_us = await self._post(target, b'{"input":%b}' % question)
        if status != 200:
            raise Malformed(f"OPA answered with status {status}")
        about, result = split_answer(body)
        return Answer(about=about, result=result, latency_us=latency_us)

    async def _post(self, target: str, body: bytes) -> tuple[int, bytes, int]:
        """Status and body of OPA's answer, and the microseconds it took."""
        started = time.perf_counter_ns()
        status, answer = await self._client.post(target, body)
        return status, answer, (time.perf_counter_ns() - started) // 1000

    def _no_turn(self) -> NoTurn:
        return NoTurn(f"no turn to ask within {self._wait_s * 1000:.0f} ms")

    async def _ask_together(self, question: bytes) -> Answer:
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
        most = self._most if self._lists else 1
        while self._queue and len(taken) < most:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.since < too_long:
                waiting.answer.set_exception(self._no_turn())
            else:
                taken.append(waiting)
        return taken

    async def _answer(self, together: Sequence[_Waiting]) -> None:
        try:
            if len(together) == 1:
                await self._one(together[0])
                return
            try:
                answers = await self._list([waiting.question for waiting in together])
            except _NotTogether:
                await asyncio.gather(*map(self._one, together))
                return
            except TimeoutError:
                self._most = max(1, len(together) // 2)
                raise
            self._in_time()
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
            answer = await self._ask_alone("request", waiting.question)
        except Exception as error:  # noqa: BLE001  as above
            _fail(waiting, error)
        else:
            self._in_time()
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    def _in_time(self) -> None:
        self._most = min(TOGETHER, self._most + 1)

    async def _list(self, questions: Sequence[bytes]) -> list[Answer]:
        body = b'{"input":{"each":[%b]}}' % b",".join(questions)
        with PatientTimeout(self._deadline_s):
            status, answer, latency_us = await self._post(_LIST, body)
        if status == 500:  # a policy that fails on an input
            raise _NotTogether
        if status != 200:
            raise Malformed(f"OPA answered with status {status}")
        about, result = split_answer(answer)
        if result is None:
            self._lists = False
            raise _NotTogether
        return [
            Answer(about=about, result=one, latency_us=latency_us) for one in cut_list(result, len(questions))
        ]


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
