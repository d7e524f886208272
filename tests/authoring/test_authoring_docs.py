"""The catalogue of rules is made from METADATA, and the committed page is today's."""

from pathlib import Path

from dataplane.authoring.docs import catalogue
from dataplane.authoring.policy_set import Rule
from dataplane.cli.policy.sets import policy_set

ROOT = Path(__file__).parents[2]


def rule(id_: str, **other: object) -> Rule:
    fields: dict[str, object] = {
        "title": "Title",
        "description": "What it\nmeans.",
        "owner": "policy",
        "remediation": "Do this.",
        "stage": "request",
        "kind": "block",
        "file": "policies/rego/x.rego",
        "line": 1,
        **other,
    }
    return Rule(id=id_, **fields)  # type: ignore[arg-type]


def test_rules_are_listed_by_stage_kind_and_id_with_their_texts() -> None:
    rules = [
        rule("response.b", stage="response"),
        rule("request.b"),
        rule("request.a", kind="want"),
        rule("request.grant.x", kind="grant"),
    ]
    page = catalogue(rules, {"request.b": "shadow", "request.grant.x": "off"}, Path("policies"))
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "# Rules",
        "## request",
        "### request: grant",
        "#### `request.grant.x`",
        "### request: block",
        "#### `request.b`",
        "### request: want",
        "#### `request.a`",
        "## response",
        "### response: block",
        "#### `response.b`",
    ]
    assert "**Title.** What it means." in page
    assert page.count("Mode: `shadow`") == 1
    assert "`off`." not in page, "a grant has no mode"
    assert "Written in `rego/x.rego`." in page


def test_the_committed_catalogue_is_current(opa_binary: Path) -> None:
    policies = ROOT / "policies"
    policy = policy_set(str(policies), opa=opa_binary)
    page = catalogue(policy.rules.values(), policy.tables["rules"], policies)
    assert (ROOT / "docs/reference-rules.md").read_text("utf-8") == page, "run 'regogate policy docs'"
