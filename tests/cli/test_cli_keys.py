"""`regogate keys`, as a person and a script use it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from dataplane.audit import read
from dataplane.cli.durations import duration_us
from dataplane.cli.keys import app
from dataplane.cli.state import open_state
from dataplane.database import Database
from dataplane.domain import Head, Source
from dataplane.errors import Refused
from dataplane.identity.api_keys import ApiKeyAuthenticator
from dataplane.installation import write_json

Run = Callable[..., Result]


@pytest.fixture
def run(data_dir: Path) -> Run:
    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--data-dir", str(data_dir)])

    return invoke


def client_of(data_dir: Path, text: str) -> str | None:
    """The client a running gateway takes a key for, or None where it refuses it."""
    state = open_state(None, data_dir)

    async def main() -> str | None:
        database = Database(state.database_url)
        authenticator = ApiKeyAuthenticator(database, state.installation_key)
        await authenticator.start()
        header = (b"authorization", b"Bearer " + text.encode())
        head = Head(
            request_id="r",
            method="GET",
            path="/",
            query="",
            headers=(header,),
            http_version="1.1",
            peer_ip="127.0.0.1",
        )
        try:
            identity = await authenticator.authenticate(head, Source(ip="127.0.0.1"))
            return identity.client_id if identity is not None else None
        except Refused:
            return None
        finally:
            await authenticator.close()
            await database.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "--client", "a b"),
        ("create", "--client", "a", "--expires", "90"),
        ("create", "--client", "a", "--expires", "0d"),
        ("create", "--client", "a", "--expires", "-1d"),
        ("create", "--client", "a", "--expires", "1y"),
        ("create", "--client", "a", "--label", "two\nlines"),
        ("show",),
        ("show", "abcdefghij", "--id", "abcdefghij"),
        ("create", "--client", "a", "--network", "10.0.0.1/8"),
        ("create", "--client", "a", "--network", "a b"),
        ("create", "--client", "a", "--certificate", "abc"),
        ("rotate",),
        ("rotate", "--id", "abcdefghij", "--client", "a"),
        ("rotate", "--id", "abcdefghij", "--overlap", "31d"),
        ("rotate", "--client", "a", "--overlap", "-1h"),
        ("rotate", "--client", "a", "--expires", "0d"),
        ("audit", "--unused", "1y"),
        ("revoke",),
        ("revoke", "abcdefghij", "--client", "a"),
        ("revoke", "abcdefghij", "--id", "abcdefghij"),
        ("revoke", "rgk_abcdefghij_" + "S" * 43),
    ],
)
def test_a_command_that_makes_no_sense_ends_with_2_and_no_traceback(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert "S" * 43 not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("show", "abcdefghij"),
        ("rotate", "--id", "abcdefghij"),
        ("rotate", "--client", "nobody"),
        ("revoke", "abcdefghij"),
        ("revoke", "--client", "nobody"),
        ("show", "x"),
    ],
)
def test_what_does_not_exist_ends_with_1(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


def test_a_directory_where_no_gateway_ran_is_a_clear_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["list", "--data-dir", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no gateway has run here" in result.stderr


def test_a_database_without_tables_is_a_clear_error(tmp_path: Path) -> None:
    write_json(tmp_path / "state.json", {"database_url": f"sqlite:///{tmp_path}/empty.db"})
    result = CliRunner().invoke(app, ["create", "--client", "a", "--data-dir", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: database: no such table: api_keys_version\n"


def test_a_configuration_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["create", "--client", "a", "--config", str(tmp_path / "missing.yaml")])
    assert result.exit_code in {1, 2}
    assert "Traceback" not in result.output


def test_the_key_alone_is_on_stdout_and_works(run: Run, data_dir: Path) -> None:
    result = run("create", "--client", "support", "--expires", "90d", "--label", "load test")
    assert result.exit_code == 0
    text = result.stdout.strip()
    assert client_of(data_dir, text) == "support"
    assert text not in result.stderr
    assert text[:14] in result.stderr
    for later in (run("list"), run("show", text[4:14]), run("list", "--json")):
        assert later.exit_code == 0
        assert text[-43:] not in later.output


def test_json_has_the_key_once_and_states_later(run: Run) -> None:
    made = json.loads(run("create", "--client", "support", "--expires", "12h", "--json").stdout)
    assert made["key"].startswith(made["prefix"] + "_")
    assert (made["client_id"], made["state"]) == ("support", "active")
    run("create", "--client", "other")
    assert len(run("list", "--json").stdout.splitlines()) == 2
    (line,) = run("list", "--client", "support", "--json").stdout.splitlines()
    expected = {name: value for name, value in made.items() if name != "key"}
    assert json.loads(line) == json.loads(run("show", made["id"], "--json").stdout) == expected
    assert json.loads(run("show", "--id", made["id"], "--json").stdout) == expected


def test_the_list_shows_prefix_client_times_and_state(run: Run) -> None:
    made = json.loads(run("create", "--client", "support", "--label", "x", "--json").stdout)
    header, line = run("list").stdout.splitlines()
    assert header.split() == ["KEY", "CLIENT", "CREATED", "ENDS", "LAST", "USED", "STATE", "LABEL", "WARNING"]
    assert line.split() == [made["prefix"], "support", made["created"], made["ends"], "never", "active", "x"]


def test_a_revoked_key_is_refused_and_says_why(run: Run, data_dir: Path) -> None:
    made = json.loads(run("create", "--client", "support", "--json").stdout)
    assert run("revoke", made["prefix"], "--reason", "left").exit_code == 0
    assert client_of(data_dir, made["key"]) is None
    shown = json.loads(run("show", made["id"], "--json").stdout)
    assert (shown["state"], shown["revoked_reason"]) == ("revoked", "left")
    again = run("revoke", "--id", made["id"], "--reason", "other")
    assert again.exit_code == 0
    assert "nothing to do" in again.stdout
    assert json.loads(run("show", made["id"], "--json").stdout) == shown


def test_every_key_of_a_client_is_revoked_by_one_command(run: Run, data_dir: Path) -> None:
    theirs = [json.loads(run("create", "--client", "support", "--json").stdout)["key"] for _ in range(2)]
    other = json.loads(run("create", "--client", "other", "--json").stdout)["key"]
    result = run("revoke", "--client", "support", "--reason", "incident-42", "--yes")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert [client_of(data_dir, key) for key in (*theirs, other)] == [None, None, "other"]


def records(data_dir: Path) -> list[dict[str, Any]]:
    """The `key` records, oldest first."""

    async def main() -> list[dict[str, Any]]:
        database = Database(f"sqlite:///{data_dir}/regogate.db")
        try:
            rows = [read.told(row) async for row in read.tail(database, 0)]
        finally:
            await database.close()
        return [row for row in rows if row["kind"] == "key"]

    return asyncio.run(main())


def test_a_rotation_prints_the_new_key_once_and_ends_the_old_one(run: Run, data_dir: Path) -> None:
    words = ("--network", "10.0.0.0/8", "--network", "127.0.0.1", "--certificate", "ab" * 32, "--label", "x")
    old = json.loads(run("create", "--client", "support", *words, "--json").stdout)
    result = run("rotate", "--id", old["prefix"], "--overlap", "0")
    assert result.exit_code == 0
    text = result.stdout.strip()
    new = json.loads(run("show", text[4:14], "--json").stdout)
    shown = json.loads(run("show", old["id"], "--json").stdout)
    assert (shown["state"], new["state"], new["rotated_from"]) == ("expired", "active", old["id"])
    for name in ("networks", "certificate", "label", "client_id"):
        assert new[name] == old[name]
    again = run("rotate", "--id", old["id"])
    assert (again.exit_code, again.stdout) == (1, "")
    assert new["id"] in again.stderr
    created, rotated = records(data_dir)
    assert (created["action"], created["key_id"], created["by"]) == ("create", old["id"], "cli")
    assert created["networks"] == ["10.0.0.0/8", "127.0.0.1/32"]
    assert (rotated["action"], rotated["key_id"], rotated["rotated_from"]) == ("rotate", new["id"], old["id"])
    assert text[-43:] not in json.dumps(records(data_dir))


def test_a_client_s_keys_are_rotated_with_an_overlap(run: Run, data_dir: Path) -> None:
    olds = [json.loads(run("create", "--client", "support", "--json").stdout) for _ in range(2)]
    result = run("rotate", "--client", "support", "--overlap", "1h", "--json")
    news = [json.loads(line) for line in result.stdout.splitlines()]
    assert {one["rotated_from"] for one in news} == {one["id"] for one in olds}
    assert all(client_of(data_dir, one["key"]) == "support" for one in (*olds, *news))
    assert all(one["old_ends"] < one["ends"] for one in news)


def test_every_change_is_a_record(run: Run, data_dir: Path) -> None:
    made = json.loads(run("create", "--client", "support", "--json").stdout)
    run("revoke", "--id", made["id"], "--reason", "left")
    run("revoke", "--id", made["id"], "--reason", "again")
    actions = [(row["action"], row["key_id"], row.get("reason")) for row in records(data_dir)]
    assert actions == [("create", made["id"], None), ("revoke", made["id"], "left")]


def test_an_audit_needs_a_policy_or_none(run: Run) -> None:
    result = run("audit")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--no-policy" in result.stderr
    assert run("audit", "--no-policy", "--check").exit_code == 0


def test_an_audit_lists_and_checks(run: Run, data_dir: Path) -> None:
    made = json.loads(run("create", "--client", "support", "--expires", "10d", "--json").stdout)
    unknown = json.loads(run("create", "--client", "nobody", "--network", "nowhere", "--json").stdout)
    bundle = ("--bundle", str(Path(__file__).parents[2] / "policies"))
    result = run("audit", *bundle, "--json")
    assert result.exit_code == 0, result.stderr
    found = {(one["key_id"], one["finding"]) for one in map(json.loads, result.stdout.splitlines())}
    assert found == {
        (made["id"], "ending"),
        (made["id"], "unknown-client"),
        (unknown["id"], "unknown-client"),
        (unknown["id"], "unknown-network"),
    }
    assert run("audit", "--no-policy", "--check").exit_code == 1
    assert run("audit", "--no-policy", "--client", "nobody", "--check").exit_code == 0
    table = run("audit", "--no-policy").stdout.splitlines()
    assert table[0].split() == ["KEY", "CLIENT", "FINDING", "DETAIL"]
    assert table[1].split()[:3] == [made["prefix"], "support", "ending"]


@pytest.mark.parametrize(
    "words", [(), ("create",), ("list",), ("show",), ("rotate",), ("revoke",), ("audit",)]
)
def test_help_has_examples(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert not words or "regogate keys" in result.stdout


def test_durations_are_exact_and_anything_else_is_refused() -> None:
    assert [duration_us(text) for text in ("30m", "12h", "90d")] == [1_800e6, 43_200e6, 7_776_000e6]
    assert [duration_us(text, nothing=True) for text in ("0", "0h", "1m")] == [0, 0, 60e6]
    for text in ("", "0", "0h", "d", "1", "1s", "1D", "1.5h", " 1h", "1h ", "1h30m", "٣d", "9999999d", "00m"):
        with pytest.raises(typer.BadParameter):
            duration_us(text)
