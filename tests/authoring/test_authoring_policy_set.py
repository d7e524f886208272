"""What METADATA says becomes rules: stage and kind by the contract's names."""

from __future__ import annotations

from typing import Any

import pytest

from dataplane.authoring.policy_set import PolicySet, rules_of


def annotation(path: str, id_: str | None, row: int = 1, file: str = "/regogate/x.rego") -> dict[str, Any]:
    custom = {} if id_ is None else {"custom": {"id": id_, "owner": "o", "remediation": " do it\n"}}
    steps = [{"type": "string", "value": word} for word in path.split(".")]
    return {
        "annotations": {"title": "T", **custom},
        "location": {"file": file, "row": row, "col": 1},
        "path": steps,
    }


@pytest.mark.parametrize(
    ("path", "id_", "stage", "kind"),
    [
        ("data.regogate.request.block", "request.client.unknown", "request", "block"),
        ("data.regogate.request.model_block", "request.model.data_class", "request", "block"),
        ("data.regogate.tool_call.want", "tool_call.redact.pii", "tool_call", "want"),
        ("data.regogate.request.grant", "request.grant.tier", "request", "grant"),
        ("data.regogate.request.stop", "request.stop.client", "request", "stop"),
        ("data.regogate.response.conflict", "conflict.route", "response", "conflict"),
        ("data.regogate.request.default_deny", "request.default.deny", "request", "default"),
        ("data.regogate.site.grant.request_block", "request.grant.mine", "request", "block"),
        ("data.regogate.site.acme.tool_call_want", "acme.cap", "tool_call", "want"),
        ("data.regogate.lib.fired", "response.risk.pii", "response", "block"),
    ],
)
def test_stage_and_kind(path: str, id_: str, stage: str, kind: str) -> None:
    rule = rules_of([annotation(path, id_)])[id_]
    assert (rule.stage, rule.kind, rule.remediation) == (stage, kind, "do it")


def test_what_has_no_id_is_no_rule() -> None:
    assert rules_of([annotation("data.regogate.request", None)]) == {}


def test_an_id_of_several_stages_stands_for_the_first() -> None:
    several = [
        annotation("data.regogate.response.conflict", "conflict.route", 7),
        annotation("data.regogate.request.conflict", "conflict.route", 9),
    ]
    assert rules_of(several)["conflict.route"].line == 9


def test_a_built_policy_has_its_tables_and_its_rules_with_their_place(little: PolicySet) -> None:
    assert little.tables["clients"]["batch"] == {"tier": "default"}
    rule = little.rules["request.site.acme_hours"]
    assert (rule.title, rule.owner, rule.kind) == ("Not at night", "acme", "block")
    assert rule.file.endswith("rego/regogate/site/acme.rego")
    assert rule.line > 1
    assert {rule.kind for rule in little.rules.values()} == {"grant", "block", "want", "default"}
