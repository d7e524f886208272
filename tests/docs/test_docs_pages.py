"""The written pages keep to what is there: links, paths, targets, and the closed sets of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_pages import PAGES, ROOT, anchors, blocks, links, name_of, prose

from dataplane.audit.draft import KINDS
from dataplane.audit.read import ALWAYS
from dataplane.domain import AuditLevel, Constraints, Outcome
from dataplane.surfaces import catalogue
from dataplane.telemetry import Metrics

PLACEHOLDER = re.compile(r"[A-Z]{2,}|/site/$")
"""What the reader puts in, or makes: `NAME.yaml`, a folder for rules of one's own."""

README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = page if not file else page.parent / file
        assert there.exists(), f"{target}: no such file"
        assert ROOT in there.resolve().parents, f"{target}: outside the repository"
        if anchor:
            assert anchor in anchors(there.read_text("utf-8")), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_named_in_code_exists(page: Path) -> None:
    top = {path.name for path in ROOT.iterdir()} - {".regogate"}
    for name in re.findall(r"`([A-Za-z_.]+/[A-Za-z0-9_./-]*)`", prose(page.read_text("utf-8"))):
        if name.split("/")[0] in top and not PLACEHOLDER.search(name):
            assert (ROOT / name).exists(), f"{page.name} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_place_on_one_machine(page: Path) -> None:
    assert not re.search(r"/(?:work|home|root|tmp)/", page.read_text("utf-8"))


def test_readme_gives_both_commands_on_lines_of_their_own_in_code() -> None:
    code = [line for block in blocks(README) if block.language == "sh" for line in block.text.splitlines()]
    assert "make run" in code
    assert "make test" in code


def test_readme_links_every_guide_and_reference() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in links(README)


def test_readme_map_names_every_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "dataplane").glob("*/__init__.py")}
    for room in rooms:
        assert f"`dataplane/{room}/" in README, room


def test_make_targets_named_in_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
            assert "".join(target) in targets


def test_changelog_has_unreleased_first() -> None:
    headings = re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", other) for other in headings[1:])


def test_decisions_are_listed_and_have_their_parts() -> None:
    index = read("docs/decisions/README.md")
    pages = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert pages
    for page in pages:
        assert f"]({page.name})" in index
        text = page.read_text("utf-8")
        assert text.startswith(f"# {page.name[:4]}: ")
        for part in ("**Context.**", "**Decision.**", "**What would reverse it.**"):
            assert part in text, f"{page.name}: {part}"


def test_audit_guide_names_every_kind_outcome_level_and_fixed_field() -> None:
    guide = read("docs/guide-audit.md")
    for name in {*KINDS, *Outcome, *AuditLevel, *ALWAYS}:
        assert f"`{name}`" in guide, name


def test_policy_guide_names_every_table_and_constraint() -> None:
    guide = read("docs/guide-policies.md")
    tables = [path.name.removesuffix(".schema.json") for path in (ROOT / "policies/schemas/tables").iterdir()]
    for table in tables:
        assert f"| `{table}` |" in guide, table
    for constraint in Constraints.__dataclass_fields__:
        assert f"`{constraint}`" in guide, constraint


def test_edge_guide_names_every_operation() -> None:
    guide = read("docs/guide-edge.md")
    for operation in (catalogue.CHAT_CREATE, catalogue.MODELS_LIST, catalogue.MODELS_RETRIEVE):
        assert f"`{operation}`" in guide


def test_operations_guide_names_every_metric() -> None:
    guide = read("docs/guide-operations.md")
    families = {family.name for family in Metrics().registry.collect()}
    assert families
    for family in families:
        assert f"`{family}`" in guide or f"`{family}_total`" in guide, family
