"""What the tests of the policy library share: the parsed Rego, and decisions by the real OPA."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from policy_kit import REGO, Evaluator


@pytest.fixture(scope="session")
def evaluator(opa_binary: Path) -> Evaluator:
    """Decides calls with the shipped Rego and tables of the caller's choice."""
    return Evaluator(opa_binary)


@pytest.fixture(scope="session")
def modules(opa_binary: Path) -> dict[Path, dict[str, Any]]:
    """The syntax tree of each shipped Rego file, tests left out."""

    def parse(path: Path) -> dict[str, Any]:
        command = [str(opa_binary), "parse", "--format", "json", str(path)]
        tree: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return tree

    return {path: parse(path) for path in sorted(REGO.rglob("*.rego")) if not path.stem.endswith("_test")}
