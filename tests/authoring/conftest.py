"""The little policy, built once, and an OPA that has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from little_policy import write_policies

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import PolicySet
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_policies(tmp_path_factory.mktemp("little") / "policies")


@pytest.fixture(scope="session")
def little(policies: Path, opa_binary: Path) -> PolicySet:
    return policy_set(str(policies), opa=opa_binary)


@pytest.fixture(scope="session")
def evaluator(little: PolicySet, opa_binary: Path) -> Iterator[Evaluator]:
    with TemporaryOpa(opa_binary, little.bundle) as opa, Evaluator(opa.url) as found:
        yield found
