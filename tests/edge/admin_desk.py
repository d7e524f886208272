"""A desk that keeps keys in memory and remembers what it was asked to do."""

from __future__ import annotations

from typing import Any

from dataplane.domain import AdminRole
from dataplane.edge import admin_models as m
from dataplane.edge.admin_access import Actor, AdminProblem

TIME = "2026-11-21T11:22:55Z"
KEY: dict[str, Any] = {
    "id": "k3vq7m2xaz",
    "client_id": "support",
    "prefix": "rgk_k3vq7m2xaz",
    "label": None,
    "created": TIME,
    "expires": None,
    "ends": TIME,
    "last_used": None,
    "networks": ["corp"],
    "certificate": None,
    "rotated_from": None,
    "revoked": None,
    "revoked_reason": None,
    "state": "active",
    "warning": None,
}
TOKEN: dict[str, Any] = {
    "id": "aaaaaaaaaa",
    "name": "ci",
    "role": "viewer",
    "created": TIME,
    "created_by": "cli",
    "expires": TIME,
    "revoked": None,
    "revoked_reason": None,
    "state": "active",
}
ROLES: tuple[AdminRole, ...] = ("viewer", "operator", "admin", "break-glass")


class FakeDesk:
    """Knows one token a role: `token-ROLE`. `done` is every change, with the actor."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Actor, Any]] = []
        self.glass: list[tuple[Actor, str]] = []
        self.failures = 0
        self.problem: Exception | None = None
        self.unrecordable = False

    async def find(self, token: str) -> Actor | None:
        if self.problem is not None:
            raise self.problem
        role = token.removeprefix("token-")
        for known in ROLES:
            if token == f"token-{known}":
                return Actor(token_id=known, name=role, role=known, expires=TIME)
        return None

    async def broke_glass(self, actor: Actor, request_id: str, what: str) -> None:
        if self.unrecordable:
            raise AdminProblem(503, "audit_unavailable", "not recorded")
        self.glass.append((actor, what))

    def failed(self, request_id: str) -> None:
        self.failures += 1

    def status(self) -> m.Status:
        return m.Status(ready=True, reasons=[], details={"instance": "a"})

    async def keys(self, client: str | None, state: str | None, after: str | None, limit: int) -> m.Keys:
        assert 1 <= limit <= 1000
        return m.Keys(keys=[m.Key(**KEY)], next=None)

    async def key(self, key_id: str) -> m.Key:
        if key_id != KEY["id"]:
            raise AdminProblem(404, "not_found", "there is no such key")
        return m.Key(**KEY)

    async def create_key(self, actor: Actor, body: m.CreateKey) -> m.NewKey:
        self.done.append(("create_key", actor, body))
        return m.NewKey(key="rgk_secret", **KEY)

    async def rotate_key(self, actor: Actor, key_id: str, body: m.RotateKey) -> m.RotatedKey:
        self.done.append((f"rotate_key {key_id}", actor, body))
        return m.RotatedKey(key="rgk_secret", old_ends=TIME, **KEY)

    async def rotate_client(self, actor: Actor, client: str, body: m.RotateKey) -> m.RotatedKeys:
        self.done.append((f"rotate_client {client}", actor, body))
        return m.RotatedKeys(rotated=[])

    async def revoke_key(self, actor: Actor, key_id: str, body: m.Revoke) -> m.RevokedKey:
        self.done.append((f"revoke_key {key_id}", actor, body))
        return m.RevokedKey(changed=True, **KEY)

    async def revoke_client(self, actor: Actor, client: str, body: m.Revoke) -> m.RevokedKeys:
        self.done.append((f"revoke_client {client}", actor, body))
        return m.RevokedKeys(revoked=[])

    async def audit_keys(self, client: str | None) -> m.Findings:
        return m.Findings(findings=[], policy_revision=None)

    async def tokens(self) -> m.Tokens:
        return m.Tokens(tokens=[m.Token(**TOKEN)])

    async def create_token(self, actor: Actor, body: m.CreateToken) -> m.NewToken:
        self.done.append(("create_token", actor, body))
        return m.NewToken(token="rga_secret", **TOKEN)

    async def revoke_token(self, actor: Actor, token_id: str, body: m.Revoke) -> m.RevokedToken:
        self.done.append((f"revoke_token {token_id}", actor, body))
        return m.RevokedToken(changed=True, **TOKEN)
