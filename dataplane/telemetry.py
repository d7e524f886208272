"""Logs, the access log and metrics. Label values come from closed sets; nothing a caller wrote is a label.

Log lines never hold prompt text, credentials or header values. Modules log with the standard library;
structlog renders, as JSON lines or for a console.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
import time
import traceback
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from dataplane.domain import CallState, Verdict
from dataplane.findings import Finding

_FIELDS: Final = structlog.stdlib.ExtraAdder()
FLUSH_S: Final = 0.02
"""How long a line of the access log may wait for others: a write each costs more than the line."""

_LATENCY_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120)
_FINDINGS_MAX: Final = 1_000
"""Combinations of kind, level and origin that are told apart: four times those there are without a site's own
kinds, which are told as `custom`."""
_COLOURS: Final = {Verdict.ALLOW: 32, Verdict.CONSTRAIN: 33, Verdict.BLOCK: 31}
"""ANSI colours: green, yellow, red."""


def _frames_only(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """An exception as its type and where it was raised: its text and locals may quote a call."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[0] is not None:
        event["error_type"] = info[0].__name__
        event["frames"] = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(info[2])
        ]
    return event


def _one_line_of_asyncio(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """asyncio appends the `repr` of what failed to its message, and that of an exception is its text."""
    if event.get("logger") == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def configure_logging(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Send every log record of the process to `stream`, as `json` lines or for a `console`."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _FIELDS,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _frames_only,
        _one_line_of_asyncio,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=lambda event, **_: json.dumps(event, default=str))
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Third parties write what they were asked, at levels that quote requests: only their warnings.
    for name in (
        "hypercorn",
        "asyncio",
        "aiohttp",
        "sqlalchemy",
        "alembic",
        "watchfiles",
        "httpx2",
        "httpcore2",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)


class AccessLog:
    """One line a call: JSON for machines, or a line a person can follow.

    Lines of a loop that is busy are written together, `FLUSH_S` late at most; the last ones when the process
    ends. They wait here rather than in the stream, which may pass on every piece at once (as standard output
    does where PYTHONUNBUFFERED is set, and in most containers it is).
    """

    def __init__(self, stream: TextIO, form: str) -> None:
        self._stream = stream
        self._json = form == "json"
        self._colour = stream.isatty()
        self._lines: list[str] = []
        atexit.register(self._write)

    def __call__(self, state: CallState) -> None:
        took_ms = (time.perf_counter_ns() - state.started_ns) / 1e6
        line = self._machine(state, took_ms) if self._json else self._person(state, took_ms)
        self._lines.append(line)
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_later(FLUSH_S, self._write)
            except RuntimeError:
                self._write()

    def _write(self) -> None:
        if not self._lines:
            return
        lines = "".join(self._lines)
        self._lines.clear()
        # A reader that went away or a full disk must fail no call: records are the account of calls.
        with suppress(OSError):
            self._stream.write(lines)
            self._stream.flush()

    def _machine(self, state: CallState, took_ms: float) -> str:
        line: dict[str, Any] = {
            "event": "call",
            "time": _second(state.received_ns // 10**9),
            "request_id": state.head.request_id,
            "operation": state.operation.id,
            "client": state.identity.client_id if state.identity else None,
            "model": state.facts.model if state.facts else None,
            "decision": state.verdict,
            "reasons": state.reasons,
            "policy_revision": state.decision.revision if state.decision else None,
            "status": state.status,
            "ms": round(took_ms, 2),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode()

    def _person(self, state: CallState, took_ms: float) -> str:
        client = state.identity.client_id if state.identity else "-"
        model = state.facts.model if state.facts and state.facts.model else "-"
        verdict = f"{state.verdict:<9}"
        if self._colour:
            verdict = f"\x1b[{_COLOURS[state.verdict]}m{verdict}\x1b[0m"
        when = time.strftime("%H:%M:%S", time.localtime(state.received_ns // 10**9))
        return (
            f"{when} {verdict} {state.status} {state.operation.id} client={client} model={model} "
            f"reasons={','.join(state.reasons)} {took_ms:.1f} ms  {state.head.request_id}\n"
        )


@lru_cache(maxsize=4)
def _second(unix: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


class _Durations:
    """A histogram over `_LATENCY_BUCKETS`, in seconds."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(_LATENCY_BUCKETS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_LATENCY_BUCKETS, seconds)] += 1
        self._sum += seconds

    def put(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        bounds = [*map(floatToGoString, _LATENCY_BUCKETS), "+Inf"]
        family.add_metric(labels, list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)


class Metrics(Collector):
    """What an operator watches; read at `/metrics` on the admin address. `ready` is asked at each reading.

    Counted in plain numbers on the loop's thread, where a call costs a tenth of what the library's counters
    and their locks do.
    """

    def __init__(self, *, ready: Callable[[], bool] = lambda: False) -> None:
        self._ready = ready
        self._calls: Counter[tuple[str, str, int]] = Counter()
        self._refusals: Counter[str] = Counter()
        self._findings: Counter[tuple[str, str, str]] = Counter()
        self._redactions = 0
        self._seconds: defaultdict[str, _Durations] = defaultdict(_Durations)
        self._policy_seconds = _Durations()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def __call__(self, state: CallState) -> None:
        operation = state.operation.id
        self._calls[operation, state.verdict, state.status] += 1
        self._seconds[operation].add((time.perf_counter_ns() - state.started_ns) / 1e9)
        if state.verdict is Verdict.BLOCK and state.reasons:
            self._refusals[state.reasons[0]] += 1
        if state.decision is not None:
            self._policy_seconds.add(state.decision.latency_us / 1e6)
        for finding in (*state.inspection.findings, *state.answer_findings, *state.late_findings):
            self._found(finding)
        self._redactions += state.redactions

    def _found(self, finding: Finding) -> None:
        kind = "custom" if finding.kind.startswith("custom.") else finding.kind
        labels = (kind, finding.level.value, finding.origin.value)
        if labels not in self._findings and len(self._findings) >= _FINDINGS_MAX:
            labels = ("other", finding.level.value, finding.origin.value)
        self._findings[labels] += 1

    def collect(self) -> Iterator[Metric]:
        """The families of this process."""
        calls = CounterMetricFamily(
            "regogate_calls",
            "Calls by operation, outcome of the decision, and status sent.",
            labels=("operation", "decision", "status"),
        )
        for (operation, decision, status), count in self._calls.items():
            calls.add_metric((operation, decision, str(status)), count)
        yield calls
        refusals = CounterMetricFamily(
            "regogate_refusals", "Refused calls by first reason.", labels=("reason",)
        )
        for reason, count in self._refusals.items():
            refusals.add_metric((reason,), count)
        yield refusals
        findings = CounterMetricFamily(
            "regogate_findings",
            "What inspection found, by kind, level and origin.",
            labels=("kind", "level", "origin"),
        )
        for labels, count in self._findings.items():
            findings.add_metric(labels, count)
        yield findings
        redactions = CounterMetricFamily("regogate_redactions", "Findings that were redacted.")
        redactions.add_metric((), self._redactions)
        yield redactions
        seconds = HistogramMetricFamily(
            "regogate_call_seconds",
            "Time from the head of a call to the end of its answer.",
            labels=("operation",),
        )
        for operation, durations in self._seconds.items():
            durations.put(seconds, (operation,))
        yield seconds
        policy = HistogramMetricFamily("regogate_policy_seconds", "Time of one question to OPA.", labels=())
        self._policy_seconds.put(policy, ())
        yield policy
        yield GaugeMetricFamily(
            "regogate_ready", "1 while calls can be decided and recorded.", value=float(self._ready())
        )

    def text(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)
