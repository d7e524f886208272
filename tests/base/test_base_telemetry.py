"""What is logged and measured: never an exception's text, never a caller's words as a label."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TextIO

import pytest

from dataplane.domain import CallFacts, CallState, Decision, Head, Identity, Operation, Verdict
from dataplane.findings import Finding, Inspection, Level, Origin
from dataplane.telemetry import AccessLog, Metrics, configure_logging

PROMPT = "my-prompt-4242"
FORMS = pytest.mark.parametrize("form", ["json", "console"])


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """The process's logging is put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def raise_with_locals() -> None:
    held = PROMPT
    raise ValueError(f"cannot read {held}")


def log_exception(logger: logging.Logger) -> None:
    try:
        raise_with_locals()
    except ValueError:
        logger.exception("call failed", extra={"request_id": "r-1"})


@FORMS
def test_an_exception_is_logged_as_type_and_place_only(form: str) -> None:
    stream = io.StringIO()
    configure_logging("info", form, stream)
    log_exception(logging.getLogger("regogate.test"))
    text = stream.getvalue()
    assert PROMPT not in text
    assert "ValueError" in text
    assert "raise_with_locals" in text
    assert "r-1" in text


def test_an_exception_given_as_such_is_logged_the_same_way() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    try:
        raise_with_locals()
    except ValueError as error:
        logging.getLogger("x").error("failed", exc_info=error, stack_info=True)
    line = json.loads(stream.getvalue())
    assert line["error_type"] == "ValueError"
    assert PROMPT not in stream.getvalue()
    assert "exception" not in line
    assert "exc_info" not in line


@FORMS
def test_a_task_that_nobody_awaited_is_logged_without_its_exception(form: str) -> None:
    stream = io.StringIO()
    configure_logging("info", form, stream)

    async def main() -> None:
        async def fails() -> None:
            raise_with_locals()

        task = asyncio.create_task(fails())
        await asyncio.wait({task})
        del task
        await asyncio.sleep(0)

    asyncio.run(main())
    assert PROMPT not in stream.getvalue()
    assert "never retrieved" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_json_line_is_one_object_with_its_extras() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    log = logging.getLogger("regogate.policy")
    log.debug("not this one")
    log.info("two\nlines %s", "x", extra={"channel": "dev", "odd": object(), "lone": "\ud800"})
    (text,) = stream.getvalue().splitlines()
    line = json.loads(text)
    assert line["event"] == "two\nlines x"
    assert (line["level"], line["logger"], line["channel"]) == ("info", "regogate.policy", "dev")
    assert line["timestamp"].endswith("Z")


def test_third_parties_are_heard_from_a_warning_on() -> None:
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    for name in ("sqlalchemy.engine", "hypercorn.error", "asyncio", "aiohttp.client", "httpcore2.http11"):
        logging.getLogger(name).info("INSERT %s", PROMPT)
        logging.getLogger(name).warning("beware")
    assert PROMPT not in stream.getvalue()
    assert stream.getvalue().count("beware") == 5


def call(**changes: Any) -> CallState:
    head = Head(
        request_id="r-7",
        method="POST",
        path="/v1/chat/completions",
        query="",
        headers=((b"authorization", b"Bearer rg-secret"),),
        http_version="1.1",
        peer_ip="127.0.0.1",
    )
    decision = Decision(
        verdict=Verdict.ALLOW,
        reasons=("request.grant.tier",),
        revision="1-gabcdef0-0123456789ab",
        opa_version="1.22.0",
        input=b'{"prompt":"my-prompt-4242"}',
        result=b"{}",
        latency_us=1500,
    )
    state = CallState(
        head=head,
        received_ns=1_790_000_000_000_000_000,
        operation=Operation(id="chat.completions.create"),
        identity=Identity(client_id="demo", method="api_key"),
        facts=CallFacts(model="gpt-4o-mini"),
        decision=decision,
        verdict=Verdict.ALLOW,
        reasons=decision.reasons,
        status=200,
    )
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def test_an_access_line_has_these_fields_and_no_others() -> None:
    stream = io.StringIO()
    AccessLog(stream, "json")(call())
    line = json.loads(stream.getvalue())
    assert line.pop("ms") >= 0
    assert line == {
        "event": "call",
        "time": "2026-09-21T14:13:20Z",
        "request_id": "r-7",
        "operation": "chat.completions.create",
        "client": "demo",
        "model": "gpt-4o-mini",
        "decision": "ALLOW",
        "reasons": ["request.grant.tier"],
        "policy_revision": "1-gabcdef0-0123456789ab",
        "status": 200,
    }


@FORMS
def test_a_call_refused_before_anything_was_known_has_a_line_too(form: str) -> None:
    stream = io.StringIO()
    log = AccessLog(stream, form)
    state = call(
        identity=None, facts=None, decision=None, verdict=Verdict.BLOCK, reasons=("gateway.framing",)
    )
    log(state)
    assert "gateway.framing" in stream.getvalue()
    assert "BLOCK" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_person_s_line_is_coloured_on_a_terminal_only(stream: io.StringIO) -> None:
    AccessLog(stream, "console")(call())
    assert ("\x1b[32mALLOW" in stream.getvalue()) is stream.isatty()
    assert "client=demo model=gpt-4o-mini reasons=request.grant.tier" in stream.getvalue()


def test_lines_of_a_busy_loop_are_written_together_and_soon() -> None:
    class Counting(io.StringIO):
        flushes = 0
        writes = 0

        def flush(self) -> None:
            self.flushes += 1

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    stream = Counting()
    log = AccessLog(stream, "json")
    log(call())
    assert stream.flushes == 1  # no loop: at once

    async def main() -> None:
        for _ in range(3):
            log(call())
        deadline = time.monotonic() + 5
        while stream.flushes < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.005)

    asyncio.run(main())
    assert stream.flushes == stream.writes == 2
    assert stream.getvalue().count("\n") == 4


def test_the_last_lines_are_written_when_the_process_ends() -> None:
    program = (
        "import asyncio, sys\n"
        "from dataplane.telemetry import AccessLog\n"
        "from tests.base.test_base_telemetry import call\n"
        "async def main(): AccessLog(sys.stdout, 'json')(call())\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.count('"event":"call"') == 1


def test_a_reader_that_went_away_fails_no_call() -> None:
    """As in `regogate dev | head`: records are the account of calls, not this log."""
    reading, writing = os.pipe()
    os.close(reading)
    stream: TextIO = os.fdopen(writing, "w")
    log = AccessLog(stream, "json")
    try:
        log(call())
        log(call())
    finally:
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_calls_are_counted_by_operation_decision_and_status() -> None:
    metrics = Metrics(ready=lambda: True)
    metrics(call())
    metrics(call(verdict=Verdict.BLOCK, reasons=("limit.client.rpm", "request.x"), status=429))
    metrics(call(verdict=Verdict.BLOCK, reasons=("gateway.framing",), status=400, decision=None))
    operation = "chat.completions.create"
    assert sample(metrics, "regogate_calls_total", operation=operation, decision="ALLOW", status="200") == 1
    assert sample(metrics, "regogate_calls_total", operation=operation, decision="BLOCK", status="429") == 1
    assert sample(metrics, "regogate_refusals_total", reason="limit.client.rpm") == 1
    assert sample(metrics, "regogate_refusals_total", reason="request.x") is None
    assert sample(metrics, "regogate_call_seconds_count", operation=operation) == 3
    assert sample(metrics, "regogate_policy_seconds_count") == 2
    assert sample(metrics, "regogate_policy_seconds_sum") == pytest.approx(0.003)


def test_nothing_a_caller_wrote_is_a_label() -> None:
    metrics = Metrics(ready=lambda: True)
    metrics(
        call(
            facts=CallFacts(model="model-by-caller"),
            identity=Identity(client_id="cl-by-caller", method="jwt"),
        )
    )
    text = metrics.text().decode()
    for word in ("by-caller", "127.0.0.1", "r-7", "secret", PROMPT):
        assert word not in text


def test_readiness_is_asked_for_when_metrics_are_read() -> None:
    ready = False
    metrics = Metrics(ready=lambda: ready)
    assert sample(metrics, "regogate_ready") == 0
    ready = True
    assert sample(metrics, "regogate_ready") == 1
    assert b"regogate_ready 1.0\n" in metrics.text()


def test_logging_goes_to_standard_error_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "json", sys.stderr)
    logging.getLogger("regogate").warning("here")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "here"


def test_findings_are_counted_by_kind_level_and_origin_and_a_site_s_own_as_custom() -> None:
    metrics = Metrics()
    for number in range(3):
        state = call()
        found = [
            Finding(kind=kind, level=Level.HIGH, score=90, origin=Origin.USER, spans=())
            for kind in ("pii.email", f"custom.site_{number}")
        ]
        state.inspection = Inspection(findings=tuple(found))
        state.answer_findings = (replace(found[0], origin=Origin.OUTPUT),)
        state.redactions = 2
        metrics(state)
    assert sample(metrics, "regogate_findings_total", kind="pii.email", level="high", origin="user") == 3
    assert sample(metrics, "regogate_findings_total", kind="pii.email", level="high", origin="output") == 3
    assert sample(metrics, "regogate_findings_total", kind="custom", level="high", origin="user") == 3
    assert sample(metrics, "regogate_redactions_total") == 6
