"""The shipped table of detectors and its schema say what the recognizers know."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataplane.findings import Origin
from dataplane.inspection.catalogue import MAKES, families
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizers import (
    code,
    exfiltration,
    financial,
    injection,
    jailbreak,
    pii,
    secrets,
    toxicity,
)

POLICIES = Path(__file__).parents[2] / "policies"
SCHEMA = POLICIES / "schemas" / "tables" / "detectors.schema.json"
KINDS = {"pii": pii.ALL_KINDS, "secrets": secrets.ALL_KINDS}
SIGNALS = {
    each.__name__.rpartition(".")[2]: {signal.name for signal in each.SIGNALS}
    for each in (code, exfiltration, financial, injection, jailbreak, toxicity)
}


def rows() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text())["properties"]
    return found


def test_the_schema_names_every_kind_and_signal() -> None:
    """A name that no recognizer knows is refused when a policy is checked, not when it is activated.
    `REGOGATE_GOLDEN=write` writes the names into the schema."""
    schema = json.loads(SCHEMA.read_text())
    for row, kinds in KINDS.items():
        schema["properties"][row]["properties"]["skip"]["items"] = {"type": "string", "enum": sorted(kinds)}
    for row, names in SIGNALS.items():
        schema["properties"][row]["properties"]["weights"]["propertyNames"] = {"enum": sorted(names)}
    text = json.dumps(schema, indent=2) + "\n"
    if os.environ.get("REGOGATE_GOLDEN") == "write":
        SCHEMA.write_text(text)
    assert SCHEMA.read_text() == text


def test_every_recognizer_has_a_row_in_the_schema() -> None:
    assert rows().keys() - {"inspection", "advisors"} == MAKES.keys()


def test_the_shipped_table_is_what_recognizers_do_without_it() -> None:
    shipped = yaml.safe_load((POLICIES / "data" / "detectors.yaml").read_text())
    said, unsaid = families(shipped), families({})
    assert [(each.name, each.medium, each.high) for each in said] == [
        (each.name, each.medium, each.high) for each in unsaid
    ]
    assert [[p.id for p in each.recognizer.patterns] for each in said] == [
        [p.id for p in each.recognizer.patterns] for each in unsaid
    ]


@pytest.mark.parametrize("row", ["pii", "secrets"])
def test_a_kind_that_is_skipped_is_not_looked_for(row: str) -> None:
    kinds = sorted(KINDS[row])
    found_by = [each for each in families({row: {"skip": kinds}}) if each.name == row]
    text = "jane@example.org, key = a1B2c3D4e5F6g7H8i9J0k1L2m3N4"

    for family in found_by:  # none where nothing is left to look for
        hits = Engine(family.recognizer.patterns, hyperscan=False).scan(text)
        assert list(family.recognizer.recognize(text, hits, Origin.USER)) == []


def test_where_every_row_is_off_and_a_site_has_no_patterns_nothing_is_looked_at() -> None:
    assert families({name: {"enabled": False} for name in MAKES if name != "custom"}) == []
