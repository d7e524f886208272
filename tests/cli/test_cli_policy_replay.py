"""`regogate policy replay`, as a person and a CI job use it. What it finds is tested in tests/authoring."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import PolicySet
from dataplane.cli import app
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa
from tests.authoring.little_policy import TABLES, facts, write_policies

LAXER: dict[str, Any] = {
    **TABLES,
    "tiers": {**TABLES["tiers"], "default": {**TABLES["tiers"]["default"], "max_tokens": 5000}},
}
STRICTER: dict[str, Any] = {**TABLES, "clients": {"lab": TABLES["clients"]["lab"]}}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A policy, rows that it answered, two other policies, and where all lies."""

    place: Path
    opa: Path
    old: PolicySet
    lax: PolicySet
    strict: PolicySet
    rows: list[dict[str, Any]]

    def run(self, *words: str, bundle: PolicySet | str | None = None) -> Result:
        spec = bundle if isinstance(bundle, str) else str((bundle or self.old).bundle)
        arguments = ["policy", "replay", "--opa", str(self.opa), "--bundle", spec, *words]
        if "--data-dir" not in words:
            arguments += ["--data-dir", str(self.place / "none")]
        return CliRunner().invoke(app, arguments)

    def file(self, tmp_path: Path, rows: list[dict[str, Any]] | None = None) -> str:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in (self.rows if rows is None else rows)))
        return str(path)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Desk:
    place = tmp_path_factory.mktemp("desk")
    named = {"old": TABLES, "lax": LAXER, "strict": STRICTER}
    policies = {
        name: policy_set(str(write_policies(place / name, tables=tables)), opa=opa_binary)
        for name, tables in named.items()
    }
    asked = [
        facts(client, model, max_tokens=tokens)
        for client in ("batch", "lab")
        for model in ("small", "large")
        for tokens in (10, 3000, 9000)
    ]
    with TemporaryOpa(opa_binary, policies["old"].bundle) as running, Evaluator(running.url) as evaluator:
        answers = list(evaluator.decide_many("request", [orjson.dumps(one) for one in asked]))
    rows = [
        {
            "v": 1,
            "request_id": f"r-{number}",
            "time": "2026-11-21T08:00:00.000000Z",
            "client_id": one["identity"]["client_id"],
            "model": one["request"]["model"],
            "operation": one["request"]["operation"],
            "decision": "BLOCK",
            "reasons": ["limit.x"],
            "policy_revision": policies["old"].revision,
            "stage": "request",
            "policy_input": orjson.dumps(one).decode(),
            "policy_result": (answer or b"").decode(),
        }
        for number, (one, answer) in enumerate(zip(asked, answers, strict=True))
    ]
    return Desk(place=place, opa=opa_binary, rows=rows, **policies)


def changed(row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**row, **fields}


def deeper(row: dict[str, Any], name: str, **fields: Any) -> dict[str, Any]:
    return {**row, name: json.dumps({**json.loads(row[name]), **fields})}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((), "--since or --input-file"),
        (("--since", "1d", "--input-file", "x"), "--since or --input-file"),
        (("--input-file", "x", "--until", "1d"), "goes with --since"),
        (("--since", "yesterday"), "7d"),
        (("--since", "1d", "--json", "--markdown"), "--markdown"),
    ],
)
def test_wrong_usage_is_told_apart(desk: Desk, words: tuple[str, ...], hint: str) -> None:
    done = desk.run(*words)
    assert done.exit_code == 2
    assert hint in done.stderr


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a later row": (lambda row: changed(row, v=2), "the row is of version 2, this program knows 1"),
    "a later input": (lambda row: deeper(row, "policy_input", v=2), "its policy input is of version 2"),
    "a later result": (lambda row: deeper(row, "policy_result", v=3), "its policy result is of version 3"),
    "no version": (lambda row: changed(row, v=None), "no version"),
    "no input": (lambda row: {"v": 1, "policy_result": row["policy_result"]}, "no policy_input"),
    "an input that is a list": (
        lambda row: changed(row, policy_input="[]"),
        "not the JSON text of an object",
    ),
    "an input that is broken": (lambda row: changed(row, policy_input='{"v":1'), "not the JSON text"),
    "another stage": (lambda row: changed(row, stage="response"), "its stage is not"),
    "no decision": (lambda row: changed(row, policy_result='{"v":1}'), "has no decision"),
    "no revision": (lambda row: changed(row, policy_revision=None), "no policy_revision"),
    "a client that is a number": (lambda row: changed(row, client_id=5), "client_id is not a string"),
    "not an object": (lambda _: ["v", 1], "not a JSON object"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_with_its_line_and_nothing_is_replayed(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    spoil, said = BAD[name]
    file = desk.file(tmp_path, [*desk.rows[:2], spoil(desk.rows[2]), *desk.rows[3:]])
    done = desk.run("--input-file", file, "--proof-bundle", str(desk.old.bundle))
    assert done.exit_code == 1, done.output
    assert f"{file}:3: " in done.stderr
    assert said in done.stderr
    assert "1 row cannot be replayed, so none was" in done.stderr
    assert done.stdout == ""


def test_all_bad_rows_are_told_at_once_and_a_file_that_was_cut(desk: Desk, tmp_path: Path) -> None:
    file = desk.file(tmp_path, [changed(desk.rows[0], v=2), desk.rows[1]])
    text = Path(file).read_text()
    Path(file).write_text(text + "nonsense\n" + text[:-40])
    done = desk.run("--input-file", file)
    assert done.exit_code == 1
    assert "4 rows cannot be replayed" in done.stderr
    assert f"{file}:3: not JSON" in done.stderr
    assert f"{file}:5: the file ends in the middle of this row; copy or export it again" in done.stderr
    found = json.loads(desk.run("--input-file", file, "--json").stdout)
    assert (found["ok"], found["bad"]) == (False, 4)


def test_a_file_that_is_not_there_or_empty_is_refused(desk: Desk, tmp_path: Path) -> None:
    done = desk.run("--input-file", str(tmp_path / "no"))
    assert (done.exit_code, "cannot be read: No such file" in done.stderr) == (1, True)
    done = desk.run("--input-file", desk.file(tmp_path, []))
    assert (done.exit_code, "no recorded answer of policy" in done.stderr) == (1, True)


@pytest.mark.parametrize(("option", "there"), [("--client", "batch, lab"), ("--model", "large, small")])
def test_a_client_or_model_that_nobody_knows_is_refused(
    desk: Desk, tmp_path: Path, option: str, there: str
) -> None:
    done = desk.run("--input-file", desk.file(tmp_path), option, "nobody")
    assert done.exit_code == 1
    assert f"{option} nobody: policy answered no such call there; there are: {there}" in done.stderr


def test_a_candidate_that_is_none_is_refused(desk: Desk, tmp_path: Path) -> None:
    rows = ("--input-file", desk.file(tmp_path))
    broken = write_policies(tmp_path / "broken", request="package regogate.request\n\ndecision := ")
    done = desk.run(*rows, bundle=str(broken))
    assert done.exit_code == 1
    assert "decision.rego:3" in done.stderr
    (tmp_path / "junk.tar.gz").write_bytes(b"junk")
    assert desk.run(*rows, bundle=str(tmp_path / "junk.tar.gz")).exit_code == 1
    done = desk.run(*rows, bundle=str(tmp_path / "nothing"))
    assert (done.exit_code, "no such bundle file or policy directory" in done.stderr) == (1, True)


def test_rows_that_cannot_be_proven_stop_the_replay_unless_it_is_said(desk: Desk, tmp_path: Path) -> None:
    other = [changed(row, policy_revision="7-gabcdef0-0123456789ab") for row in desk.rows[:2]]
    words = ["--input-file", desk.file(tmp_path, [*other, *desk.rows[2:]])]
    done = desk.run(*words)
    assert done.exit_code == 1
    assert "2 rows were answered by policies that are not at hand" in done.stderr
    assert "7-gabcdef0-0123456789ab: 2 rows" in done.stderr
    assert "--proof-bundle FILE, or --no-proof" in done.stderr
    found = json.loads(desk.run(*words, "--no-proof", "--json").stdout)
    assert (found["total"], found["changed"]) == (len(desk.rows), 0)
    assert (found["proof"]["proven"], found["proof"]["unproven"]) == (len(desk.rows) - 2, 2)
    assert found["proof"]["missing_revisions"] == {"7-gabcdef0-0123456789ab": 2}
    assert "2 not proven (7-gabcdef0-0123456789ab)" in desk.run(*words, "--no-proof").stdout


def test_no_proof_does_not_excuse_an_answer_that_is_not_reproduced(desk: Desk, tmp_path: Path) -> None:
    lie = deeper(desk.rows[0], "policy_result", decision="BLOCK")
    done = desk.run("--input-file", desk.file(tmp_path, [lie, *desk.rows[1:]]), "--no-proof")
    assert done.exit_code == 4
    assert "request r-0, answered by" in done.stderr


def test_a_proof_bundle_that_nothing_needs_is_told(desk: Desk, tmp_path: Path) -> None:
    done = desk.run("--input-file", desk.file(tmp_path), "--proof-bundle", str(desk.strict.bundle))
    assert done.exit_code == 0
    assert f"no row was answered by {desk.strict.revision}" in done.stderr


def test_the_gate_of_new_blocks(desk: Desk, tmp_path: Path) -> None:
    words = ["--input-file", desk.file(tmp_path), "--proof-bundle", str(desk.old.bundle)]
    done = desk.run(*words, "--max-new-blocks", "2", "--fail-on-looser", bundle=desk.strict)
    assert done.exit_code == 1
    assert "failed: 3 new blocks, --max-new-blocks allows 2" in done.stdout
    assert "less strictly (--fail" not in done.stdout
    assert desk.run(*words, "--max-new-blocks", "3", bundle=desk.strict).exit_code == 0
    found = json.loads(desk.run(*words, "--max-new-blocks", "0", "--json", bundle=desk.strict).stdout)
    assert (found["ok"], found["new_blocks"]) == (False, 3)
    assert found["gates"] == ["3 new blocks, --max-new-blocks allows 0"]


def test_the_gate_of_looser_answers(desk: Desk, tmp_path: Path) -> None:
    words = ["--input-file", desk.file(tmp_path), "--proof-bundle", str(desk.old.bundle)]
    done = desk.run(*words, "--max-new-blocks", "0", "--fail-on-looser", bundle=desk.lax)
    assert done.exit_code == 1
    assert "failed: 2 calls would be judged less strictly" in done.stdout
    assert desk.run(*words, bundle=desk.lax).exit_code == 0


def test_filters_rows_and_ids_behind_counts(desk: Desk, tmp_path: Path) -> None:
    words = ["--input-file", desk.file(tmp_path), "--proof-bundle", str(desk.old.bundle), "--json"]
    found = json.loads(desk.run(*words, "--client", "batch", "--rows", "1", bundle=desk.strict).stdout)
    assert (found["total"], len(found["rows"])) == (6, 1)
    assert found["by"]["client"][0]["ids"] == ["r-0"]
    row = found["rows"][0]
    assert (row["request_id"], row["old"]["decision"], row["new"]["decision"]) == ("r-0", "ALLOW", "BLOCK")
    assert "policy_input" not in row
    assert json.loads(desk.run(*words, "--rows", "0", bundle=desk.strict).stdout)["rows"] == []
    assert found["rows_per_second"] > 0


def test_what_callers_chose_acts_neither_on_a_terminal_nor_in_markdown(desk: Desk, tmp_path: Path) -> None:
    hostile = "\x1b[31m<img>|`\n[x](y)"
    rows = [changed(row, client_id=hostile, model=hostile) for row in desk.rows]
    words = ["--input-file", desk.file(tmp_path, rows), "--proof-bundle", str(desk.old.bundle)]
    done = desk.run(*words, bundle=desk.strict)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert "\\x1b[31m<img>" in done.stdout
    comment = desk.run(*words, "--markdown", bundle=desk.strict).stdout
    assert "| `\\x1b[31m<img>\\|'\\n[x](y)` |" in comment
    assert comment.startswith("### Backtest of `")


def test_never_asked_and_erased_rows_are_counted(desk: Desk, tmp_path: Path) -> None:
    nothing = {"policy_input": None, "policy_result": None}
    rows = [
        *desk.rows,
        changed(desk.rows[0], **nothing, stored="never_asked", count=5),
        changed(desk.rows[0], **nothing, stored="erased"),
        changed(desk.rows[0], policy_result=None),
    ]
    found = json.loads(desk.run("--input-file", desk.file(tmp_path, rows), "--json").stdout)
    assert found["skipped"] == {"never_asked": 5, "erased": 2}
    assert found["total"] == len(desk.rows)


def test_ctrl_c_ends_it_with_nothing_left_behind(desk: Desk, tmp_path: Path) -> None:
    pipe, temporary = tmp_path / "rows", tmp_path / "t"
    os.mkfifo(pipe)
    temporary.mkdir()
    words = [sys.executable, "-m", "dataplane", "policy", "replay"]
    words += ["--opa", str(desk.opa), "--input-file", str(pipe)]
    words += ["--bundle", str(desk.strict.bundle), "--proof-bundle", str(desk.old.bundle)]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    )
    lines = b"".join(orjson.dumps(row) + b"\n" for row in desk.rows)
    with process, pipe.open("wb") as file:
        try:
            file.write(lines * 200)  # more than a chunk, so that OPA runs; the end never comes
            file.flush()
            _until(lambda: _running(str(temporary)))
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert (out, b"Traceback" in err) == (b"", False)
    assert list(temporary.iterdir()) == []
    _until(lambda: not _running(str(temporary)))


def _until(good: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not good():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _running(word: str) -> bool:
    """Whether an OPA runs whose arguments hold the word."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes()
        except OSError:
            continue
        if b"--server" in arguments and word.encode() in arguments:
            return True
    return False
