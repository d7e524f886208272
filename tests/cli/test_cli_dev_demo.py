"""The demo client of `dev`: its row in whatever tables there are, its key, and the snippets."""

from __future__ import annotations

import asyncio
import json
import stat
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import update

from dataplane.app import Gateway
from dataplane.app_listen import Ready
from dataplane.bundle.errors import CheckFailed
from dataplane.cli.dev_demo import ALL_TIER, demo_key, demo_overlay, snippets
from dataplane.config import Settings, build
from dataplane.database import Database, metadata
from dataplane.identity.models import api_keys
from dataplane.identity.store import KeyStore

KEY = bytes(32)


def test_the_demo_client_is_added_where_there_is_none() -> None:
    tables: dict[str, Any] = {"clients": {"support": {"tier": "premium"}}, "models": {"m": {}}}
    made = demo_overlay(allow_all_models=False)(tables)
    assert made["clients"] == {"support": {"tier": "premium"}, "demo": {"tier": "default"}}
    assert made["models"] == {"m": {}}
    assert "demo" not in tables["clients"], "the tables that were given stay as they are"


def test_a_row_that_is_there_stays_as_it_is() -> None:
    tables: dict[str, Any] = {"clients": {"demo": {"tier": "demo", "enabled": False}}}
    assert demo_overlay(allow_all_models=False)(tables)["clients"] == tables["clients"]


def test_allowing_all_models_changes_the_tier_of_the_demo_client_alone() -> None:
    tables: dict[str, Any] = {
        "clients": {"demo": {"tier": "demo", "tenant": "acme"}, "support": {"tier": "demo"}},
        "tiers": {"demo": {"models": ["demo*"]}},
    }
    made = cast(Any, demo_overlay(allow_all_models=True)(tables))
    assert made["clients"]["demo"] == {"tier": ALL_TIER, "tenant": "acme"}
    assert made["clients"]["support"] == {"tier": "demo"}
    assert made["tiers"]["demo"] == {"models": ["demo*"]}
    assert made["tiers"][ALL_TIER]["models"] == ["*"]
    assert "limits" not in made["tiers"][ALL_TIER]


@pytest.mark.parametrize("name", ["clients", "tiers"])
def test_tables_of_another_shape_are_a_problem_with_their_file(name: str) -> None:
    """A directory with its own schemas may hold anything."""
    with pytest.raises(CheckFailed) as caught:
        demo_overlay(allow_all_models=True)({name: ["a"]})
    assert caught.value.problems[0].file == f"data/{name}.yaml"


class Notes:
    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []

    async def note(self, kind: str, fields: Mapping[str, Any]) -> None:
        self.notes.append((kind, dict(fields)))


class House:
    """What `demo_key` needs of a gateway."""

    def __init__(self, data_dir: Path, installation_key: bytes = KEY) -> None:
        self.data_dir = data_dir
        self.installation_key = installation_key
        self.database = Database(f"sqlite:///{data_dir}/regogate.db")
        self.audit = Notes()
        self.settings = Settings()

    async def key(self) -> str:
        return await demo_key(cast(Gateway, self))


Play = Callable[[Callable[[House], Awaitable[None]]], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def run(story: Callable[[House], Awaitable[None]]) -> None:
        async def main() -> None:
            house = House(tmp_path)
            await house.database.run(metadata.create_all)
            try:
                await story(house)
            finally:
                await house.database.close()

        asyncio.run(main())

    return run


def test_the_key_is_made_once_kept_private_and_noted(play: Play) -> None:
    async def story(house: House) -> None:
        key = await house.key()
        assert await house.key() == key
        path = house.data_dir / "demo.key"
        assert path.read_text() == f"{key}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        ((kind, fields),) = house.audit.notes
        assert (kind, fields["action"], fields["client_id"]) == ("key", "create", "demo")
        assert key not in str(house.audit.notes)

    play(story)


def test_a_revoked_key_stays_revoked_and_a_new_one_is_made(play: Play) -> None:
    async def story(house: House) -> None:
        key = await house.key()
        store = KeyStore(house.database, KEY)
        (row,) = await store.list_keys("demo")
        await store.revoke(row.id)
        assert await house.key() != key
        assert len(await store.list_keys("demo")) == 2

    play(story)


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 58, b"rgk_aaaaaaaaaa_" + b"A" * 43])
def test_a_file_that_holds_no_key_of_ours_is_replaced(play: Play, content: bytes) -> None:
    async def story(house: House) -> None:
        (house.data_dir / "demo.key").write_bytes(content)
        key = await house.key()
        assert await house.key() == key

    play(story)


def test_a_key_that_would_not_be_accepted_is_replaced(play: Play) -> None:
    """The installation's key was made anew, or somebody changed a character of the file."""

    async def story(house: House) -> None:
        key = await house.key()
        house.installation_key = bytes([1]) * 32
        second = await house.key()
        assert second != key
        path = house.data_dir / "demo.key"
        path.write_text(second[:-1] + ("A" if second[-1] != "A" else "B"))
        assert await house.key() not in (key, second)

    play(story)


def test_a_key_that_is_too_old_is_replaced(play: Play) -> None:
    async def story(house: House) -> None:
        key = await house.key()
        long_ago = update(api_keys).values(created_us=api_keys.c.created_us - 90 * 86_400_000_000)
        await house.database.run(lambda connection: connection.execute(long_ago))
        assert await house.key() != key

    play(story)


def test_another_client_s_key_is_not_taken_for_the_demo_client_s(play: Play) -> None:
    async def story(house: House) -> None:
        key, _ = await KeyStore(house.database, KEY).create("support")
        (house.data_dir / "demo.key").write_text(key.text)
        assert await house.key() != key.text

    play(story)


@pytest.mark.parametrize(
    ("upstreams", "model"),
    [({"demo": {"kind": "demo"}}, "demo"), ({"up": {"base_url": "https://h/v1"}}, "gpt-4o-mini")],
)
def test_the_snippets_call_the_gateway_with_a_model_that_it_serves(
    tmp_path: Path, upstreams: dict[str, Any], model: str
) -> None:
    settings = build({"upstreams": upstreams}, tmp_path)
    ready = Ready(base_url="http://127.0.0.1:1/v1", admin_url="http://127.0.0.1:2", revision="1-g0-0")
    text = snippets(ready, "rgk_x", tmp_path, settings)
    assert "curl http://127.0.0.1:1/v1/chat/completions" in text
    assert "Authorization: Bearer rgk_x" in text
    body = text.split("-d '")[1].split("'\n")[0]
    assert json.loads(body)["model"] == model
    python = text[text.index("  from openai") : text.index("\n\nAudit:")]
    compile(textwrap.dedent(python), "snippet", "exec")
