"""What `--help` of each command prints, against golden files. REGOGATE_GOLDEN=write rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplane.cli import app
from tests.docs_reference import commands

GOLDEN = Path(__file__).with_name("golden")
ENVIRONMENT = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
NAMES = [name for name, _ in commands()]


def golden_file(name: str) -> Path:
    return GOLDEN / f"{name.replace(' ', '-')}.txt"


@pytest.mark.parametrize("name", NAMES)
def test_help_is_as_committed(name: str) -> None:
    arguments = [*name.split()[1:], "--help"]
    done = CliRunner().invoke(app, arguments, prog_name="regogate", env=ENVIRONMENT)
    assert done.exit_code == 0
    said = "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())
    if os.environ.get("REGOGATE_GOLDEN") == "write":
        golden_file(name).write_text(said, "utf-8")
    assert said == golden_file(name).read_text("utf-8"), "REGOGATE_GOLDEN=write rewrites it; read the change"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {golden_file(name).name for name in NAMES}


@pytest.mark.parametrize(("name", "text"), [one for one in commands() if "COMMAND [ARGS]" not in one[1]])
def test_every_command_that_does_something_shows_examples(name: str, text: str) -> None:
    examples = [line for line in text.splitlines() if line.startswith("    ") and f"{name} " in f"{line} "]
    assert "Example" in text
    assert examples, "an example stands on a line of its own"
    assert all(len(line) <= 110 for line in examples)
