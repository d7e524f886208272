"""What `--help` of each command prints, against golden files. REGOGATE_GOLDEN=write rewrites them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplane.cli import Commands, app
from dataplane.cli.bundle import BundleCommands
from dataplane.cli.lazy_commands import LazyCommands
from dataplane.cli.policy import PolicyCommands
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


@pytest.mark.parametrize("group", [Commands, PolicyCommands, BundleCommands])
def test_a_list_of_commands_says_what_each_says_itself(group: type[LazyCommands]) -> None:
    lazy = group()
    for name, about in lazy.about.items():
        assert " ".join(lazy.get_command(None, name).help.split("\n\n")[0].split()) == about


def test_the_list_of_commands_imports_none() -> None:
    """It is the first thing a reader asks for."""
    program = "import sys; from dataplane.cli import main; sys.argv[1:] = ['--help']\ntry: main()\nfinally: "
    program += "assert not {'sqlalchemy', 'pydantic', 'aiohttp', 'dataplane.app'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
