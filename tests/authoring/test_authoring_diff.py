"""What differs, in words a reviewer reads."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

from little_policy import REQUEST, SITE, TABLES, write_policies

from dataplane.authoring.diff import in_words, rule_changes, table_changes
from dataplane.authoring.policy_set import PolicySet
from dataplane.cli.policy.sets import policy_set


def test_equal_tables_have_no_words() -> None:
    assert table_changes(TABLES, deepcopy(TABLES)) == []


def test_fields_rows_and_items() -> None:
    new = deepcopy(TABLES)
    new["clients"]["support"]["tier"] = "premium"
    new["clients"]["fresh"] = {"tier": "default"}
    del new["clients"]["lab"]
    new["tiers"]["default"]["models"] = ["large"]
    new["rules"]["request.tokens.cap"] = "off"
    new["stop"] = {"everything": False}
    assert [in_words(one) for one in table_changes(TABLES, new)] == [
        'clients.fresh: added, {"tier":"default"}',
        'clients.lab: removed, was {"tier":"premium"}',
        'clients.support.tier: "default" -> "premium"',
        'rules.request.tokens.cap: added, "off"',
        'stop: added, {"everything":false}',
        'tiers.default.models: added "large"; removed "small"',
    ]


def test_a_change_of_many_rows_is_one_line() -> None:
    old = {"clients": {f"c{n:04d}": {"tier": "a"} for n in range(2000)}}
    new = {"clients": {f"c{n:04d}": {"tier": "b"} for n in range(2000)}}
    (change,) = table_changes(old, new)
    told = 'clients: 2000 rows (c0000, c0001, c0002, c0003, c0004, ...): tier: "a" -> "b"'
    assert in_words(change) == told


def test_one_and_true_are_not_the_same() -> None:
    assert len(table_changes({"t": {"r": {"x": 1}}}, {"t": {"r": {"x": True}}})) == 1


def test_rules_that_came_went_and_changed(little: PolicySet, opa_binary: Path, tmp_path: Path) -> None:
    request = (
        REQUEST.replace("Call from a listed network.", "Use the VPN.")
        .replace("not tool in tier.tools.allow", "not tool in tier.tools.allow # as listed\n	tool")
        .replace("some name in client.networks\n", "some name in client.networks\n	name\n")
        .replace("package regogate.request\n", "package regogate.request\n\n# a word more\n")
    )
    site = SITE.replace("request.site.acme_hours", "request.site.acme_nights")
    place = write_policies(tmp_path / "p", request=request, site=site)
    changed = policy_set(str(place), opa=opa_binary)
    assert [(one.id or one.name, one.what, one.parts) for one in rule_changes(little, changed)] == [
        ("request.network.client", "changed", ("remediation",)),
        ("request.site.acme_hours", "removed", ()),
        ("request.site.acme_nights", "added", ()),
        ("request.tools.denied", "changed", ("code",)),
        ("reached", "changed", ("code",)),
    ]
    assert rule_changes(little, little) == []
