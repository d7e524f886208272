"""All workers of a gateway: started together, judged together, ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dataplane.errors import RegoGateError
from dataplane.workers.metrics import merged
from dataplane.workers.worker import Launch, Worker

HOPELESS_ENDS: Final = 3
"""Of each worker, where none has ever served: what is wrong will not right itself."""


class WorkersFailed(RegoGateError):
    """No worker can be brought to serve."""


class Workers:
    """`count` workers. `failed` is called once where none of them can be brought to serve."""

    def __init__(self, count: int, launch: Launch, *, failed: Callable[[BaseException], None]) -> None:
        self._workers = [Worker(number, launch, ended=self._ended) for number in range(1, count + 1)]
        self._failed = failed
        self._tasks: list[asyncio.Task[None]] = []
        self._ends = 0

    def start(self) -> None:
        """Start them all; from now on each is started again when it ends."""
        self._tasks = [
            asyncio.create_task(worker.run(), name=f"worker {worker.number}") for worker in self._workers
        ]

    async def stop(self, grace_s: float) -> None:
        """Have all of them drain; what has not ended after `grace_s` seconds is killed."""
        if not self._tasks:
            return
        for worker in self._workers:
            worker.ask_to_stop()
        _, late = await asyncio.wait(self._tasks, timeout=grace_s)
        if late:
            for worker in self._workers:
                worker.kill()
            await asyncio.wait(late)
        self._tasks = []

    @property
    def whole(self) -> bool:
        """Whether every worker serves and can make calls."""
        return all(worker.state == "serving" and not worker.problems() for worker in self._workers)

    def problems(self) -> list[str]:
        """Why a call cannot be made; empty where some worker serves and every one that serves can. One that
        does not serve takes no connection, and so fails no call."""
        if not any(worker.state == "serving" for worker in self._workers):
            return [f"workers: none of {len(self._workers)} serves"]
        return [problem for worker in self._workers for problem in worker.problems()]

    def details(self) -> list[dict[str, Any]]:
        """Each worker, for people."""
        return [worker.details() for worker in self._workers]

    def metrics_text(self) -> bytes:
        """What they counted, each series with the label `worker`, and how they are."""
        texts = {worker.number: worker.metrics for worker in self._workers if worker.metrics is not None}
        return merged(texts, self._own())

    def _own(self) -> list[Metric]:
        up = GaugeMetricFamily("regogate_worker_up", "1 while the worker serves calls.", labels=["worker"])
        restarts = CounterMetricFamily(
            "regogate_worker_restarts", "How often a worker was started again.", labels=["worker"]
        )
        for worker in self._workers:
            up.add_metric([str(worker.number)], float(worker.state == "serving"))
            restarts.add_metric([str(worker.number)], worker.restarts)
        return [up, restarts]

    def _ended(self) -> None:
        self._ends += 1
        hopeless = HOPELESS_ENDS * len(self._workers)
        if self._ends == hopeless and not any(worker.ever_served for worker in self._workers):
            self._failed(WorkersFailed("no worker can start; the log says why each ended"))
