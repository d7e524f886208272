"""The shipped policy, a mixed load of 2,000 calls, the real audit writer, real OPAs: a backtest is true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from replay_kit import TIERS, built, calls, installation, record, recount, write_shipped
from typer.testing import CliRunner, Result

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.replay_reads import _modules, reads
from dataplane.cli import app
from dataplane.database import Database
from dataplane.opa.temporary import TemporaryOpa

CALLS = 2000
CHANGED = (
    TIERS.replace("gpt-4-turbo]", "gpt-4o]")  # premium loses a model
    .replace("max_tokens: 2000", "max_tokens: 1000")  # default is capped lower
    .replace("otherwise: block", "otherwise: allow")  # premium may offer any tool
    .replace("requests_per_minute: 60}", "requests_per_minute: 90}")  # and default call more often
)


@dataclass(frozen=True, kw_only=True)
class Load:
    data_dir: Path
    policy: PolicySet
    asked: list[bytes]
    answered: list[bytes]
    opa: Path

    def replay(self, *words: str) -> Result:
        arguments = ["policy", "replay", "--opa", str(self.opa), "--data-dir", str(self.data_dir), *words]
        return CliRunner().invoke(app, arguments)

    def report(self, *words: str) -> dict[str, Any]:
        done = self.replay(*words, "--json")
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Load:
    place = tmp_path_factory.mktemp("load")
    policy = built(write_shipped(place / "policies"), opa_binary)
    url = f"sqlite:///{place}/data/regogate.db"
    data_dir = installation(place / "data", url, policy)
    states = calls(CALLS)
    limited = {state.head.request_id for state in states[::50]}
    asked, answered = record(url, states, policy, opa_binary, strangers=7, limited=limited)
    return Load(data_dir=data_dir, policy=policy, asked=asked, answered=answered, opa=opa_binary)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> PolicySet:
    return built(write_shipped(tmp_path_factory.mktemp("changed") / "policies", tiers=CHANGED), opa_binary)


def test_the_load_is_mixed(load: Load) -> None:
    kinds = {json.loads(one)["decision"] for one in load.answered}
    assert kinds == {"ALLOW", "CONSTRAIN", "BLOCK"}
    assert len({tuple(json.loads(one)["reasons"]) for one in load.answered}) >= 8


def test_the_shipped_rules_read_neither_ids_nor_the_tables_revision(load: Load) -> None:
    """Else a backtest would not be true, and not be quick."""
    with TemporaryOpa(load.opa, load.policy.bundle) as running:
        read = reads(_modules(running.url), "request")
    assert not {(), ("tables_revision",), ("request",), ("request", "id")} & set(read.values)


def test_the_same_revision_reproduces_every_decision(load: Load) -> None:
    found = load.report("--bundle", load.policy.revision, "--since", "1d")
    assert (found["total"], found["changed"], found["looser"]) == (CALLS, 0, 0)
    assert found["proof"]["proven"] == CALLS
    assert found["proof"]["revisions"] == {load.policy.revision: CALLS}
    assert found["skipped"] == {"never_asked": 7, "erased": 0}
    assert found["rows"] == []
    assert found["by"]["client"] == []


def test_the_report_on_a_changed_policy_equals_a_recount(
    load: Load, changed: PolicySet, opa_binary: Path
) -> None:
    with TemporaryOpa(opa_binary, changed.bundle) as running, Evaluator(running.url) as evaluator:
        now = list(evaluator.decide_many("request", load.asked, batch=1))
    wanted = recount(load.asked, load.answered, now)
    found = load.report("--bundle", str(changed.bundle), "--since", "1d", "--rows", str(CALLS))

    assert found["candidate"] == changed.revision
    assert (found["total"], found["proof"]["proven"]) == (CALLS, CALLS)
    assert found["changed"] == wanted["changed"] > 200
    assert found["new_blocks"] == wanted["new_blocks"] > 20
    by = found["by"]
    assert {(one["old"], one["new"]): one["total"] for one in by["decision"]} == wanted["pairs"]
    assert {one["rule"]: one["gained"] for one in by["rule"] if one["gained"]} == wanted["gained"]
    assert {one["rule"]: one["lost"] for one in by["rule"] if one["lost"]} == wanted["lost"]
    assert {one["client"]: one["changed"] for one in by["client"] if one["changed"]} == wanted["clients"]
    assert {one["model"]: one["changed"] for one in by["model"] if one["changed"]} == wanted["models"]
    rows = found["rows"]
    assert sorted(row["request_id"] for row in rows if row["changed"]) == wanted["ids"]
    blocks = [row["old"]["decision"] != "BLOCK" and row["new"]["decision"] == "BLOCK" for row in rows]
    assert blocks == sorted(blocks, reverse=True), "new blocks come first"
    assert sum(blocks) == found["new_blocks"]
    assert found["looser"] > 0


def test_what_policy_answered_counts_and_not_what_a_limit_made_of_it(load: Load, changed: PolicySet) -> None:
    """A call that policy allowed and a limit refused is an ALLOW to compare with."""
    found = load.report("--bundle", load.policy.revision, "--since", "1d", "--client", "lab")
    assert found["changed"] == 0
    pairs = {one["old"] for one in found["by"]["decision"]}
    assert pairs == {"ALLOW", "CONSTRAIN", "BLOCK"}
    own = [json.loads(one) for one in load.asked]
    assert found["total"] == sum(one["identity"]["client_id"] == "lab" for one in own)


def test_exported_rows_give_the_same_report(load: Load, changed: PolicySet, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    done = CliRunner().invoke(app, ["audit", "export", "-o", str(rows), "--data-dir", str(load.data_dir)])
    assert done.exit_code == 0, done.output
    narrow = ("--bundle", str(changed.bundle), "--client", "lab", "--model", "gpt-4-turbo")
    here = load.report(*narrow, "--since", "1d")
    there = load.report(*narrow, "--input-file", str(rows))
    for name in ("seconds", "rows_per_second"):
        del here[name], there[name]
    assert here == there
    # On another machine nothing but the rows and the old bundle is there.
    there = load.report(
        *narrow,
        *("--input-file", str(rows), "--proof-bundle", str(load.policy.bundle)),
        *("--data-dir", str(tmp_path / "none")),
    )
    assert there["by"] == here["by"]
    assert there["proof"]["proven"] == here["total"] > 50


def test_a_changed_record_is_named_and_nothing_is_said_of_the_candidate(
    load: Load, changed: PolicySet, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    CliRunner().invoke(app, ["audit", "export", "-o", str(rows), "--data-dir", str(load.data_dir)])
    lines = [json.loads(line) for line in rows.read_text().splitlines()[:200]]
    forged = next(line for line in lines if line["policy_result"] and '"ALLOW"' in line["policy_result"])
    forged["policy_result"] = forged["policy_result"].replace('"audit":"metadata"', '"audit":"hash"')
    rows.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = load.replay("--bundle", str(changed.bundle), "--input-file", str(rows))
    assert done.exit_code == 4
    assert forged["request_id"] in done.stderr
    assert "1 stored answer cannot be reproduced" in done.stderr
    assert done.stdout == ""
    found = json.loads(
        load.replay("--bundle", str(changed.bundle), "--input-file", str(rows), "--json").stdout
    )
    assert found["ok"] is False
    assert [one["request_id"] for one in found["proof"]["failures"]] == [forged["request_id"]]
    assert "by" not in found


@pytest.fixture
def erased(load: Load) -> Iterator[str]:
    """One record's sealed values are erased for the length of a test."""
    url = f"sqlite:///{load.data_dir}/regogate.db"
    where = "request_id = 'r-00003' AND kind IN ('intent', 'deny')"
    kept = _execute(url, f"SELECT sealed FROM records WHERE {where}")
    _execute(url, f"UPDATE records SET sealed = NULL WHERE {where}")
    yield "r-00003"
    _execute(url, f"UPDATE records SET sealed = ? WHERE {where}", kept)


def _execute(url: str, statement: str, values: Any = ()) -> Any:
    async def main() -> Any:
        database = Database(url)

        def work(connection: Any) -> Any:
            done = connection.exec_driver_sql(statement, tuple(values))
            return done.scalar() if done.returns_rows else None

        try:
            return await database.run(work)
        finally:
            await database.close()

    found = asyncio.run(main())
    return (found,) if found is not None else None


def test_a_row_whose_values_were_erased_is_counted_and_never_shown(
    load: Load, changed: PolicySet, erased: str
) -> None:
    clients = [json.loads(one)["identity"]["client_id"] for one in load.asked]
    words = ("--bundle", str(changed.bundle), "--since", "1d", "--client", clients[3], "--rows", str(CALLS))
    found = load.report(*words)
    assert found["total"] == clients.count(clients[3]) - 1
    assert found["skipped"]["erased"] == 1
    assert erased not in json.dumps(found)
