"""Settings -> the advisors that policy may ask for, and what their questions come to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from dataplane.config import AdvisorSettings, InspectionSettings
from dataplane.findings import Finding
from dataplane.inspection.advised import Later, make_advised
from dataplane.inspection.advisor_bounds import BoundedAdvisor, Outcome
from dataplane.policy.made_ahead import MadeAhead


class Advisors:
    """All of one process. What a detector started beside a call ends with `close` at the latest."""

    def __init__(self, settings: InspectionSettings, registry: CollectorRegistry) -> None:
        """Raises `ConfigError`; a key is read when it is first needed."""
        self._questions = Counter(
            "regogate_advisor_questions",
            "Questions to advisors, by how they ended.",
            ["advisor", "outcome"],
            registry=registry,
        )
        self._findings = Counter(
            "regogate_advisor_findings",
            "What advisors found, in line or beside a call.",
            ["advisor", "kind"],
            registry=registry,
        )
        self._by_name = {name: self._advisor(name, one) for name, one in settings.advisors.items()}
        self._beside: set[Later] = set()

    def detectors(self, key: bytes) -> MadeAhead:
        """What makes a detector of the tables of a bundle; `key` is for the digests of findings."""
        return MadeAhead(
            partial(
                make_advised, key=key, advisors=self._by_name, spawns=self._spawn, told=self._count_finding
            )
        )

    async def close(self) -> None:
        """End what is still asked, then all connections."""
        for task in self._beside:
            task.cancel()
        if self._beside:
            await asyncio.wait(self._beside)
        for advisor in self._by_name.values():
            await advisor.close()

    def _advisor(self, name: str, settings: AdvisorSettings) -> BoundedAdvisor:
        # Here: its HTTP client is another than that of the calls, and few have an advisor.
        from dataplane.inspection.moderation import moderation

        return BoundedAdvisor(
            name,
            moderation(name, settings),
            timeout_s=settings.timeout_ms / 1000,
            concurrency=settings.concurrency,
            told=partial(self._count_question, name),
        )

    def _spawn(self, work: Coroutine[Any, Any, tuple[Finding, ...]]) -> Later:
        task = asyncio.create_task(work, name="advisors beside a call")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    def _count_question(self, name: str, outcome: Outcome) -> None:
        self._questions.labels(name, outcome).inc()

    def _count_finding(self, name: str, kind: str) -> None:
        # The name stands in the settings if the advisor ever had an opinion; a site's kinds are many.
        self._findings.labels(name, "custom" if kind.startswith("custom.") else kind).inc()
