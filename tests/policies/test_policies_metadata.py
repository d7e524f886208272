"""Every rule's id is a literal in its head and the id of its METADATA, and a test fires it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from policy_kit import REGO

ID_SETS = {"grant", "block", "stop", "conflict", "default_deny"}
WORDS = ("title", "description")
CUSTOM = ("id", "owner", "remediation")

Modules = dict[Path, dict[str, Any]]
Rule = dict[str, Any]


def head_name(rule: Rule) -> str:
    return str(rule["head"]["ref"][0]["value"])


def head_id(rule: Rule) -> object:
    """The id in a rule's head: the element of an id set, or the `id` of a want."""
    key = rule["head"]["key"]
    if head_name(rule) != "want":
        return key["value"] if key["type"] == "string" else None
    fields = {name["value"]: value for name, value in key["value"]} if key["type"] == "object" else {}
    found = fields.get("id", {"type": "none"})
    return found["value"] if found["type"] == "string" else None


def rules_with_ids(modules: Modules) -> Iterator[tuple[Path, Rule]]:
    for path, module in modules.items():
        for rule in module["rules"]:
            if head_name(rule) in ID_SETS | {"want"}:
                yield path, rule


def all_ids(modules: Modules) -> list[str]:
    return [str(head_id(rule)) for _, rule in rules_with_ids(modules)]


def test_id_is_a_literal_and_equals_its_metadata(modules: Modules) -> None:
    for path, rule in rules_with_ids(modules):
        identifier = head_id(rule)
        assert identifier, f"{path}: a rule of {head_name(rule)} has no literal id"
        (annotation,) = rule.get("annotations", [{}])
        assert annotation.get("custom", {}).get("id") == identifier, f"{path}: {identifier}"


def test_metadata_is_complete(modules: Modules) -> None:
    for path, rule in rules_with_ids(modules):
        (annotation,) = rule["annotations"]
        for word in WORDS:
            assert annotation.get(word), f"{path}: {head_id(rule)} has no {word}"
        assert tuple(sorted(annotation["custom"])) == tuple(sorted(CUSTOM)), f"{path}: {head_id(rule)}"
        assert all(annotation["custom"].values()), f"{path}: {head_id(rule)}"


def test_ids_are_unique_and_say_where_they_belong(modules: Modules) -> None:
    ids = all_ids(modules)
    assert len(ids) == len(set(ids))
    for path, rule in rules_with_ids(modules):
        stage = path.parent.name
        prefix = {
            "grant": f"{stage}.grant.",
            "stop": f"{stage}.stop.",
            "conflict": "conflict.",
            "default_deny": f"{stage}.default.",
        }.get(head_name(rule), f"{stage}.")
        assert str(head_id(rule)).startswith(prefix), path


def test_a_test_beside_names_every_id(modules: Modules) -> None:
    tests = "\n".join(path.read_text() for path in sorted(REGO.rglob("*_test.rego")))
    assert [identifier for identifier in all_ids(modules) if f'"{identifier}"' not in tests] == []


def test_every_topic_has_its_test_beside(modules: Modules) -> None:
    for path in modules:
        beside = path.with_name(f"{path.stem}_test.rego")
        assert beside.exists(), beside


def test_every_package_declares_schemas(modules: Modules) -> None:
    packages = {tuple(part["value"] for part in module["package"]["path"][1:]) for module in modules.values()}
    declared = {
        tuple(part["value"] for part in module["package"]["path"][1:])
        for module in modules.values()
        for annotation in module.get("annotations", [])
        if annotation["scope"] == "package" and annotation.get("schemas")
    }
    assert packages == declared


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("caller/clients.rego", "input.identity.method", "input.identity.metod"),
        ("request/stop.rego", "data.regogate.stop.everything", "data.regogate.stop.evrything"),
        ("request/input.rego", 'input.stage == "request"', "input.stage == 1"),
        ("lib/modes.rego", "lib", "lib"),
    ],
)
def test_schemas_catch_a_typo_in_every_file(
    opa_binary: Path, short_dir: Path, file: str, old: str, new: str
) -> None:
    """The package's annotation counts in all its files, not only in the one that carries it."""
    for path in REGO.rglob("*.rego"):
        target = short_dir / path.relative_to(REGO)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        target.write_text(text.replace(old, new) if path.match(f"*/{file}") else text)
    command = [str(opa_binary), "check", "--strict", "--schema", str(REGO.parent / "schemas"), str(short_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (old == new), done.stderr
