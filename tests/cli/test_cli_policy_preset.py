"""`regogate policy preset`: listed, shown with its gaps, applied to tables once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplane.authoring.presets import NAMES
from dataplane.cli import app

SHIPPED = Path(__file__).parents[2] / "policies"


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    for name in ("data", "schemas"):
        shutil.copytree(SHIPPED / name, tmp_path / "policies" / name)
    (tmp_path / "policies" / "rego").mkdir()
    return tmp_path / "policies"


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["policy", "preset", *arguments])
    return done.exit_code, done.stdout


def test_an_unknown_preset_is_refused() -> None:
    done = CliRunner().invoke(app, ["policy", "preset", "show", "sox"])
    assert done.exit_code != 0
    assert "there is no preset sox (there are: soc2, hipaa" in str(done.exception)


def test_all_are_listed() -> None:
    code, said = invoke("list", "--json")
    assert code == 0
    assert tuple(one["name"] for one in json.loads(said)["presets"]) == NAMES


def test_show_tells_settings_clauses_and_gaps() -> None:
    code, said = invoke("show", "pci-dss")
    assert code == 0
    assert "compliance with none" in said.replace("\n", " ")
    assert "tiers.yaml: *.audit = hash or stricter\n    3.2.1: " in said
    assert "Not covered:" in said


def test_a_dry_run_shows_the_change_and_writes_nothing(policies: Path) -> None:
    before = (policies / "data/rules.yaml").read_text()
    code, said = invoke("apply", "soc2", str(policies), "--dry-run")
    assert code == 0
    assert "+request.client.unknown: enforce" in said.splitlines()
    assert (policies / "data/rules.yaml").read_text() == before


def test_applying_writes_once_and_keeps_what_is_stricter(policies: Path) -> None:
    tiers = policies / "data/tiers.yaml"
    tiers.write_text(tiers.read_text().replace("audit: metadata", "audit: hash", 1))
    code, said = invoke("apply", "soc2", str(policies), "--json")
    assert (code, json.loads(said)["written"]) == (0, True)
    assert "audit: hash" in tiers.read_text()
    code, said = invoke("apply", "soc2", str(policies), "--json")
    found = json.loads(said)
    assert (code, found["written"], found["changed"], found["diff"]) == (0, False, [], [])


def test_tables_that_do_not_read_are_refused_with_their_line(policies: Path) -> None:
    (policies / "data/tiers.yaml").write_text("a: {models: [x], operations: [y]}\na: {}\n")
    done = CliRunner().invoke(app, ["policy", "preset", "apply", "soc2", str(policies)])
    assert done.exit_code != 0
    assert "tiers.yaml:2: the key" in str(done.exception)
