"""What bounds an advisor: a deadline, a number of questions at once, and a rest where it fails.

1. More questions than may run wait, those that wait are counted, and more than a few fail at once.
2. A question fails at its deadline, waiting included.
3. After some failures in a row every question fails at once for a while; then one is put to it, and the rest
   goes on unless that is answered.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

from dataplane.inspection.advisor import Advisor, AdvisorFailed, Opinion

FAILURES: Final = 5
"""In a row, before an advisor rests: fewer happen while a service is replaced by a newer one."""

REST_S: Final = 10.0
"""How long it is not asked. A service that restarts takes about as long."""

WAITING: Final = 4
"""Questions that may wait for each one that may run: their texts are held meanwhile."""

Outcome = Literal["answered", "failed", "late", "busy", "resting"]

_log = logging.getLogger("regogate.inspection")


class BoundedAdvisor:
    """Implements `advisor.Advisor` around another one. `told` hears how each question ended."""

    def __init__(
        self,
        name: str,
        advisor: Advisor,
        *,
        timeout_s: float,
        concurrency: int,
        told: Callable[[Outcome], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._advisor = advisor
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(concurrency)
        self._most = concurrency * (1 + WAITING)
        self._here = 0
        self._told = told
        self._clock = clock
        self._failures = 0
        self._rests_until = float("-inf")

    async def assess(self, texts: Sequence[str]) -> Sequence[Opinion]:
        """See `advisor.Advisor.assess`; fails at the deadline."""
        if self._failures >= FAILURES and self._clock() < self._rests_until:
            raise self._no("resting", "it failed before and is left alone for a while")
        if self._here >= self._most:
            raise self._no("busy", "too many questions wait for it")
        if self._failures >= FAILURES:
            # This question is the one that tries; the others go on failing until it is answered.
            self._rests_until = self._clock() + REST_S
        self._here += 1
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                opinions = await self._advisor.assess(texts)
            if len(opinions) != len(texts):
                raise AdvisorFailed("it gave another number of opinions than it was asked for")
        except TimeoutError:
            raise self._failed("late", f"it did not answer within {self._timeout_s:g} s") from None
        except AdvisorFailed as failed:
            raise self._failed("failed", str(failed)) from None
        except Exception as error:  # noqa: BLE001  the text of an unexpected one may quote what it was asked
            raise self._failed("failed", f"unexpected {type(error).__name__}") from None
        finally:
            self._here -= 1
        if self._failures >= FAILURES:
            _log.info("an advisor answers again", extra={"advisor": self._name})
        self._failures = 0
        self._told("answered")
        return opinions

    async def close(self) -> None:
        """See `advisor.Advisor.close`."""
        await self._advisor.close()

    def _no(self, outcome: Outcome, why: str) -> AdvisorFailed:
        self._told(outcome)
        return AdvisorFailed(why)

    def _failed(self, outcome: Outcome, why: str) -> AdvisorFailed:
        self._failures += 1
        if self._failures >= FAILURES:
            self._rests_until = self._clock() + REST_S
        # Not a line for each call: beyond these, one for each question that tries.
        _log.warning("an advisor failed", extra={"advisor": self._name, "why": why})
        return self._no(outcome, why)
