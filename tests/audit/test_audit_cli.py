"""`regogate audit`, as a person and a script use it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_kit import POLICY_INPUT, POLICY_RESULT, Scene, call, ended, head
from typer.testing import CliRunner, Result

from dataplane.audit.read import ALWAYS
from dataplane.cli.audit import app, printable
from dataplane.domain import Outcome
from dataplane.errors import Refused
from dataplane.installation import write_json

ROOT = Path(__file__).parent.parent.parent
HOSTILE = "/v1/\x1b[31m[bold]x\x9b2J"


@pytest.fixture
def data_dir(short_dir: Path) -> Path:
    """The data directory of a gateway that answered one call and refused another."""
    url = f"sqlite:///{short_dir}/regogate.db"
    write_json(short_dir / "state.json", {"database_url": url})

    async def main() -> None:
        async with Scene(url) as scene:
            state = call("r-1")
            await scene.log.intent(state)
            scene.log.completion(ended(state), Outcome.OK)
            await scene.log.deny(call("r-2", head=head("r-2", path=HOSTILE)), Refused("gateway.bad_path"))

    asyncio.run(main())
    return short_dir


def run(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--data-dir", str(data_dir)], env={"COLUMNS": "200"})


def records(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_tail_prints_one_object_a_record_in_order_of_writing(data_dir: Path) -> None:
    rows = records(run(data_dir, "tail", "--limit", "0", "--json"))
    assert [row["kind"] for row in rows] == ["hello", "intent", "completion", "deny", "bye"]
    assert all(set(ALWAYS) <= row.keys() for row in rows)
    assert rows[1]["request_id"] == "r-1"
    assert rows[1]["policy_input"].encode() == POLICY_INPUT
    assert [row["kind"] for row in records(run(data_dir, "tail", "--limit", "2", "--json"))] == [
        "deny",
        "bye",
    ]


def test_show_takes_a_request_id_or_a_record_id(data_dir: Path) -> None:
    intent, completion = records(run(data_dir, "show", "r-1", "--json"))
    assert (intent["kind"], completion["kind"]) == ("intent", "completion")
    assert intent["policy_result"].encode() == POLICY_RESULT
    assert records(run(data_dir, "show", completion["id"], "--json")) == [completion]


def test_people_read_a_line_a_record_and_a_table_of_one(data_dir: Path) -> None:
    lines = run(data_dir, "tail").stdout.splitlines()
    assert len(lines) == 5
    for word in ("completion", "ALLOW", "200", "chat.completions.create", "client=support", "outcome=ok"):
        assert word in lines[2]
    whole = run(data_dir, "show", "r-1").stdout
    assert "policy_revision" in whole
    assert '"subject": "u-17"' in whole


def test_what_a_caller_sent_does_not_act_on_the_terminal(data_dir: Path) -> None:
    for words in (["tail"], ["tail", "--json"], ["show", "r-2"], ["show", "r-2", "--json"]):
        output = run(data_dir, *words).stdout
        assert "\x1b" not in output
        assert "\x9b" not in output
    assert "[bold]" in run(data_dir, "show", "r-2").stdout
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_what_is_not_there_is_said_with_exit_code_1(data_dir: Path, tmp_path: Path) -> None:
    result = run(data_dir, "show", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no record" in result.stderr
    assert run(tmp_path, "tail").exit_code == 1
    write_json(tmp_path / "state.json", {"database_url": f"sqlite:///{tmp_path}/empty.db"})
    result = run(tmp_path, "tail")
    assert result.exit_code == 1
    assert "no such table" in result.stderr


@contextlib.contextmanager
def command(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "from dataplane.cli.audit import app; app()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_following_goes_on_until_ctrl_c_and_ends_quietly(data_dir: Path) -> None:
    with command("tail", "--limit", "1", "--follow", "--json", "--data-dir", str(data_dir)) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "bye"

        async def more() -> None:
            async with Scene(f"sqlite:///{data_dir}/regogate.db"):
                pass

        asyncio.run(more())
        assert [json.loads(process.stdout.readline())["kind"] for _ in range(2)] == ["hello", "bye"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (out, err, process.returncode) == ("", "", 0)


def test_a_reader_that_leaves_ends_the_command_quietly(data_dir: Path) -> None:
    async def more() -> None:
        async with Scene(f"sqlite:///{data_dir}/regogate.db") as scene:
            for n in range(600):
                scene.log.put_note("config", {"n": n, "text": "x" * 300})

    asyncio.run(more())
    with command("tail", "--limit", "0", "--json", "--data-dir", str(data_dir)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
        process.stdout = None
