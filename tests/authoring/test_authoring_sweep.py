"""The sweep finds what plain enumeration finds, asks little, and says what it did not ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest
from little_policy import REQUEST, SITE, TABLES, facts, write_policies

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.question import finding
from dataplane.authoring.sweep import Changed, Swept, sweep
from dataplane.authoring.sweep_domain import domain
from dataplane.authoring.sweep_groups import groups, joined
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa

Tables = dict[str, Any]


def built(place: Path, opa: Path, **policy: Any) -> PolicySet:
    return policy_set(str(write_policies(place, **policy)), opa=opa)


@contextmanager
def asking(opa: Path, policy: PolicySet) -> Iterator[Evaluator]:
    with TemporaryOpa(opa, policy.bundle) as running, Evaluator(running.url) as evaluator:
        yield evaluator


BUDGET = 1500
"""Enough for every plain call and every variation of one; the whole product is asked once."""


def swept(evaluator: Evaluator, old: PolicySet, new: PolicySet, opa: Path, **more: Any) -> Swept:
    with asking(opa, new) as after:
        return sweep(evaluator, after, domain(old, new), new.tables, **{"budget": BUDGET, **more})


def tables(change: Callable[[Tables], None]) -> Tables:
    changed = deepcopy(TABLES)
    change(changed)
    return changed


def brute_force(old: Evaluator, new: Evaluator) -> set[tuple[str, ...]]:
    """Every client, model, operation, network, data class and injection that is decided otherwise."""
    calls = list(
        product(
            ["support", "batch", "lab", "nobody"],
            ["small", "large", "other"],
            ["chat.completions.create", "embeddings.create", "files.create"],
            ["192.0.2.1", "10.0.0.1", "10.9.0.1"],
            ["internal", "public", "confidential", "restricted"],
            ["none", *LEVELS],
        )
    )
    inputs = []
    for client, model, operation, ip, data_class, level in calls:
        asked = facts(client, model, ip=ip, operation=operation, data_class=data_class)
        if level != "none":
            asked["signals"] = {"injection": {"user": finding(level)}}
        inputs.append(orjson.dumps(asked))
    answers = zip(old.decide_many("request", inputs), new.decide_many("request", inputs), strict=True)
    return {call for call, (was, now) in zip(calls, answers, strict=True) if was != now}


def clients_of(changed: tuple[Changed, ...]) -> set[str]:
    return {one.call["client"].replace("(unknown client)", "nobody") for one in changed}


CHANGES: dict[str, Callable[[Tables], None]] = {
    "a model granted": lambda t: t["tiers"]["default"]["models"].append("large"),
    "a network widened": lambda t: t["networks"]["corp"].append("192.0.2.0/24"),
    "a client moved": lambda t: t["clients"]["support"].update(tier="premium"),
    "a client gone": lambda t: t["clients"].pop("lab"),
    "a class lowered": lambda t: t["models"]["large"].update(data_class="public"),
    "a level moved": lambda t: t["tiers"]["default"].update(injection="low"),
    "a mode": lambda t: t["rules"].update({"request.network.client": "shadow"}),
    "a limit": lambda t: t["tiers"]["premium"]["limits"].update(requests_per_minute=5),
}


def test_equal_policies_decide_alike(evaluator: Evaluator, little: PolicySet) -> None:
    found = sweep(evaluator, evaluator, domain(little, little), little.tables, budget=BUDGET)
    assert found.changed == ()
    assert found.asked == BUDGET


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_tables_is_found_where_plain_enumeration_finds_it(
    change: Callable[[Tables], None],
    evaluator: Evaluator,
    little: PolicySet,
    opa_binary: Path,
    tmp_path: Path,
) -> None:
    changed = built(tmp_path / "p", opa_binary, tables=tables(change))
    with asking(opa_binary, changed) as new:
        found = sweep(evaluator, new, domain(little, changed), changed.tables, budget=BUDGET)
        expected = brute_force(evaluator, new)
    assert expected
    assert clients_of(found.changed) == {call[0] for call in expected}
    models = {one.call["model"] for one in found.changed if "model" in one.call}
    assert models >= {call[1] for call in expected} - {"other"}
    assert {one.call.get("data_class", "internal") for one in found.changed} <= {call[4] for call in expected}


def test_the_whole_product_gives_exactly_what_plain_enumeration_gives(
    evaluator: Evaluator, little: PolicySet, opa_binary: Path, tmp_path: Path
) -> None:
    changed = built(tmp_path / "p", opa_binary, tables=tables(CHANGES["a level moved"]))
    with asking(opa_binary, changed) as new:
        found = sweep(evaluator, new, domain(little, changed), changed.tables)
        expected = brute_force(evaluator, new)
    assert found.complete
    regions = {"192.0.2.1": "192.0.2.1 (no network)", "10.0.0.1": "10.0.0.0 (corp)"}
    regions["10.9.0.1"] = "10.9.0.0 (corp, vpn)"
    operations = ("chat.completions.create", "embeddings.create")
    axes = ("client", "model", "operation", "network", "data_class", "signal")
    told = {
        tuple(one.call[axis] for axis in axes)
        for one in found.changed
        if one.call.keys() == set(axes)
        and one.call["operation"] in operations
        and one.call["network"] in regions.values()
        and one.call["signal"] in ("none", *(f"injection in user: {level}" for level in LEVELS))
    }
    names = {"nobody": "(unknown client)", "other": "(unknown model)"}
    assert told == {
        (
            names.get(client, client),
            names.get(model, model),
            operation,
            regions[ip],
            data_class,
            "none" if level == "none" else f"injection in user: {level}",
        )
        for client, model, operation, ip, data_class, level in expected
        if operation in operations
    }


LEVELS = ("low", "high", "critical")
REGO = {
    "a swapped comparison": (
        REQUEST.replace("input.request.max_tokens > tier", "input.request.max_tokens >= tier"),
        SITE,
    ),
    "a dropped rule": (REQUEST.replace("	not tool in tier.tools.allow\n", "	not tool\n"), SITE),
    "a site's hours": (REQUEST, SITE.replace("hour < 6", "hour < 7")),
    "a level": (REQUEST.replace("	finding.level == ", "	finding.level != "), SITE),
}


@pytest.mark.parametrize("rego", REGO.values(), ids=REGO.keys())
def test_a_change_of_rules_that_few_calls_meet_is_found(
    rego: tuple[str, str], evaluator: Evaluator, little: PolicySet, opa_binary: Path, tmp_path: Path
) -> None:
    changed = built(tmp_path / "p", opa_binary, request=rego[0], site=rego[1])
    assert swept(evaluator, little, changed, opa_binary).changed


def test_clients_alike_are_asked_once_and_ten_thousand_do_not_explode(
    opa_binary: Path, tmp_path: Path
) -> None:
    many = {f"team-{n:05d}": {"tier": "default", "note": f"number {n}"} for n in range(10_000)}
    few = {"team-00007": {"tier": "premium"}, **TABLES["clients"]}
    old = built(tmp_path / "old", opa_binary, tables={**TABLES, "clients": {**TABLES["clients"], **many}})
    new = built(tmp_path / "new", opa_binary, tables={**TABLES, "clients": {**many, **few}})
    with asking(opa_binary, old) as before:
        found = swept(before, old, new, opa_binary)
    assert found.classes["client"] == (6, 10_004)
    assert clients_of(found.changed) == {"team-00007"}


def test_a_client_that_a_rule_names_is_a_class_of_its_own(opa_binary: Path, tmp_path: Path) -> None:
    named = REQUEST + '\nblock contains "request.x.y" if startswith(input.identity.client_id, "svc-")\n'
    clients = {"svc-a": {"tier": "default"}, "web-a": {"tier": "default"}, "web-b": {"tier": "default"}}
    policy = built(tmp_path / "p", opa_binary, tables={**TABLES, "clients": clients}, request=named)
    callers = domain(policy, policy).product["client"]
    assert [(one.name, one.others) for one in callers[:2]] == [("svc-a", ()), ("web-a", ("web-b",))]


def test_a_budget_ends_the_sweep_with_what_was_changed_asked_first(
    evaluator: Evaluator, little: PolicySet, opa_binary: Path, tmp_path: Path
) -> None:
    moved = tables(lambda t: t["clients"]["support"].update(tier="premium"))
    changed = built(tmp_path / "p", opa_binary, tables=moved)
    told: list[tuple[int, int, int]] = []
    found = swept(evaluator, little, changed, opa_binary, budget=40, told=lambda *one: told.append(one))
    assert found.asked == 40
    assert not found.complete
    assert clients_of(found.changed) == {"support"}


def test_a_policy_that_gives_no_decision_any_more_is_a_change(
    evaluator: Evaluator, little: PolicySet, opa_binary: Path, tmp_path: Path
) -> None:
    broken = REQUEST + '\nblock contains "request.x.y" if net.cidr_contains("none", input.source.ip)\n'
    changed = built(tmp_path / "p", opa_binary, request=broken)
    found = swept(evaluator, little, changed, opa_binary, budget=50)
    assert found.changed[0].new is None


def test_joining_keeps_every_call_once() -> None:
    calls = [{"client": c, "model": m} for c in "abc" for m in "xyz" if (c, m) != ("b", "y")]
    blocks = joined(calls)
    told = [dict(zip(block, one, strict=True)) for block in blocks for one in product(*block.values())]
    assert sorted(map(str, told)) == sorted(map(str, calls))
    assert len(blocks) < len(calls)


def test_groups_put_what_passes_now_first_and_leave_variants_out() -> None:
    def change(call: dict[str, str], old: str, new: str) -> Changed:
        answers = [{"decision": one, "reasons": [one.lower()]} for one in (old, new)]
        return Changed(
            stage="request",
            call=call,
            alike=1,
            keys=("decision", "reasons"),
            direction="",
            old=answers[0],
            new=answers[1],
        )

    found = groups(
        [
            change({"client": "a"}, "ALLOW", "BLOCK"),
            change({"client": "a", "tool": "x"}, "ALLOW", "BLOCK"),
            change({"client": "b"}, "BLOCK", "ALLOW"),
        ],
        ("tool",),
    )
    assert [(group.new or {})["decision"] for group in found] == ["ALLOW", "BLOCK"]
    assert (found[1].count, found[1].variants, found[1].blocks) == (2, 1, ({"client": ("a",)},))
