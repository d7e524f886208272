"""What follows from the tables is in a bundle, follows from those in it, and is no table."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from dataplane.bundle.archive import DATA
from dataplane.bundle.build import build
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.model import Bundle, open_archive
from dataplane.bundle.strictyaml import JSON
from dataplane.bundle.verify import tables

ROOT = Path(__file__).resolve().parent.parent.parent
CAPABILITIES = ROOT / "opa" / "capabilities.json"
REGO = """package regogate.request

decision := {"v": 1}

prepared := {"named": object.keys(data.regogate.clients)}
"""


def policies(place: Path, rego: str = REGO) -> Path:
    (place / "rego" / "regogate" / "request").mkdir(parents=True)
    (place / "rego" / "regogate" / "request" / "decision.rego").write_text(rego)
    (place / "data").mkdir()
    (place / "data" / "clients.yaml").write_text("app: {tier: basic}\n")
    (place / "schemas" / "tables").mkdir(parents=True)
    (place / "schemas" / "tables" / "clients.schema.json").write_text("{}")
    return place


def built(place: Path, opa: Path, **options: object) -> Bundle:
    return asyncio.run(
        build(place, opa, CAPABILITIES, seq=1, channel="dev", commit="0" * 40, **options)  # type: ignore[arg-type]
    )


def data_of(bundle: Bundle) -> dict[str, JSON]:
    found: dict[str, JSON] = json.loads(open_archive(bundle.content)[DATA].data)["regogate"]
    return found


def test_it_follows_from_the_tables_that_are_staged(tmp_path: Path, opa_binary: Path) -> None:
    """Also from what `regogate dev` adds to them."""

    def overlay(found: dict[str, JSON]) -> dict[str, JSON]:
        return {**found, "clients": {"demo": {"tier": "demo"}}}

    place = policies(tmp_path / "p")
    assert data_of(built(place, opa_binary))["prepared"] == {"named": ["app"]}
    assert data_of(built(place, opa_binary, overlay=overlay))["prepared"] == {"named": ["demo"]}


def test_a_policy_without_the_rule_is_built_without(tmp_path: Path, opa_binary: Path) -> None:
    place = policies(tmp_path / "p", 'package regogate.request\n\ndecision := {"v": 1}\n')
    assert "prepared" not in data_of(built(place, opa_binary))


def test_a_sites_own_rules_are_noticed_and_not_evaluated(tmp_path: Path, opa_binary: Path) -> None:
    """Without an input two values of one name may both hold, which is no fault of theirs."""
    rego = (
        'package regogate.request\n\ndecision := {"v": 1}\n\n'
        'prepared := {"site": [name | some name; type_name(data.regogate.site[name]) != ""] != []}\n'
    )
    place = policies(tmp_path / "p", rego)
    assert data_of(built(place, opa_binary))["prepared"] == {"site": False}
    (place / "rego" / "regogate" / "site").mkdir()
    (place / "rego" / "regogate" / "site" / "mine.rego").write_text(
        'package regogate.site.mine\n\nrequest_block contains "site.mine.night" if _part == "night"\n\n'
        '_part := "night" if not input.time.hour >= 6\n\n_part := "day" if not input.time.hour < 6\n'
    )
    assert data_of(built(place, opa_binary))["prepared"] == {"site": True}


def test_it_is_no_table(tmp_path: Path, opa_binary: Path) -> None:
    place = policies(tmp_path / "p")
    assert tables(built(place, opa_binary)) == {"clients": {"app": {"tier": "basic"}}}
    (place / "data" / "prepared.yaml").write_text("tiers: {}\n")
    with pytest.raises(CheckFailed, match="prepared"):
        built(place, opa_binary)
