"""A mistake in a policy directory is found before it is built, with file and line."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest
import uvloop
from small_policy import run, write_policies

from dataplane.bundle.build import build
from dataplane.bundle.check import check
from dataplane.bundle.errors import CheckFailed, ToolFailed
from dataplane.bundle.problem import Problem
from dataplane.bundle.verify import tables

ROOT = Path(__file__).parents[2]


@pytest.fixture
def found(tmp_path: Path, opa: Path, capabilities: Path):  # type: ignore[no-untyped-def]
    """Check the small policy directory with some files changed."""

    def check_with(changes: dict[str, str]) -> list[Problem]:
        policies = write_policies(tmp_path / "policies", changes)
        problems = run(check(policies, opa, capabilities))
        return [
            Problem(
                file=str(Path(one.file).relative_to(policies)),
                line=one.line,
                column=one.column,
                message=one.message,
                code=one.code,
            )
            for one in problems
        ]

    return check_with


DECISION = "rego/regogate/request/decision.rego"


@pytest.mark.parametrize(
    ("changes", "place", "code", "message"),
    [
        pytest.param(
            {"data/clients.yaml": "a:\n  tier: default\n  tir: x\n"},
            "data/clients.yaml:3",
            "table",
            "a.tir: unknown field; did you mean tier? (allowed: audit, enabled, networks, tier)",
            id="unknown-field",
        ),
        pytest.param(
            {"data/clients.yaml": "a:\n  tier: default\n  audit: fulll\n"},
            "data/clients.yaml:3",
            "table",
            'a.audit: "fulll" is not allowed (allowed: full, metadata, hash)',
            id="enum",
        ),
        pytest.param(
            {"data/clients.yaml": "a:\n  enabled: true\n"},
            "data/clients.yaml:1",
            "table",
            "a: 'tier' is a required property",
            id="missing",
        ),
        pytest.param(
            {"data/clients.yaml": "a: {tier: default, enabled: 'true'}\n"},
            "data/clients.yaml:1",
            "table",
            'a.enabled: "true" is not of type boolean',
            id="type",
        ),
        pytest.param(
            {"data/clients.yaml": "a: {tier: defalt}\n"},
            "data/clients.yaml:1",
            "reference",
            'a.tier: there is no "defalt" in tiers.yaml; did you mean default? (allowed: default)',
            id="reference",
        ),
        pytest.param(
            {"data/networks.yaml": "corp: [10.0.0.0/8, 10.0.0.0/99]\n"},
            "data/networks.yaml:1",
            "table",
            'corp.1: "10.0.0.0/99" is not a network such as 10.0.0.0/8',
            id="network",
        ),
        pytest.param(
            {"data/networks.yaml": "corp:\n- 10.1.2.3/8\n"},
            "data/networks.yaml:2",
            "table",
            'corp.0: "10.1.2.3/8" has bits beyond its prefix; did you mean 10.0.0.0/8?',
            id="host-bits",
        ),
        pytest.param(
            {"data/client.yaml": "a: {}\n"},
            "data/client.yaml:0",
            "table",
            "unknown table client; did you mean clients? (allowed: clients, networks, tiers)",
            id="unknown-table",
        ),
        pytest.param({"data/tiers.json": "{}"}, "data/tiers.json:0", "table", "not a table", id="json"),
        pytest.param({"data/x/y.yaml": "{}"}, "data/x/y.yaml:0", "table", "a site's own in", id="folder"),
        pytest.param(
            {"schemas/tables/tiers.schema.json": '{"$ref": "https://example.org/x.json"}'},
            "data/tiers.yaml:0",
            "table",
            "which is not in schemas/",
            id="remote-ref",
        ),
        pytest.param(
            {"schemas/tables/tiers.schema.json": '{"type": "objekt"}'},
            "schemas/tables/tiers.schema.json:0",
            "table",
            "not a JSON schema",
            id="bad-schema",
        ),
        pytest.param(
            {"rego/x.rego": "package system.authz\n\nallow := true\n"},
            "rego/x.rego:1",
            "package",
            "a bundle holds only regogate and below",
            id="authz",
        ),
        pytest.param(
            {"rego/x.rego": '# a\n\npackage regogate["request"]\n'},
            "rego/x.rego:3",
            "package",
            "must be: package regogate.NAME",
            id="bracket",
        ),
        pytest.param(
            {"rego/x.rego": "package regogatex\n"}, "rego/x.rego:1", "package", "only regogate", id="prefix"
        ),
        pytest.param(
            {"rego/mine/x.rego": "package regogate.request\n"},
            "rego/regogate/request/decision.rego:5",
            "package",
            "already defined in rego/mine",
            id="twice",
        ),
        pytest.param(
            {"rego/regogate/site/acme.rego": "package regogate.request\n"},
            "rego/regogate/site/acme.rego:1",
            "package",
            "a site's own file is regogate.site.NAME",
            id="site-in-shipped-package",
        ),
        pytest.param(
            {"rego/regogate/mine/x.rego": "package regogate.site.acme\n"},
            "rego/regogate/mine/x.rego:1",
            "package",
            "a site's own file lies in rego/regogate/site/",
            id="site-elsewhere",
        ),
        pytest.param(
            {"rego/regogate/clients/x.rego": "package regogate.clients\n"},
            "rego/regogate/clients/x.rego:1",
            "package",
            "data/clients.yaml has the same name",
            id="package-over-table",
        ),
        pytest.param(
            {
                "rego/regogate/site/acme.rego": "package regogate.site.acme\n\n"
                'request_blok contains "site.x" if input.client == "x"\n'
            },
            "rego/regogate/site/acme.rego:3",
            "package",
            "nothing asks for request_blok",
            id="site-rule",
        ),
        pytest.param(
            {DECISION: "package regogate.request\n\ndecision := {\n"},
            f"{DECISION}:4",
            "rego_parse_error",
            "",
            id="parse",
        ),
        pytest.param(
            {DECISION: "package regogate.request\n\ndecision if { x := 1 }\n"},
            f"{DECISION}:3",
            "rego_compile_error",
            "assigned var x unused",
            id="strict",
        ),
        pytest.param(
            {
                DECISION: "# METADATA\n# scope: package\n# schemas:\n#   - input: schema.input\n"
                "package regogate.request\n\ndecision := input.clientid\n"
            },
            f"{DECISION}:7",
            "rego_type_error",
            "undefined ref: input.clientid",
            id="input-schema",
        ),
        pytest.param(
            {"rego/regogate/request/more.rego": "package regogate.request\n\nx := http.send({})\n"},
            "rego/regogate/request/more.rego:3",
            "rego_type_error",
            "undefined function http.send",
            id="capabilities",
        ),
    ],
)
def test_a_mistake_has_its_place_and_what_would_be_right(
    found,  # type: ignore[no-untyped-def]
    changes: dict[str, str],
    place: str,
    code: str,
    message: str,
) -> None:
    problems = found(changes)
    fitting = [one for one in problems if f"{one.file}:{one.line}" == place and one.code == code]
    assert [one for one in fitting if message in one.message], problems


def test_nothing_is_wrong_with_the_small_policy(found) -> None:  # type: ignore[no-untyped-def]
    assert found({}) == []


def test_all_mistakes_come_at_once_in_order(found) -> None:  # type: ignore[no-untyped-def]
    problems = found(
        {
            "data/clients.yaml": "a: {tier: default, x: 1}\nb: {tier: no}\n",
            "rego/regogate/x/x.rego": "package regogate.x\n\na := 1\na := 2\n",
            DECISION: "package regogate.request\n\ndecision if { x := 1 }\n",
        }
    )
    assert [one.file for one in problems] == sorted(one.file for one in problems)
    assert {one.code for one in problems} >= {"yaml", "table", "rego_compile_error"}
    assert all(one.file and one.message for one in problems)


def test_a_sites_own_rules_helpers_and_data_are_taken(tmp_path: Path, opa: Path, capabilities: Path) -> None:
    site = """\
package regogate.site.acme

import data.regogate.site_data.codes

request_block contains "site.code" if _known(input.client)

_known(client) if codes[client]
"""
    changes = {"rego/regogate/site/acme.rego": site, "data/site/codes.yaml": "x1: true\n"}
    policies = write_policies(tmp_path / "policies", changes)
    bundle = run(build(policies, opa, capabilities, seq=1, channel="dev"))
    assert tables(bundle)["site_data"] == {"codes": {"x1": True}}


def test_no_policy_directory_and_no_program_are_named(
    tmp_path: Path, policies: Path, opa: Path, capabilities: Path
) -> None:
    with pytest.raises(CheckFailed, match="no folder rego/"):
        run(check(tmp_path / "nowhere", opa, capabilities))
    with pytest.raises(ToolFailed, match="does not start"):
        run(check(policies, tmp_path / "no-opa", capabilities))
    with pytest.raises(ToolFailed):
        run(check(policies, Path("/bin/true"), tmp_path / "nothing", Path("/bin/true")))


def test_paths_may_be_relative_to_where_one_stands(
    policies: Path, opa: Path, capabilities: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(policies.parent)
    (policies.parent / "caps.json").write_bytes(capabilities.read_bytes())
    Path("opa").symlink_to(opa)
    assert run(check(Path("policies"), Path("opa"), Path("caps.json"))) == []


def test_the_shipped_policy_is_checked_and_built_quickly(opa: Path) -> None:
    """Aim: half a second for a save in `dev`; asserted with room for a busy machine."""
    start = time.monotonic()
    bundle = run(build(ROOT / "policies", opa, ROOT / "opa/capabilities.json", seq=1, channel="dev"))
    took = time.monotonic() - start
    print("shipped policy, check and build:", round(took, 3), "s,", len(bundle.content), "bytes")
    assert "demo" in tables(bundle)["clients"]
    assert took < 10


REGAL = """\
#!/bin/sh
test "$*" = "lint --format json rego" || exit 9
cat <<END
{"violations": [{"title": "line-length", "description": "Line too long",
  "location": {"file": "rego/a.rego", "row": 3, "col": 121}}]}
END
exit 3
"""


def test_what_the_linter_finds_joins_the_other_problems(
    policies: Path, opa: Path, capabilities: Path, tmp_path: Path
) -> None:
    regal = tmp_path / "regal"
    regal.write_text(REGAL)
    regal.chmod(0o700)
    (policies / "data/clients.yaml").write_text("a: {tier: none-such}\n")
    problems = run(check(policies, opa, capabilities, regal))
    assert [(one.code, one.line) for one in problems] == [("reference", 1), ("regal/line-length", 3)]
    assert problems[1].file == str(policies / "rego/a.rego")


def test_it_runs_on_uvloop(policies: Path, opa: Path, capabilities: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(check(policies, opa, capabilities)) == []


TIER = "t:\n  models: []\n  operations: []\n  limits:\n    more:\n"


@pytest.mark.parametrize(
    ("row", "line", "message"),
    [
        ("id: a, unit: euro, amount: 1, per: day", 6, '0.unit: "euro" is not allowed'),
        ("id: a, unit: usd, amount: -1, per: day", 6, "0.amount: -1 is less than the minimum"),
        ("id: a, unit: usd, amount: 1, per: week", 6, '0.per: "week" is not allowed'),
        ("id: b, unit: usd, amount: 1, per: day", 7, '1.id: "b" is the id of another limit'),
        ("id: client.rpm, unit: usd, amount: 1, per: day", 6, '0.id: "client.rpm" is the id of'),
        ("id: a, unit: tokens, amount: 1", 6, "0: tokens are counted in a time: add per"),
        (
            "id: a, unit: concurrent, amount: 1, per: day",
            6,
            "0.per: calls at the same time are counted in no",
        ),
        ("id: a, unit: tokens, amount: 1.5, per: day", 6, "0.amount: 1.5 is no whole number; only usd"),
        ("id: a, unit: tokens, amount: 1, per: day, burst: 2", 6, "0.burst: only requests in a rolling"),
        (
            "id: a, unit: requests, amount: 9, per: day, window: calendar, burst: 2",
            6,
            "0.burst: only requests in a rolling",
        ),
        (
            "id: client, unit: usd, amount: 1, per: day, by: [tool]",
            6,
            "0.id: the tool's name stands",
        ),
    ],
)
def test_limits_that_no_gateway_can_hold_are_refused(
    tmp_path: Path, opa: Path, capabilities: Path, row: str, line: int, message: str
) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    text = f"{TIER}      - {{{row}}}\n      - {{id: b, unit: usd, amount: 1, per: day}}\n"
    (tmp_path / "policies/data/tiers.yaml").write_text(text)
    (tmp_path / "policies/data/clients.yaml").write_text("{}\n")
    problems = run(check(tmp_path / "policies", opa, capabilities))
    [found] = [one for one in problems if one.file.endswith("tiers.yaml")]
    assert found.line == line
    assert found.message.startswith(f"t.limits.more.{message}")
