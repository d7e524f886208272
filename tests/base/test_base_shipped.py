"""Files that are not Python are found in a checkout, and their absence is named."""

from __future__ import annotations

import pytest

from dataplane.errors import ConfigError
from dataplane.shipped import shipped


@pytest.mark.parametrize(
    "name", ["policies", "policies/rego", "migrations/env.py", "opa/capabilities.json", "opa/go.mod"]
)
def test_what_is_shipped_is_found(name: str) -> None:
    assert shipped(name).exists()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="no/such: missing from this installation"):
        shipped("no/such")
