"""An explanation is true: what rules used is what OPA read, and what is told to help does help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from little_policy import REQUEST, TABLES, facts, write_policies

from dataplane.authoring.evaluator import Evaluator, Undecided
from dataplane.authoring.explain import Explanation, Fired, explain
from dataplane.authoring.policy_set import PolicySet
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa


def used(found: Explanation, id_: str) -> dict[str, Any]:
    return {".".join(use.path): use.value for use in one(found, id_).uses}


def one(found: Explanation, id_: str) -> Fired:
    (fired,) = [fired for fired in found.fired if fired.id == id_]
    return fired


def test_a_stage_without_a_decision_cannot_be_explained(evaluator: Evaluator, little: PolicySet) -> None:
    with pytest.raises(Undecided):
        explain(evaluator, little, "response", facts())
    with pytest.raises(Undecided, match="no stage of the contract"):
        explain(evaluator, little, "../x", facts())


def test_an_allow_names_its_grant_and_the_values_it_used(evaluator: Evaluator, little: PolicySet) -> None:
    found = explain(evaluator, little, "request", facts("support"))
    assert found.answer["decision"] == "ALLOW"
    assert [(fired.id, fired.role) for fired in found.fired] == [("request.grant.tier", "decided")]
    assert used(found, "request.grant.tier") == {
        "clients.support.tier": "default",
        "tiers.default.models": ["small"],
        "tiers.default.operations": ["chat.completions.create"],
    }
    assert found.remedies is None


def test_a_block_tells_title_remediation_and_the_networks_it_looked_through(
    evaluator: Evaluator, little: PolicySet
) -> None:
    found = explain(evaluator, little, "request", facts("support", ip="192.0.2.1"))
    fired = one(found, "request.network.client")
    assert fired.role == "decided"
    assert fired.rule is not None
    assert (fired.rule.title, fired.rule.owner) == ("Not from this network", "network")
    assert used(found, "request.network.client") == {
        "clients.support.networks": ["corp"],
        "networks.corp": ["10.0.0.0/8"],
    }


def test_a_sites_own_rule_is_told_as_the_shipped_ones_are(evaluator: Evaluator, little: PolicySet) -> None:
    found = explain(evaluator, little, "request", facts("batch", hour=3))
    assert found.answer["reasons"] == ["request.site.acme_hours"]
    assert used(found, "request.site.acme_hours") == {"site_data.nights.clients": ["batch"]}
    assert found.remedies is not None
    assert found.remedies.call[0][0] == "hour (UTC)"
    assert found.remedies.call[0][1] == tuple(map(str, range(6, 24)))


def test_a_denied_call_hangs_on_what_the_grants_looked_at(evaluator: Evaluator, little: PolicySet) -> None:
    found = explain(evaluator, little, "request", facts("batch", "large"))
    assert used(found, "request.default.deny") == {
        "clients.batch.tier": "default",
        "tiers.default.models": ["small"],
        "tiers.default.operations": ["chat.completions.create"],
    }
    assert found.remedies is not None
    assert ("model", ("small",)) in found.remedies.call
    changes = [{".".join(one.path): one.after for one in some} for some in found.remedies.tables]
    assert {"clients.batch.tier": "premium"} in changes
    assert {"tiers.default.models": ["small", "large"]} in changes


def test_a_row_that_is_not_there_is_told(evaluator: Evaluator, little: PolicySet) -> None:
    found = explain(evaluator, little, "request", facts("stranger"))
    (use,) = one(found, "request.default.deny").uses
    assert (use.path, use.there) == (("clients", "stranger"), False)


def test_a_rule_in_shadow_or_off_is_told_as_such(opa_binary: Path, tmp_path: Path) -> None:
    modes = {"request.network.client": "shadow", "request.tools.denied": "off"}
    policy = policy_set(str(write_policies(tmp_path / "p", {**TABLES, "rules": modes})), opa=opa_binary)
    with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as evaluator:
        found = explain(
            evaluator, policy, "request", facts("support", ip="192.0.2.1", tools={"shell": {}}), trace=True
        )
    roles = {fired.id: fired.role for fired in found.fired}
    assert found.answer["decision"] == "ALLOW"
    assert roles["request.network.client"] == "shadow"
    assert roles["request.tools.denied"] == "off"
    assert found.trace[0]["op"] == "enter"


BLOCKED = [
    facts("batch", "large"),
    facts("stranger"),
    facts("support", ip="192.0.2.1"),
    facts("support", ip="192.0.2.1", data_class="restricted", tools={"shell": {}}),
    facts("batch", operation="embeddings.create"),
    {**facts("lab"), "signals": {"injection": {"user": {"level": "critical"}}}},
]


@pytest.mark.parametrize("asked", BLOCKED, ids=range(len(BLOCKED)))
def test_every_change_of_tables_that_is_told_lets_the_call_pass(
    asked: dict[str, Any], evaluator: Evaluator, little: PolicySet, opa_binary: Path, tmp_path: Path
) -> None:
    """Not by the same means: the tables are written with the changes, built, and asked."""
    found = explain(evaluator, little, "request", asked)
    assert found.answer["decision"] == "BLOCK"
    assert found.remedies is not None
    assert found.remedies.tables
    for number, changes in enumerate(found.remedies.tables):
        tables = json.loads(json.dumps({name: little.tables[name] for name in TABLES}))
        for change in changes:
            row = tables
            for name in change.path[:-1]:
                row = row.setdefault(name, {})
            row[change.path[-1]] = change.after
        place = write_policies(tmp_path / str(number), tables)
        policy = policy_set(str(place), opa=opa_binary)
        with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as changed:
            assert changed.decide("request", asked)["decision"] in ("ALLOW", "CONSTRAIN")


def test_a_read_through_a_function_and_a_field_with_a_default_is_seen(
    opa_binary: Path, tmp_path: Path
) -> None:
    more = """
block contains "request.more.asked" if {
	some name, _ in input.request.tools
	said(name) == "block"
	object.get(client, "trusted", false) == false
	object.get(tier, ["tools", "otherwise"], "block") == "block"
}

said(name) := data.regogate.tools[name].use
"""
    tables = {**TABLES, "tools": {"search": {"use": "block"}, "shell": {"use": "allow"}}}
    place = write_policies(tmp_path / "p", tables, REQUEST + more)
    policy = policy_set(str(place), opa=opa_binary)
    with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as evaluator:
        found = explain(evaluator, policy, "request", facts("batch", tools={"search": {}, "shell": {}}))
    assert used(found, "request.more.asked") == {
        "clients.batch.tier": "default",
        "clients.batch.trusted": None,
        "tiers.default.tools.otherwise": None,
        "tools.search.use": "block",
        "tools.shell.use": "allow",
    }
