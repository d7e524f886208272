from __future__ import annotations

import json
import logging

import pytest

from dataplane.opa.logs import MAX_LINE_BYTES, MAX_VALUE_CHARS, LogRelay


@pytest.fixture
def relay(caplog: pytest.LogCaptureFixture) -> LogRelay:
    caplog.set_level(logging.DEBUG, logger="regogate.opa")
    return LogRelay(secrets=("s3cret",))


def line(**entry: object) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def test_what_could_hold_request_content_is_dropped(
    relay: LogRelay, caplog: pytest.LogCaptureFixture
) -> None:
    content = dict.fromkeys(("req_body", "resp_body", "req_params", "req_path", "client_addr", "new"), "PRIV")
    relay.feed(line(level="debug", msg="Received request.", plugin="x", **content))
    (record,) = caplog.records
    assert record.getMessage() == "Received request."
    assert "PRIV" not in repr(record.__dict__)
    assert record.__dict__["opa_plugin"] == "x"


def test_what_a_policy_prints_is_withheld(relay: LogRelay, caplog: pytest.LogCaptureFixture) -> None:
    relay.feed(line(level="info", line="request.rego:7", msg="PRIV", err="also PRIV"))
    assert caplog.records[0].getMessage() == "a policy printed something (withheld)"


def test_secrets_are_masked_in_messages_fields_text_and_kept_errors(
    relay: LogRelay, caplog: pytest.LogCaptureFixture
) -> None:
    relay.feed(line(level="error", msg="a s3cret", err="b s3cret", addrs=["s3cret"]) + b"panic: s3cret\n")
    shown = repr([r.__dict__ for r in caplog.records]) + repr(relay.last_errors)
    assert "s3cret" not in shown
    assert relay.last_errors == ["a *** b ***", "panic: ***"]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("debug", logging.DEBUG),
        ("info", logging.INFO),
        ("warning", logging.WARNING),
        ("error", logging.ERROR),
        ("fatal", logging.CRITICAL),
        ("strange", logging.WARNING),
    ],
)
def test_levels_are_translated(
    relay: LogRelay, caplog: pytest.LogCaptureFixture, name: str, level: int
) -> None:
    relay.feed(line(level=name, msg="m"))
    assert caplog.records[0].levelno == level


@pytest.mark.parametrize("text", [b"goroutine 1 [running]:", b'["a"]', b"12", b"{broken", b"\xff\xfe"])
def test_lines_that_are_no_json_object_pass_as_text(
    relay: LogRelay, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    relay.feed(text + b"\n")
    assert caplog.records[0].levelno == logging.WARNING
    assert caplog.records[0].getMessage() == text.decode("utf-8", "replace")


def test_control_characters_cannot_forge_a_line_or_a_colour(
    relay: LogRelay, caplog: pytest.LogCaptureFixture
) -> None:
    relay.feed(line(level="info", msg="a\nINFO forged\x1b[31m") + b"b\x1b[0m\r\n")
    assert all(r.getMessage().isprintable() for r in caplog.records)


def test_lines_come_out_whole_however_the_pipe_splits_them(
    relay: LogRelay, caplog: pytest.LogCaptureFixture
) -> None:
    data = line(level="info", msg="one") + line(level="info", msg="two") + b"\n\nlast without newline"
    for i in range(len(data)):
        relay.feed(data[i : i + 1])
    relay.close()
    relay.close()
    assert [r.getMessage() for r in caplog.records] == ["one", "two", "last without newline"]


@pytest.mark.parametrize("size", [1000, 65536, MAX_LINE_BYTES * 3])
def test_an_endless_line_is_dropped_and_the_next_one_is_read(
    relay: LogRelay, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    endless = b"x" * (MAX_LINE_BYTES * 3) + b"\n" + line(level="info", msg="next")
    for i in range(0, len(endless), size):
        relay.feed(endless[i : i + size])
    assert [r.getMessage() for r in caplog.records] == [
        "a line of OPA's output was too long and was dropped",
        "next",
    ]


def test_a_long_value_is_cut(relay: LogRelay, caplog: pytest.LogCaptureFixture) -> None:
    relay.feed(line(level="info", msg="y" * (MAX_VALUE_CHARS + 50)))
    assert len(caplog.records[0].getMessage()) == MAX_VALUE_CHARS


def test_what_opa_says_while_it_is_stopped_is_not_an_error(
    relay: LogRelay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    relay.stopping = True
    relay.feed(b'{"level":"error","msg":"Bundle load failed: context canceled"}\n')
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
