from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplane.cli.opa import app


def fake(path: Path, version: str) -> Path:
    path.write_text(f'#!/bin/sh\necho "Version: {version}"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("version", "code"), [("1.21.2", 3), ("nonsense", 1)])
def test_a_path_that_cannot_be_used_ends_with_its_own_exit_code(
    tmp_path: Path, version: str, code: int
) -> None:
    result = CliRunner().invoke(app, ["install", "--path", str(fake(tmp_path / "opa", version))])
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")


def test_the_last_line_is_the_path(tmp_path: Path) -> None:
    opa = fake(tmp_path / "opa", "1.22.0")
    result = CliRunner().invoke(app, ["install", "--path", str(opa)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == str(opa)


def test_json_names_path_and_version(tmp_path: Path) -> None:
    opa = fake(tmp_path / "opa", "1.22.0")
    result = CliRunner().invoke(app, ["install", "--json", "--path", str(opa)])
    assert json.loads(result.stdout.splitlines()[-1]) == {"opa": {"path": str(opa), "version": "1.22.0"}}


def test_help_has_examples_and_exit_codes() -> None:
    text = CliRunner().invoke(app, ["install", "--help"]).stdout
    assert "regogate opa install --with-regal --json" in text
    assert "Exit codes" in text
