"""Presets set what they say, keep what is stricter, keep comments, and say what they do not cover."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplane.authoring.cases import judge
from dataplane.authoring.cases_read import read_cases
from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.presets import (
    EVERY,
    EVERY_AND_REST,
    NAMES,
    Clause,
    Preset,
    PresetRefused,
    Setting,
    changes,
    read_preset,
)
from dataplane.authoring.presets_apply import plan, write
from dataplane.authoring.presets_edit import with_value
from dataplane.authoring.presets_page import page
from dataplane.bundle.source import Source, read_source
from dataplane.bundle.strictyaml import parse
from dataplane.bundle.tables import load_tables
from dataplane.cli.policy.preset import _faults
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa
from tests.docs_presets import pages

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"


def setting(*place: str, value: Any, **other: Any) -> Setting:
    fields = {"keep": "equal", "order": (), "only_present": False, **other}
    clause = Clause(clause="1", helps="with that")
    return Setting(id="s", place=place, value=value, why="why", clauses=(clause,), **fields)


def preset(*settings: Setting) -> Preset:
    return Preset(name="p", title="P", source="s", about="a", settings=settings, not_covered=("x",))


@pytest.mark.parametrize(
    ("one", "tables", "expected"),
    [
        (setting("t", "a", value=1), {"t": {}}, [("t", "a", 1)]),
        (setting("t", "a", value=1), {"t": {"a": 1}}, []),
        (setting("t", "a", value=1), {"t": {"a": 2}}, [("t", "a", 1)]),
        (setting("t", "a", value=1, only_present=True), {"t": {}}, []),
        (setting("t", "a", value=5, keep="at_most"), {"t": {"a": 4}}, []),
        (setting("t", "a", value=5, keep="at_most"), {"t": {"a": 6}}, [("t", "a", 5)]),
        (setting("t", "a", value=5, keep="at_least"), {"t": {"a": 6}}, []),
        (setting("t", "a", value="b", keep="order", order=("a", "b", "c")), {"t": {"a": "c"}}, []),
        (
            setting("t", "a", value="b", keep="order", order=("a", "b", "c")),
            {"t": {"a": "a"}},
            [("t", "a", "b")],
        ),
        (
            setting("t", "a", value="b", keep="order", order=("a", "b", "c")),
            {"t": {"a": "?"}},
            [("t", "a", "b")],
        ),
        (setting("t", "a", value=["x"], keep="subset"), {"t": {"a": ["x", "y"]}}, [("t", "a", ["x"])]),
        (setting("t", "a", value=["x"], keep="subset"), {"t": {"a": ["y"]}}, [("t", "a", ["x"])]),
        (setting("t", "a", value=["x"], keep="superset"), {"t": {"a": ["y"]}}, [("t", "a", ["y", "x"])]),
        (setting("t", "a", value=1, keep="present"), {"t": {"a": 9}}, []),
        (setting("t", EVERY, "f", value=1), {"t": {"a": {}, "b": {"f": 1}}}, [("t", "a", "f", 1)]),
        (setting("t", EVERY, "f", "g", value=1), {"t": {"a": {}}}, [("t", "a", "f", "g", 1)]),
        (setting("t", EVERY, "f", value=1), {"t": {}}, []),
        (setting("t", "o", EVERY_AND_REST, value=1), {"t": {}}, [("t", "o", "*", 1)]),
        (
            setting("t", "o", EVERY_AND_REST, value=1),
            {"t": {"o": {"u": 2}}},
            [("t", "o", "u", 1), ("t", "o", "*", 1)],
        ),
        (setting("t", "a", value={"x": 1, "y": 2}), {"t": {"a": {"x": 1}}}, [("t", "a", "y", 2)]),
        (setting("t", "*", value=1, only_present=True), {"t": {"*": 2, "b": 2}}, [("t", "*", 1)]),
    ],
)
def test_what_is_looser_changes_and_what_is_stricter_stays(
    one: Setting, tables: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    assert [(*place, value) for _, place, value in changes(preset(one), tables)] == expected


def test_a_table_that_the_policy_does_not_know_is_refused() -> None:
    with pytest.raises(PresetRefused, match=r"no table t\.yaml"):
        changes(preset(setting("t", "a", value=1)), {})


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("# c\n{}\n", ("a.b",), "off", '# c\na.b: "off"\n'),
        ("", ("a",), {"b": True}, "a: {b: true}\n"),
        ("# c\n", ("a",), 1, "# c\na: 1\n"),
        ("a:\n  b: 1 # why\n# end\n", ("a", "b"), 2, "a:\n  b: 2 # why\n# end\n"),
        (
            "a:\n  b: 1 # why\n\n# of c\nc:\n  d: 1\n",
            ("a", "e"),
            "x*",
            "a:\n  b: 1 # why\n  e: x*\n\n# of c\nc:\n  d: 1\n",
        ),
        ("a: {b: 1} # why\n", ("a", "c"), [1, "*"], 'a: {b: 1, c: [1, "*"]} # why\n'),
        ("a: {}\n", ("a", "b", "c"), 1, "a: {b: {c: 1}}\n"),
        ("a:\n  b:\n    - x\n    - y # no\nc: 1\n", ("a", "b"), ["x"], "a:\n  b: [x] # no\nc: 1\n"),
        ("a: 1", ("b",), 2, "a: 1\nb: 2\n"),
        ('"*": {d: internal}\n', ("*", "d"), "public", '"*": {d: public}\n'),
        ("a:\n  b: {c: 1}\n  d:\n    e: 1\n", ("f",), 1, "a:\n  b: {c: 1}\n  d:\n    e: 1\nf: 1\n"),
    ],
)
def test_one_value_is_set_and_every_other_character_stays(
    text: str, path: tuple[str, ...], value: Any, expected: str
) -> None:
    edited = with_value(text, path, value, "t.yaml")
    assert edited == expected
    assert parse(edited.encode(), "t.yaml").problems == []


def test_a_path_through_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(PresetRefused, match=r"t\.yaml: a is no mapping"):
        with_value("a: 1\n", ("a", "b"), 1, "t.yaml")


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Tables of the shipped policy in a place of their own."""
    for path in [*(POLICIES / "data").glob("*.yaml"), *(POLICIES / "schemas").rglob("*.json")]:
        target = tmp_path / path.relative_to(POLICIES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (tmp_path / "rego").mkdir()
    return tmp_path


def fits(source: Source) -> Any:
    return lambda texts: _faults(source, texts)


def test_a_preset_that_would_not_fit_a_schema_changes_nothing(policies: Path) -> None:
    before = (policies / "data/tiers.yaml").read_text()
    bad = preset(setting("tiers", EVERY, "audit", value="everything"))
    with pytest.raises(PresetRefused, match=r'"everything" is not allowed'):
        plan(bad, policies, parse, fits(read_source(policies)))
    assert (policies / "data/tiers.yaml").read_text() == before


@pytest.mark.parametrize("name", NAMES)
def test_each_preset_applies_once_fits_the_schemas_and_leaves_comments(name: str, policies: Path) -> None:
    found = read_preset(POLICIES / "presets", name, parse)
    source = read_source(policies)
    applied = plan(found, policies, parse, fits(source))
    assert applied.changed
    assert list(applied.diff())
    write(applied)
    _, problems = load_tables(read_source(policies))
    assert problems == []
    for path, text in applied.before.items():
        comments = [line for line in text.splitlines() if line.startswith("#")]
        assert [line for line in path.read_text().splitlines() if line.startswith("#")] == comments
    again = plan(found, policies, parse, fits(source))
    assert (again.changed, list(again.diff())) == ((), [])


def test_all_presets_together_hold_and_the_shipped_cases_still_do(policies: Path, opa_binary: Path) -> None:
    for name in NAMES:
        found = read_preset(POLICIES / "presets", name, parse)
        write(plan(found, policies, parse, fits(read_source(policies))))
    for name in NAMES:
        found = read_preset(POLICIES / "presets", name, parse)
        assert not plan(found, policies, parse, fits(read_source(policies))).changed, name
    for folder in ("rego", "cases"):
        for path in (POLICIES / folder).rglob("*"):
            target = policies / path.relative_to(POLICIES)
            target.parent.mkdir(parents=True, exist_ok=True)
            # The cases of inspection say what the shipped signals.yaml does, of which presets ask for more.
            if path.is_file() and path.name != "inspection.yaml":
                target.write_bytes(path.read_bytes())
    policy = policy_set(str(policies), opa=opa_binary)
    form = json.loads((POLICIES / "cases/cases.schema.json").read_text())
    cases, problems = read_cases(policies, policy.tables, form, parse)
    with TemporaryOpa(opa_binary, policy.bundle) as running, Evaluator(running.url) as evaluator:
        _, differ = judge(cases, evaluator.decide, policy.rules)
    assert [str(one) for one in (*problems, *differ)] == []


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(PresetRefused, match="there is no preset sox"):
        read_preset(POLICIES / "presets", "sox", parse)


def test_rule_modes_name_rules_that_there_are(opa_binary: Path) -> None:
    rules = policy_set(str(POLICIES), opa=opa_binary).rules
    for name in NAMES:
        for one in read_preset(POLICIES / "presets", name, parse).settings:
            if one.place[0] == "rules":
                assert one.place[1] in rules, f"{name}: {one.place[1]}"


def test_every_setting_has_a_clause_and_every_page_says_what_is_not_covered() -> None:
    for path, text in pages().items():
        found = read_preset(POLICIES / "presets", path.stem, parse)
        assert "It helps with some clauses and is compliance with none" in text
        assert "## Not covered" in text
        for one in found.settings:
            assert all(f"**{clause.clause}**: " in text for clause in one.clauses)
        assert page(found) == text
        assert yaml.safe_load((POLICIES / f"presets/{path.stem}.yaml").read_text())["title"] == found.title


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_committed_pages_are_current(path: Path) -> None:
    assert path.read_text("utf-8") == pages()[path], "run 'python -m tests.docs_presets'"
