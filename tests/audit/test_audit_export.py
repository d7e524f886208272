"""Rows for a replay: what policy was asked and answered, from either database."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import orjson
import pytest
from audit_kit import POLICY_INPUT, POLICY_RESULT, Scene, call, decision, ended, head, stranger
from sqlalchemy import update
from typer.testing import CliRunner, Result

from dataplane.audit import export
from dataplane.audit.export import Altered, Wanted
from dataplane.audit.models import records
from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.rows import Row, row_of
from dataplane.cli import app
from dataplane.cli.policy.sets import policy_set
from dataplane.domain import Outcome
from dataplane.errors import Refused
from dataplane.installation import write_json
from dataplane.opa.temporary import TemporaryOpa
from tests.authoring.little_policy import facts, write_policies

Play = Callable[..., None]


async def rows(scene: Scene, wanted: Wanted | None = None, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    shares = []
    async with aclosing(export.pages(scene.database, wanted or Wanted(), **options)) as pages:
        async for page in pages:
            found += page.rows
            shares.append(page.share)
    assert shares == sorted(shares)
    assert not shares or shares[-1] == 1.0
    return found


async def change(scene: Scene, request_id: str, sealed: bytes | None) -> None:
    statement = update(records).where(records.c.request_id == request_id).values(sealed=sealed)
    await scene.database.run(lambda connection: connection.execute(statement))


def test_a_value_that_was_changed_is_refused(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.intent(call("r-1"))
        sealed = (await scene.rows())[-1].sealed or b""
        await change(scene, "r-1", sealed.replace(b"ALLOW", b"BLOCK"))
        with pytest.raises(Altered, match="policy_result") as caught:
            await rows(scene)
        assert "BLOCK" not in str(caught.value)
        assert len(await rows(scene, check=False)) == 1
        await change(scene, "r-1", sealed.replace(b"nonce", b"other"))
        with pytest.raises(Altered):
            await rows(scene)
        await change(scene, "r-1", sealed)

    play(url, story)


def test_each_question_is_a_row_in_order_of_writing(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        for number in range(7):
            await scene.log.intent(call(f"r-{number}"))
        scene.log.completion(ended(call("r-0")), Outcome.OK)
        await scene.log.deny(call("r-7"), Refused("gateway.internal", reasons=("limit.requests",)))
        await scene.until("completion", count=1)
        found = await rows(scene, page=3)
        assert [row["request_id"] for row in found] == [f"r-{number}" for number in range(8)]
        first, last = found[0], found[-1]
        assert set(first) == {
            *("v", "request_id", "time", "client_id", "model", "operation", "decision", "reasons"),
            *("policy_revision", "stage", "policy_input", "policy_result", "stored"),
        }
        assert (first["v"], first["stage"], first["stored"]) == (1, "request", "whole")
        assert first["policy_input"].encode() == POLICY_INPUT
        assert last["policy_result"].encode() == POLICY_RESULT
        # How the call came out, beside what policy said.
        assert (last["decision"], last["reasons"]) == ("BLOCK", ["limit.requests"])

    play(url, story)


def test_what_was_never_asked_or_is_erased_is_told_apart(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.deny(stranger("r-1"), Refused("gateway.unauthenticated"))
        await scene.log.intent(call("r-2"))
        await change(scene, "r-2", None)
        await scene.log.intent(call("r-3", decision=decision()))
        await change(scene, "r-3", b'{"nonce":"00"}')
        found = await rows(scene)
        assert [row["stored"] for row in found] == ["never_asked", "erased", "erased"]
        assert {row["policy_input"] for row in found} == {None}

    play(url, story)


def test_calls_that_were_only_counted_are_a_row_with_their_number(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        for number in range(40):
            await scene.log.deny(stranger(f"r-{number}"), Refused("gateway.unauthenticated"))
        await scene.until("deny", count=11)  # ten at once, then one that counts the others
        found = await rows(scene)
        counted = [row for row in found if "count" in row]
        assert sum(row["count"] for row in counted) + len(found) - len(counted) == 40
        assert all(row["stored"] == "never_asked" for row in counted)

    play(sqlite_url, story)


def test_periods_clients_and_models(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        for number in range(4):
            await scene.log.intent(call(f"r-{number}"))
        times = [orjson.loads(row.canonical)["time_us"] for row in await scene.rows()][1:]

        async def ids(**wanted: Any) -> list[str]:
            return [row["request_id"] for row in await rows(scene, Wanted(**wanted))]

        assert await ids(since_us=times[2]) == ["r-2", "r-3"]
        assert await ids(until_us=times[2]) == ["r-0", "r-1"]
        assert await ids(since_us=times[1], until_us=times[2]) == ["r-1"]
        hour_us = 3600 * 1_000_000
        assert await ids(since_us=times[3] + hour_us) == []
        assert await ids(until_us=times[0] - hour_us) == []
        assert len(await ids(clients=("support", "nobody"))) == 4
        assert await ids(clients=("nobody",)) == []
        assert await ids(models=("x' OR '1'='1",)) == []
        assert await export.seen(scene.database, Wanted(clients=("nobody",)), "client_id") == ["support"]
        assert await export.seen(scene.database, Wanted(), "model") == ["gpt-4o-mini"]

    play(url, story)


def test_an_empty_database_has_no_rows(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        assert await rows(scene, Wanted(since_us=0)) == []

    play(url, story)


def test_what_is_exported_can_be_replayed(play: Play, sqlite_url: str) -> None:
    """The two rooms do not know each other; their form of a row is one."""

    async def story(scene: Scene) -> None:
        answer = b'{"v":1,"decision":"ALLOW","reasons":["a.b"]}'
        asked = b'{"v":1,"stage":"request"}'
        await scene.log.intent(call("r-1", decision=decision(input=asked, result=answer)))
        (found,) = await rows(scene)
        row = row_of(found, "here")
        assert isinstance(row, Row)
        assert (row.input, row.result, row.request_id) == (asked, answer, "r-1")

    play(sqlite_url, story)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def recorded(url: str, short_dir: Path, tmp_path: Path, opa_binary: Path) -> tuple[Path, Path]:
    """The data directory of an installation on either database with 40 true decisions, and their policy."""
    policy = policy_set(str(write_policies(tmp_path / "p")), opa=opa_binary)
    asked = [orjson.dumps(facts("batch" if number % 2 else "lab")) for number in range(40)]
    with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as evaluator:
        answers = [one or b"" for one in evaluator.decide_many("request", asked)]

    async def main() -> None:
        async with Scene(url) as scene:
            for number, (question, answer) in enumerate(zip(asked, answers, strict=True)):
                made = decision(input=question, result=answer, revision=policy.revision)
                await scene.log.intent(call(f"r-{number}", decision=made, head=head(f"r-{number}")))

    asyncio.run(main())
    data_dir = short_dir / "data"
    data_dir.mkdir(mode=0o700)
    write_json(data_dir / "state.json", {"database_url": url})
    return data_dir, policy.bundle


def test_the_command_writes_a_private_file_whole_or_not_at_all(
    recorded: tuple[Path, Path], tmp_path: Path
) -> None:
    data_dir, _ = recorded
    there = ("--data-dir", str(data_dir))
    done = run("audit", "export", "-o", str(tmp_path / "no" / "rows"), *there)
    assert (done.exit_code, "cannot be written" in done.stderr) == (1, True)
    assert run("audit", "export", "--since", "soon", *there).exit_code == 2
    file = tmp_path / "rows.jsonl"
    done = run("audit", "export", "-o", str(file), "--since", "1h", *there)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "40 rows written" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("audit", "export", *there).stdout == file.read_text()
    assert len(file.read_text().splitlines()) == 40
    assert run("audit", "export", "--until", "1h", *there).stdout == ""


def test_a_replay_reads_either_database(recorded: tuple[Path, Path], opa_binary: Path) -> None:
    data_dir, bundle = recorded
    words = ["policy", "replay", "--opa", str(opa_binary), "--bundle", str(bundle), "--since", "1h"]
    words += ["--data-dir", str(data_dir)]
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["total"], found["changed"], found["proof"]["proven"]) == (40, 0, 40)
    done = run(*words, "--client", "nobody")
    assert done.exit_code == 1
    assert "--client nobody: policy answered no such call there; there are: support" in done.stderr


def test_a_database_that_cannot_be_read_is_named_without_its_password(tmp_path: Path) -> None:
    write_json(tmp_path / "state.json", {"database_url": "postgresql://u:hunter2@127.0.0.1:1/x"})
    for words in (["audit", "export"], ["policy", "replay", "--bundle", "x", "--since", "1d"]):
        done = run(*words, "--data-dir", str(tmp_path))
        assert done.exit_code == 1
        assert "hunter2" not in done.output
