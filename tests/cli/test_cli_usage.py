"""`regogate usage`: what it refuses, and what it prints for people, spreadsheets and programs."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dataplane.audit import store
from dataplane.audit.draft import GENESIS, draft
from dataplane.audit.migrate import migrate
from dataplane.audit.store import Position
from dataplane.cli import app
from dataplane.database import Database
from dataplane.installation import write_json

LIMITS = '[{"unit": "tokens"}, {"unit": "usd"}]'
ACME = {"tenant": "acme", "client_id": "support", "model": "gpt-4o-mini"}
RECORDS: list[tuple[str, dict[str, Any]]] = [
    ("completion", {**ACME, "tokens_in": 1_000, "tokens_out": 200, "cost_microusd": 1_234_567}),
    ("completion", {**ACME, "tokens_in": 3, "tokens_out": 4, "cost_microusd": 1}),
    ("completion", {**ACME, "model": "new", "tokens_in": 50, "tokens_out": 6}),
    ("completion", {"client_id": "own", "model": '=HYPERLINK("x")', "tokens_in": 7, "tokens_out": 0}),
    ("deny", {"client_id": "own", "model": "\x1b[31m", "status": 403}),
    ("deny", {"status": 401, "count": 40}),
    ("intent", {**ACME, "limits": LIMITS, "limits_reserved": "[900,5]"}),
]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The data directory of a gateway with these records."""
    url = f"sqlite:///{tmp_path}/regogate.db"
    write_json(tmp_path / "state.json", {"database_url": url})
    drafts = [draft(kind, "w", {"request_id": f"r{n}", **row}) for n, (kind, row) in enumerate(RECORDS)]

    async def fill() -> None:
        database = Database(url)
        await migrate(database)
        group = store.place(drafts, Position(writer="w", wseq=0, hash=GENESIS))
        await database.run(lambda connection: store.insert(connection, group))
        await database.close()

    asyncio.run(fill())
    return tmp_path


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["usage", *words, f"--data-dir={site}"], env={"COLUMNS": "200"})


def told(site: Path, *words: str) -> dict[str, Any]:
    result = run(site, *words, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "colour"], "give one of client, tenant, model"),
        (["--since", "yesterday"], "give 90s, 30m"),
        (["--since", "2026-11-02", "--until", "2026-11-01"], "not later than --since"),
        (["--format", "xml"], "'xml'"),
    ],
)
def test_what_cannot_be_meant_is_status_2(site: Path, words: list[str], said: str) -> None:
    result = run(site, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_where_no_gateway_ran_is_said(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "no gateway has run here" in result.stderr
    write_json(tmp_path / "state.json", {"database_url": f"sqlite:///{tmp_path}/empty.db"})
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "no such table" in result.stderr


def test_json_has_every_sum_and_a_total(site: Path) -> None:
    found = told(site, "--by", "tenant")
    assert found["by"] == ["tenant"]
    acme, nobody = found["rows"]
    assert acme == {
        "tenant": "acme",
        "calls": 3,
        "refused": 0,
        "tokens_in": 1053,
        "tokens_out": 210,
        "tokens": 1263,
        "cost_microusd": 1234568,
        "cost_usd": "1.234568",
        "unpriced_calls": 1,
        "unpriced_tokens": 56,
        "unsettled_calls": 1,
        "unsettled_tokens": 900,
        "unsettled_microusd": 5,
    }
    assert (nobody["tenant"], nobody["refused"], nobody["tokens"]) == (None, 41, 7)
    assert (nobody["cost_microusd"], nobody["cost_usd"]) == (0, None)
    for name, value in found["total"].items():
        if name != "cost_usd":
            assert value == acme[name] + nobody[name], name


def test_groups_may_be_of_several_names_in_any_spelling(site: Path) -> None:
    found = told(site, "--by", "client,model", "--by", "day", "--by", "day")
    assert found["by"] == ["client", "model", "day"]
    keys = [(row["client"], row["model"]) for row in found["rows"]]
    assert keys == [
        ("own", "\x1b[31m"),
        ("own", '=HYPERLINK("x")'),
        ("support", "gpt-4o-mini"),
        ("support", "new"),
        (None, None),
    ]
    assert all(row["day"].startswith("20") for row in found["rows"])


def test_only_what_was_asked_for_counts(site: Path) -> None:
    assert told(site, "--client", "own", "--client", "other")["total"]["tokens"] == 7
    assert told(site, "--tenant", "acme", "--model", "new")["total"]["tokens"] == 56
    assert told(site, "--since", "2001-01-01", "--until", "2001-01-02")["rows"] == []
    assert told(site, "--since", "2001-01-01", "--until", "2001-01-02")["total"]["calls"] == 0


def test_a_table_tells_of_unknown_costs_and_calls_that_never_ended(site: Path) -> None:
    result = run(site, "--by", "model")
    assert result.exit_code == 0
    lines = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.split()}
    assert lines["gpt-4o-mini"][:5] == ["2", "0", "1,003", "204", "1.234568"]
    assert lines["new"][4] == "unknown"
    assert lines["total"][:4] == ["4", "41", "1,060", "210"]
    assert "1.234568 + unknown" in result.stdout
    assert "1 (900 tokens, 0.000005 USD)" in result.stdout
    assert "\x1b" not in result.stdout


def test_csv_is_summed_by_its_columns_and_no_cell_is_a_formula(site: Path) -> None:
    result = run(site, "--by", "model", "--format", "csv")
    rows = list(csv.DictReader(StringIO(result.stdout)))
    assert sum(int(row["tokens_in"]) for row in rows) == 1060
    assert sum(int(row["cost_microusd"]) for row in rows) == 1234568
    assert '\'=HYPERLINK("x")' in [row["model"] for row in rows]
    for row in csv.reader(StringIO(result.stdout)):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_period_is_told_exactly(site: Path) -> None:
    found = told(site, "--since", "1h")
    assert found["until"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert found["total"]["calls"] == 4
