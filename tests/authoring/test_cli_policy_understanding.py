"""`regogate policy explain, eval, matrix, diff` as a person and a CI job use them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from little_policy import TABLES, facts, write_policies
from replay_kit import built, calls, installation, record
from typer.testing import CliRunner, Result

from dataplane.cli.policy import app


def invoke(*words: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def answer(result: Result) -> dict[str, Any]:
    assert result.stdout.count("\n") == 1, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def opa(opa_binary: Path) -> tuple[str, str]:
    return "--opa", str(opa_binary)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--stage", "later"), "not one of request, tool_call, response"),
        (("--network", "corp", "--ip", "10.0.0.1"), "not both"),
        (("--signal", "injection"), "KIND:ORIGIN=LEVEL"),
        (("--fact", "request.stream"), "PATH=JSON"),
        (("--data-class", "secret"), "not one of public"),
    ],
)
def test_eval_refuses_what_it_cannot_understand(words: tuple[str, ...], said: str) -> None:
    result = invoke("eval", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_eval_of_an_unknown_network_or_policy_is_neither_yes_nor_no(
    policies: Path, opa: tuple[str, str]
) -> None:
    result = invoke("eval", "--network", "office", "--policies", policies, *opa)
    assert result.exit_code == 3
    assert "no office (it has: corp, vpn)" in result.stderr
    missing = invoke("eval", "--bundle", "nothing.tar.gz", "--json", *opa)
    assert missing.exit_code == 3
    assert answer(missing)["ok"] is False


def test_eval_answers_by_its_exit_code(policies: Path, opa: tuple[str, str]) -> None:
    asked = ("eval", "--policies", policies, "--model", "small", "--time", "2026-09-23T09:00", *opa)
    assert invoke(*asked, "--client", "support").exit_code == 0
    capped = invoke(*asked, "--client", "support", "--max-tokens", "5000")
    assert capped.exit_code == 0
    assert "CONSTRAIN request.tokens.cap" in capped.stdout
    assert "constraint max_tokens: 1000" in capped.stdout
    assert "limit client.rpm: 60 requests a minute" in capped.stdout
    blocked = invoke(*asked, "--client", "support", "--tool", "shell", "--ip", "192.0.2.1")
    assert blocked.exit_code == 1
    assert "request.network.client: Not from this network" in blocked.stdout
    assert "Call from a listed network." in blocked.stdout
    risky = invoke(*asked, "--client", "batch", "--signal", "injection:user=high", "--json")
    assert risky.exit_code == 1
    assert answer(risky)["result"]["reasons"] == ["request.risk.injection"]
    streamed = answer(invoke(*asked, "--client", "batch", "--fact", "request.stream=true", "--json"))
    assert streamed["input"]["request"]["stream"] is True


def test_explain_wants_one_question() -> None:
    assert invoke("explain").exit_code == 2
    assert invoke("explain", "--audit-id", "x", "--input", "y").exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is not JSON"), ("[]", "has no `stage`"), ('{"stage": 7}', "has no `stage`")]
)
def test_explain_refuses_what_is_no_input(text: str, said: str) -> None:
    result = invoke("explain", "--input", "-", stdin=text)
    assert result.exit_code == 1
    assert said in result.stderr


def test_explain_of_an_input(policies: Path, opa: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(json.dumps({"input": facts("support", ip="192.0.2.1")}))
    asked = ("explain", "--input", tmp_path / "input.json", "--bundle", policies, *opa)
    told = invoke(*asked)
    assert told.exit_code == 0
    for words in (
        "BLOCK     request.network.client",
        "Not from this network",
        "owner network",
        "To do: Call from a listed network.",
        'clients.support.networks = ["corp"]',
        "with another call: network corp, vpn",
        "with other tables: networks.corp: add 192.0.2.1/32",
    ):
        assert words in told.stdout
    found = answer(invoke(*asked, "--json", "--trace"))
    assert found["fired"][0]["rule"]["remediation"] == "Call from a listed network."
    assert found["trace"][0]["op"] == "enter"


def test_explain_of_a_record_asks_the_revision_that_decided(
    policies: Path, opa_binary: Path, opa: tuple[str, str], tmp_path: Path
) -> None:
    policy = built(policies, opa_binary)
    url = f"sqlite:///{tmp_path / 'data' / 'regogate.db'}"
    (tmp_path / "data").mkdir(mode=0o700)
    states = calls(6)
    asked, _ = record(url, states, policy, opa_binary, strangers=1)
    data = installation(tmp_path / "data", url, policy)
    state = next(one for one in states if one.decision is not None)
    wanted = state.head.request_id
    found = answer(invoke("explain", "--audit-id", wanted, "--data-dir", data, "--json", *opa))
    assert found["revision"] == policy.revision
    assert found["as_recorded"] is True
    assert found["input"] == orjson.loads(asked[states.index(state)])
    assert found["record"]["policy_revision"] == policy.revision

    other = write_policies(tmp_path / "other", {**TABLES, "clients": {}})
    told = invoke("explain", "--audit-id", wanted, "--data-dir", data, "--bundle", other, *opa)
    assert told.exit_code == 0
    assert "request.default.deny" in told.stdout

    nobody = invoke("explain", "--audit-id", "s-0", "--data-dir", data, *opa)
    assert nobody.exit_code == 1
    assert "policy was not asked about s-0 (it ended with gateway.bad_path)" in nobody.stderr
    assert "no record and no call" in invoke("explain", "--audit-id", "zz", "--data-dir", data).stderr


def test_explain_of_a_revision_that_is_gone_says_what_to_give(
    policies: Path, opa_binary: Path, opa: tuple[str, str], tmp_path: Path
) -> None:
    policy = built(policies, opa_binary)
    url = f"sqlite:///{tmp_path / 'data' / 'regogate.db'}"
    (tmp_path / "data").mkdir(mode=0o700)
    record(url, calls(1), policy, opa_binary)
    data = installation(tmp_path / "data", url)
    result = invoke("explain", "--audit-id", "r-00000", "--data-dir", data, *opa)
    assert result.exit_code == 1
    assert f"{policy.revision} is not kept" in result.stderr


def test_matrix(policies: Path, opa: tuple[str, str], tmp_path: Path) -> None:
    assert invoke("matrix", "--rows", "cats").exit_code == 2
    assert invoke("matrix", "--rows", "models").exit_code == 2
    told = invoke("matrix", "--bundle", policies, *opa)
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["clients", "large", "small", "(unknown", "model)"]
    # At night a rule of the policy blocks some clients, too, and takes the first mark.
    told_by = {line[:2]: line[4:] for line in lines if re.match(r"[AB]\d  ", line)}
    lab = next(line.split() for line in lines if line.startswith("lab"))
    allowed, denied = "ALLOW request.grant.tier", "BLOCK request.default.deny (Nothing allows this)"
    assert [told_by[mark].partition(" (The")[0] for mark in lab[1:]] == [allowed, allowed, denied]
    tables = {**TABLES, "clients": {**TABLES["clients"], "lab": {"tier": "default"}}}
    other = write_policies(tmp_path / "other", tables)
    compared = invoke("matrix", "--bundle", other, "--against", policies, *opa)
    assert compared.exit_code == 1
    assert re.search(r"A1>B\d", compared.stdout)
    found = answer(invoke("matrix", "--bundle", other, "--against", policies, "--json", *opa))
    changed = [(cell["row"], cell["column"]) for cell in found["cells"] if cell["changed"]]
    assert changed == [("lab", "large")]


def test_diff(policies: Path, opa: tuple[str, str], tmp_path: Path) -> None:
    same = invoke("diff", policies, policies, *opa)
    assert same.exit_code == 0
    assert "not asked: tables and Rego are the same" in same.stdout
    told_same = answer(invoke("diff", policies, policies, "--json", *opa))
    assert (told_same["alike"], told_same["sweep"], told_same["changed"]) == (True, [], [])
    copied = {**TABLES["clients"], "twin": TABLES["clients"]["lab"]}
    twin = write_policies(tmp_path / "twin", {**TABLES, "clients": copied})
    equal = invoke("diff", policies, twin, "--budget", "300", *opa)
    assert "the budget ended it" in equal.stdout
    tables = {**TABLES, "tiers": {**TABLES["tiers"], "premium": TABLES["tiers"]["default"]}}
    other = write_policies(tmp_path / "other", tables)
    told = invoke("diff", policies, other, "--budget", "600", *opa)
    assert told.exit_code == 1
    assert 'tiers.premium.models: removed "large"' in told.stdout
    assert "ALLOW request.grant.tier  ->  BLOCK request.default.deny" in told.stdout
    assert "client lab; model large" in told.stdout
    found = answer(invoke("diff", policies, other, "--budget", "600", "--json", *opa))
    assert found["sweep"][0]["asked"] == 600
    assert {one["call"]["client"] for one in found["changed"]} == {"lab"}
    words = invoke("diff", policies, other, "--budget", "0", *opa)
    assert words.exit_code == 0
    assert "not asked (--budget 0)" in words.stdout
    missing = invoke("diff", policies, "nothing", *opa)
    assert missing.exit_code == 3
