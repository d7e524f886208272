"""Logs, the access log and metrics. Label values come from closed sets; nothing a caller wrote is a label.

Log lines never hold prompt text, credentials or header values. Modules log with the standard library;
structlog renders, as JSON lines or for a console.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dataplane.domain import CallState, Verdict

_FIELDS: Final = structlog.stdlib.ExtraAdder()
_LATENCY_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120)
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
    """One line a call: JSON for machines, or a line a person can follow."""

    def __init__(self, stream: TextIO, form: str) -> None:
        self._stream = stream
        self._json = form == "json"
        self._colour = stream.isatty()

    def __call__(self, state: CallState) -> None:
        took_ms = (time.perf_counter_ns() - state.started_ns) / 1e6
        line = self._machine(state, took_ms) if self._json else self._person(state, took_ms)
        # A reader that went away or a full disk must fail no call: records are the account of calls.
        with suppress(OSError):
            self._stream.write(line)
            self._stream.flush()

    def _machine(self, state: CallState, took_ms: float) -> str:
        line: dict[str, Any] = {
            "event": "call",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(state.received_ns // 10**9)),
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


class Metrics:
    """What an operator watches; read at `/metrics` on the admin address. `ready` is asked at each reading."""

    def __init__(self, *, ready: Callable[[], bool] = lambda: False) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "regogate_calls_total",
            "Calls by operation, outcome of the decision, and status sent.",
            ("operation", "decision", "status"),
            registry=self.registry,
        )
        self._refusals = Counter(
            "regogate_refusals_total", "Refused calls by first reason.", ("reason",), registry=self.registry
        )
        self._seconds = Histogram(
            "regogate_call_seconds",
            "Time from the head of a call to the end of its answer.",
            ("operation",),
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._policy_seconds = Histogram(
            "regogate_policy_seconds",
            "Time of one question to OPA.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        Gauge(
            "regogate_ready", "1 while calls can be decided and recorded.", registry=self.registry
        ).set_function(lambda: float(ready()))

        # Looking a child up by its labels costs a lock and several strings: three times counting it.
        self._calls_of = lru_cache(None)(self._calls.labels)
        self._seconds_of = lru_cache(None)(self._seconds.labels)

    def __call__(self, state: CallState) -> None:
        operation = state.operation.id
        self._calls_of(operation, state.verdict, str(state.status)).inc()
        self._seconds_of(operation).observe((time.perf_counter_ns() - state.started_ns) / 1e9)
        if state.verdict is Verdict.BLOCK and state.reasons:
            self._refusals.labels(state.reasons[0]).inc()
        if state.decision is not None:
            self._policy_seconds.observe(state.decision.latency_us / 1e6)

    def text(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)
