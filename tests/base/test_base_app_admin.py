"""What is behind the admin API, on a real database with real records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dataplane.app_admin import AdminDesk
from dataplane.audit import read
from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.config import Settings
from dataplane.database import Database
from dataplane.edge import admin_models as m
from dataplane.edge.admin_access import Actor, AdminProblem
from dataplane.identity.admin_tokens import AdminTokens
from dataplane.policy.read_tables import TableUnread

KEY = bytes(range(32))
ADMIN = Actor(token_id="aaaaaaaaaa", name="ops", role="admin", expires="2026-11-21T11:22:55Z")
GLASS = Actor(
    token_id="bbbbbbbbbb", name="me", role="break-glass", expires="2026-11-21T11:22:55Z", reason="incident-42"
)


class Tables:
    """The policy's tables; None: OPA does not answer."""

    tables: dict[str, Any] | None = None

    async def table(self, name: str) -> dict[str, Any]:
        if self.tables is None:
            raise TableUnread("OPA is not started yet")
        found = self.tables.get(name, {})
        assert isinstance(found, dict)
        return found


class House:
    """What the desk needs of a gateway."""

    def __init__(self, path: Path) -> None:
        self.settings = Settings()
        self.installation_key = KEY
        self.database = Database(f"sqlite:///{path}/regogate.db")
        self.audit = DurableLog(self.database, key=KEY, instance="a", timeout_s=10.0)
        self.tables: Any = Tables()

    def problems(self) -> list[str]:
        return ["policy: no signed bundle is active yet"]

    def details(self) -> dict[str, Any]:
        return {"policy_revision": "1-gabcdef0-0123456789ab"}

    async def records(self) -> list[dict[str, Any]]:
        rows = [read.told(row) async for row in read.tail(self.database, 0)]
        return [row for row in rows if row["kind"] == "key"]


Story = Callable[[House, AdminDesk], Awaitable[None]]


@pytest.fixture
def lived(tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def main() -> None:
            house = House(tmp_path)
            await migrate(house.database)
            await house.audit.start()
            try:
                await story(house, AdminDesk(house))
            finally:
                await house.audit.close()
                await house.database.close()

        asyncio.run(main())

    return run


async def refused(work: Awaitable[Any]) -> tuple[int, str]:
    with pytest.raises(AdminProblem) as caught:
        await work
    return caught.value.status, caught.value.code


def test_what_cannot_be_done_is_told_by_its_status(lived: Callable[[Story], None]) -> None:
    async def story(house: House, desk: AdminDesk) -> None:
        for key_id in ("abcdefghij", "x", "rgk_abcdefghij"):
            assert await refused(desk.key(key_id)) == (404, "not_found")
        reason = m.Revoke(reason="x")
        assert await refused(desk.revoke_key(ADMIN, "abcdefghij", reason)) == (404, "not_found")
        assert await refused(desk.revoke_client(ADMIN, "nobody", reason)) == (404, "not_found")
        assert await refused(desk.rotate_client(ADMIN, "nobody", m.RotateKey())) == (404, "not_found")
        assert await refused(desk.revoke_token(ADMIN, "abcdefghij", reason)) == (404, "not_found")
        for body in (
            m.CreateKey(client="a b"),
            m.CreateKey(client="a", networks=["10.0.0.1/8"]),
            m.CreateKey(client="a", certificate="abc"),
            m.CreateKey(client="a", expires="0d"),
            m.CreateKey(client="a", label="\x1b[2J"),
        ):
            assert await refused(desk.create_key(ADMIN, body)) == (400, "invalid_field")
        token = m.CreateToken(name="x", role="break-glass", expires="25h")
        assert await refused(desk.create_token(GLASS, token)) == (400, "invalid_field")
        assert await refused(desk.audit_keys(None)) == (503, "policy_unavailable")
        assert await house.records() == []

    lived(story)


def test_a_key_s_life_with_a_record_for_each_step(lived: Callable[[Story], None]) -> None:
    async def story(house: House, desk: AdminDesk) -> None:
        made = await desk.create_key(
            ADMIN, m.CreateKey(client="support", expires="90d", networks=["corp"], label="billing")
        )
        assert made.key.startswith(f"{made.prefix}_")
        rotated = await desk.rotate_key(GLASS, made.id, m.RotateKey(overlap="1h"))
        assert (rotated.rotated_from, rotated.networks, rotated.label) == (made.id, ["corp"], "billing")
        again = desk.rotate_key(ADMIN, made.id, m.RotateKey())
        assert await refused(again) == (409, "conflict")
        reason = m.Revoke(reason="left")
        first = await desk.revoke_key(ADMIN, rotated.id, reason)
        assert (first.changed, first.state, first.revoked_reason) == (True, "revoked", "left")
        second = await desk.revoke_key(ADMIN, rotated.id, m.Revoke(reason="again"))
        assert (second.changed, second.revoked_reason) == (False, "left")
        assert await refused(desk.rotate_key(ADMIN, rotated.id, m.RotateKey())) == (409, "conflict")
        [only] = (await desk.revoke_client(ADMIN, "support", reason)).revoked
        assert only.id == made.id
        assert (await desk.revoke_client(ADMIN, "support", reason)).revoked == []
        story = [
            (one["action"], one["key_id"], one["by"], one.get("reason")) for one in await house.records()
        ]
        assert story == [
            ("create", made.id, "token/aaaaaaaaaa", None),
            ("rotate", rotated.id, "token/bbbbbbbbbb", "incident-42"),
            ("revoke", rotated.id, "token/aaaaaaaaaa", "left"),
            ("revoke", made.id, "token/aaaaaaaaaa", "left"),
        ]
        assert made.key[-43:] not in json.dumps(await house.records())

    lived(story)


def test_keys_come_in_pages(lived: Callable[[Story], None]) -> None:
    async def story(_: House, desk: AdminDesk) -> None:
        made = [await desk.create_key(ADMIN, m.CreateKey(client=f"c{n % 2}")) for n in range(5)]
        await desk.revoke_key(ADMIN, made[1].id, m.Revoke(reason="x"))
        ids: list[str] = []
        after: str | None = None
        for _page in range(3):
            page = await desk.keys(None, None, after, 2)
            ids += [one.id for one in page.keys]
            after = page.next
        assert after is None
        assert ids == [one.id for one in (await desk.keys(None, None, None, 100)).keys]
        assert set(ids) == {one.id for one in made}
        assert [one.id for one in (await desk.keys(None, "revoked", None, 9)).keys] == [made[1].id]
        assert len((await desk.keys("c1", "active", None, 9)).keys) == 1
        assert await refused(desk.keys(None, None, "abcdefghij", 9)) == (400, "invalid_query")

    lived(story)


def test_tokens_are_made_found_and_revoked(lived: Callable[[Story], None]) -> None:
    async def story(house: House, desk: AdminDesk) -> None:
        made = await desk.create_token(ADMIN, m.CreateToken(name="ci", role="viewer", expires="1d"))
        actor = await desk.find(made.token)
        assert actor is not None
        assert (actor.token_id, actor.name, actor.role) == (made.id, "ci", "viewer")
        assert await desk.find(made.token[:-1]) is None
        assert made.created_by == "token/aaaaaaaaaa"
        revoked = await desk.revoke_token(ADMIN, made.id, m.Revoke(reason="x"))
        assert (revoked.changed, revoked.state) == (True, "revoked")
        assert await desk.find(made.token) is None
        assert [one.id for one in (await desk.tokens()).tokens] == [made.id]
        actions = [(one["action"], one["token_id"]) for one in await house.records()]
        assert actions == [("token_create", made.id), ("token_revoke", made.id)]

    lived(story)


def test_breaking_glass_and_failing_leave_records(lived: Callable[[Story], None]) -> None:
    async def story(house: House, desk: AdminDesk) -> None:
        await desk.broke_glass(GLASS, "r-1", "GET /keys")
        [one] = await house.records()
        told = {name: one[name] for name in ("action", "what", "reason", "by", "request_id", "role")}
        assert told == {
            "action": "break_glass",
            "what": "GET /keys",
            "reason": "incident-42",
            "by": "token/bbbbbbbbbb",
            "request_id": "r-1",
            "role": "break-glass",
        }
        desk.failed("r-2")
        async with asyncio.timeout(10):
            while len(found := await house.records()) < 2:
                await asyncio.sleep(0.01)
        assert (found[1]["action"], found[1]["request_id"]) == ("admin_refused", "r-2")
        status = desk.status()
        assert (status.ready, status.reasons) == (False, house.problems())

    lived(story)


def test_an_audit_is_by_the_active_policy(lived: Callable[[Story], None]) -> None:
    async def story(house: House, desk: AdminDesk) -> None:
        made = await desk.create_key(ADMIN, m.CreateKey(client="support", expires="5d"))
        house.tables.tables = {"clients": {"support": {"tier": "t", "enabled": False}}}
        found = await desk.audit_keys(None)
        assert [(one.key_id, one.finding) for one in found.findings] == [
            (made.id, "ending"),
            (made.id, "disabled-client"),
        ]
        assert found.policy_revision == "1-gabcdef0-0123456789ab"
        assert (await desk.audit_keys("other")).findings == []

    lived(story)


def test_without_the_database_nobody_is_let_in_and_it_is_said_so(tmp_path: Path) -> None:
    async def main() -> None:
        house = House(tmp_path)
        await migrate(house.database)
        tokens = AdminTokens(house.database, KEY)
        text, _ = await tokens.create("x", "admin", created_by="cli")
        await house.database.run(
            lambda connection: connection.exec_driver_sql("ALTER TABLE admin_tokens RENAME TO gone")
        )
        assert await refused(AdminDesk(house).find(text)) == (503, "database_unavailable")
        await house.database.close()

    asyncio.run(main())
