"""`regogate admin`: tokens of the admin API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dataplane.audit import read
from dataplane.cli.admin import app
from dataplane.cli.state import open_state
from dataplane.database import Database
from dataplane.identity.admin_tokens import AdminToken, AdminTokens

Run = Callable[..., Result]


@pytest.fixture
def run(data_dir: Path) -> Run:
    return lambda *words: CliRunner().invoke(app, [*words, "--data-dir", str(data_dir)])


def found(data_dir: Path, text: str, later_us: int = 0) -> AdminToken | None:
    """What a gateway takes a token for, now or later."""
    state = open_state(None, data_dir)

    async def main() -> AdminToken | None:
        database = Database(state.database_url)
        tokens = AdminTokens(database, state.installation_key)
        if later_us:
            tokens = AdminTokens(database, state.installation_key, clock_us=lambda: later_us)
        try:
            return await tokens.find(text)
        finally:
            await database.close()

    return asyncio.run(main())


def records(data_dir: Path) -> list[dict[str, Any]]:
    async def main() -> list[dict[str, Any]]:
        database = Database(f"sqlite:///{data_dir}/regogate.db")
        try:
            return [read.told(row) async for row in read.tail(database, 0)]
        finally:
            await database.close()

    return [row for row in asyncio.run(main()) if row["kind"] == "key"]


@pytest.mark.parametrize(
    "words",
    [
        ("create-token",),
        ("create-token", "--role", "root", "--name", "x"),
        ("create-token", "--role", "viewer", "--name", "a b"),
        ("create-token", "--role", "viewer", "--name", ""),
        ("create-token", "--role", "viewer", "--name", "x", "--expires", "1y"),
        ("create-token", "--role", "viewer", "--name", "x", "--expires", "367d"),
        ("create-token", "--role", "break-glass", "--name", "x", "--expires", "25h"),
        ("revoke-token",),
    ],
)
def test_what_makes_no_sense_ends_with_2(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.output


@pytest.mark.parametrize("token_id", ["abcdefghij", "x", "rga_abcdefghij"])
def test_an_unknown_token_ends_with_1(run: Run, token_id: str) -> None:
    assert run("revoke-token", "--id", token_id).exit_code == 1


def test_a_token_lives_and_dies_with_records(run: Run, data_dir: Path) -> None:
    result = run("create-token", "--role", "operator", "--name", "on-call", "--expires", "30d")
    assert result.exit_code == 0
    text = result.stdout.strip()
    assert text not in result.stderr
    token = found(data_dir, text)
    assert token is not None
    assert (token.role, token.name, token.created_by) == ("operator", "on-call", "cli")
    last = "A" if text[-1] != "A" else "B"
    for bad in (text[:-1] + last, text + "x", text.replace("rga_", "rgk_"), "", f"rga_{token.id}"):
        assert found(data_dir, bad) is None
    assert found(data_dir, text, token.expires_us) is None
    assert found(data_dir, text, token.expires_us - 1) is not None

    listed = run("list-tokens")
    assert text[-43:] not in listed.output
    assert listed.stdout.splitlines()[1].split()[:3] == [text[:14], "on-call", "operator"]
    assert run("revoke-token", "--id", text[:14], "--reason", "left").exit_code == 0
    assert found(data_dir, text) is None
    assert "nothing to do" in run("revoke-token", "--id", token.id).stdout
    [line] = run("list-tokens", "--json").stdout.splitlines()
    assert (json.loads(line)["state"], json.loads(line)["revoked_reason"]) == ("revoked", "left")
    actions = [(one["action"], one["token_id"], one["by"], one["role"]) for one in records(data_dir)]
    assert actions == [
        ("token_create", token.id, "cli", "operator"),
        ("token_revoke", token.id, "cli", "operator"),
    ]
    assert text[-43:] not in json.dumps(records(data_dir))


def test_a_break_glass_token_lives_for_an_hour(run: Run, data_dir: Path) -> None:
    made = json.loads(run("create-token", "--role", "break-glass", "--name", "x", "--json").stdout)
    token = found(data_dir, made["token"])
    assert token is not None
    assert token.expires_us - token.created_us == 3_600_000_000
    other = json.loads(run("create-token", "--role", "admin", "--name", "x", "--json").stdout)
    days = found(data_dir, other["token"])
    assert days is not None
    assert days.expires_us - days.created_us == 90 * 86_400_000_000


def test_neither_the_text_nor_more_than_its_digest_is_kept(run: Run, data_dir: Path) -> None:
    text = run("create-token", "--role", "viewer", "--name", "x").stdout.strip()
    for file in data_dir.iterdir():
        assert text[-43:].encode() not in file.read_bytes()
