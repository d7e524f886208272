"""What a decision costs OPA, in allocations: they do not depend on how busy the machine is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from policy_kit import CALL, POLICIES, REGO, changed, load_tables

MAX_ALLOCATIONS = {"ALLOW": 334, "CONSTRAIN": 444, "ALLOW with a site": 389, "merged ALLOW": 2_285}
"""10 % over what was measured with OPA 1.22.0, so that a change of structure shows."""

MANY_CLIENTS = 10_000
SHARE = 0.02
"""Two runs on the same data differ by less than 1 %."""

CONSTRAINED = changed(
    CALL,
    identity={"client_id": "three"},
    request={"tools": {"search": {"type": "function"}, "shell": {"type": "function"}}},
)


def tables(clients: int) -> dict[str, Any]:
    loaded = load_tables(POLICIES / "data")
    loaded["clients"] |= {f"client-{n}": {"tier": "default", "tenant": "acme"} for n in range(clients)}
    loaded["clients"]["three"] = {"tier": "three", "tenant": "acme"}
    loaded["tiers"]["three"] = {
        **loaded["tiers"]["default"],
        "models": ["gpt-4o-mini"],
        "tools": {"allow": ["search"], "otherwise": "strip"},
        "max_tokens": 100,
        "delay_ms": 5,
    }
    return loaded


def allocations(
    opa: Path, place: Path, call: dict[str, Any], clients: int, rule: str = "decision", site: str = ""
) -> int:
    data = {"regogate": tables(clients)}
    (place / "data.json").write_text(json.dumps(data))
    (place / "site.rego").write_text(site or "package regogate.other")
    policy = [f"--data={path}" for path in (REGO, place / "data.json", place / "site.rego")]
    asked = [str(opa), "eval", "--format=raw", *policy, "data.regogate.request.prepared"]
    prepared = subprocess.run(asked, capture_output=True, check=True).stdout
    data["regogate"]["prepared"] = json.loads(prepared)
    (place / "data.json").write_text(json.dumps(data))
    (place / "input.json").write_text(json.dumps(call))
    done = subprocess.run(
        [
            *(str(opa), "bench", "--format", "gobench", *policy),
            *("--input", str(place / "input.json")),
            f"data.regogate.request.{rule}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"(\d+) allocs/op", done.stdout)
    assert found is not None, done.stdout
    return int(found[1])


def test_allow_costs_the_same_for_one_client_and_for_many(opa_binary: Path, short_dir: Path) -> None:
    few = allocations(opa_binary, short_dir, CALL, 0)
    many = allocations(opa_binary, short_dir, CALL, MANY_CLIENTS)
    assert abs(many - few) <= SHARE * few
    assert many <= MAX_ALLOCATIONS["ALLOW"]


def test_constrain_with_three_reasons_stays_in_its_budget(opa_binary: Path, short_dir: Path) -> None:
    assert allocations(opa_binary, short_dir, CONSTRAINED, 0) <= MAX_ALLOCATIONS["CONSTRAIN"]


def test_asking_every_rule_stays_in_its_budget(opa_binary: Path, short_dir: Path) -> None:
    assert allocations(opa_binary, short_dir, CALL, 0, rule="merged") <= MAX_ALLOCATIONS["merged ALLOW"]


def test_five_hundred_rules_of_a_site_cost_what_two_cost(opa_binary: Path, short_dir: Path) -> None:
    """OPA's index leaves out the rules whose facts are not this call's."""

    def site(rules: int) -> str:
        rule = 'request_block contains "site.x.r{n}" if input.request.model == "model-{n}"\n'
        return "package regogate.site.x\n\n" + "\n".join(rule.format(n=n) for n in range(rules))

    two = allocations(opa_binary, short_dir, CALL, 0, site=site(2))
    assert abs(allocations(opa_binary, short_dir, CALL, 0, site=site(500)) - two) <= SHARE * two
    assert two <= MAX_ALLOCATIONS["ALLOW with a site"]
