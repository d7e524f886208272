"""The operations of the admin API: one table, by which requests are answered and documented alike."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import BaseModel

from dataplane.domain import AdminRole
from dataplane.edge import admin_models as m
from dataplane.edge.admin_access import Actor

ROOT: Final = "/admin/v1"


class Desk(Protocol):
    """What is behind the API. Every method may raise `AdminProblem`; changes are recorded with the actor."""

    async def find(self, token: str) -> Actor | None:
        """Whose token a text is, if it is valid now."""
        ...

    async def broke_glass(self, actor: Actor, request_id: str, what: str) -> None:
        """Record, durably, that a break-glass token is used for `what`."""
        ...

    def failed(self, request_id: str) -> None:
        """Record a failed authentication."""
        ...

    def status(self) -> m.Status:
        """Whether calls can be made."""
        ...

    async def keys(self, client: str | None, state: str | None, after: str | None, limit: int) -> m.Keys:
        """A page of keys."""
        ...

    async def key(self, key_id: str) -> m.Key:
        """One key."""
        ...

    async def create_key(self, actor: Actor, body: m.CreateKey) -> m.NewKey:
        """Make a key."""
        ...

    async def rotate_key(self, actor: Actor, key_id: str, body: m.RotateKey) -> m.RotatedKey:
        """Replace a key."""
        ...

    async def rotate_client(self, actor: Actor, client: str, body: m.RotateKey) -> m.RotatedKeys:
        """Replace every key of a client."""
        ...

    async def revoke_key(self, actor: Actor, key_id: str, body: m.Revoke) -> m.RevokedKey:
        """Revoke a key."""
        ...

    async def revoke_client(self, actor: Actor, client: str, body: m.Revoke) -> m.RevokedKeys:
        """Revoke every key of a client."""
        ...

    async def audit_keys(self, client: str | None) -> m.Findings:
        """Look at every key."""
        ...

    async def tokens(self) -> m.Tokens:
        """Every token."""
        ...

    async def create_token(self, actor: Actor, body: m.CreateToken) -> m.NewToken:
        """Make a token."""
        ...

    async def revoke_token(self, actor: Actor, token_id: str, body: m.Revoke) -> m.RevokedToken:
        """Revoke a token."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that may be answered: who asks, the variables of its path, its query and its body."""

    actor: Actor
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a query, with its JSON schema."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOperation:
    """One operation. `role` is the least that may; `path` stands behind `ROOT`."""

    id: str
    method: str
    path: str
    role: AdminRole
    summary: str
    answer: type[BaseModel]
    do: Callable[[Desk, Asked], Awaitable[BaseModel]]
    body: type[BaseModel] | None = None
    status: int = 200
    query: tuple[Parameter, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"

    @property
    def variables(self) -> list[str]:
        """The names of the path's variables."""
        return re.findall(r"\{(\w+)\}", self.path)

    def match(self, path: str) -> dict[str, str] | None:
        """The variables of a path behind `ROOT`; None for another path."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()


async def _whoami(_: Desk, asked: Asked) -> m.WhoAmI:
    actor = asked.actor
    return m.WhoAmI(token_id=actor.token_id, name=actor.name, role=actor.role, expires=actor.expires)


async def _status(desk: Desk, _: Asked) -> m.Status:
    return desk.status()


def _keys(desk: Desk, asked: Asked) -> Awaitable[m.Keys]:
    query = asked.query
    return desk.keys(
        query.get("client"), query.get("state"), query.get("after"), int(query.get("limit", DEFAULT_LIMIT))
    )


DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
_CLIENT: Final = Parameter(name="client", about="Only keys of this client.")

OPERATIONS: Final[tuple[AdminOperation, ...]] = (
    AdminOperation(
        id="whoami",
        method="GET",
        path="/whoami",
        role="viewer",
        summary="Whose token this is",
        answer=m.WhoAmI,
        do=_whoami,
    ),
    AdminOperation(
        id="status",
        method="GET",
        path="/status",
        role="viewer",
        summary="Whether calls can be made",
        answer=m.Status,
        do=_status,
    ),
    AdminOperation(
        id="keys.list",
        method="GET",
        path="/keys",
        role="viewer",
        summary="List keys",
        answer=m.Keys,
        query=(
            _CLIENT,
            Parameter(
                name="state",
                about="Only keys in this state.",
                schema={"type": "string", "enum": ["active", "expired", "too_old", "revoked"]},
            ),
            Parameter(name="after", about="The `next` of the page before."),
            Parameter(
                name="limit",
                about="Keys a page.",
                schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
        ),
        do=_keys,
    ),
    AdminOperation(
        id="keys.audit",
        method="GET",
        path="/keys/audit",
        role="viewer",
        summary="List keys that are old, unused or over-privileged",
        answer=m.Findings,
        query=(_CLIENT,),
        do=lambda desk, asked: desk.audit_keys(asked.query.get("client")),
    ),
    AdminOperation(
        id="keys.get",
        method="GET",
        path="/keys/{key_id}",
        role="viewer",
        summary="Show a key",
        answer=m.Key,
        do=lambda desk, asked: desk.key(asked.path["key_id"]),
    ),
    AdminOperation(
        id="keys.create",
        method="POST",
        path="/keys",
        role="admin",
        summary="Make a key",
        body=m.CreateKey,
        answer=m.NewKey,
        status=201,
        do=lambda desk, asked: desk.create_key(asked.actor, asked.body),
    ),
    AdminOperation(
        id="keys.rotate",
        method="POST",
        path="/keys/{key_id}/rotate",
        role="operator",
        summary="Replace a key by a new one, with an overlap",
        body=m.RotateKey,
        answer=m.RotatedKey,
        status=201,
        do=lambda desk, asked: desk.rotate_key(asked.actor, asked.path["key_id"], asked.body),
    ),
    AdminOperation(
        id="keys.revoke",
        method="POST",
        path="/keys/{key_id}/revoke",
        role="operator",
        summary="Revoke a key; every gateway refuses it within 2 seconds",
        body=m.Revoke,
        answer=m.RevokedKey,
        do=lambda desk, asked: desk.revoke_key(asked.actor, asked.path["key_id"], asked.body),
    ),
    AdminOperation(
        id="clients.rotate",
        method="POST",
        path="/clients/{client_id}/rotate",
        role="operator",
        summary="Replace every key of a client",
        body=m.RotateKey,
        answer=m.RotatedKeys,
        status=201,
        do=lambda desk, asked: desk.rotate_client(asked.actor, asked.path["client_id"], asked.body),
    ),
    AdminOperation(
        id="clients.revoke",
        method="POST",
        path="/clients/{client_id}/revoke",
        role="operator",
        summary="Revoke every key of a client",
        body=m.Revoke,
        answer=m.RevokedKeys,
        do=lambda desk, asked: desk.revoke_client(asked.actor, asked.path["client_id"], asked.body),
    ),
    AdminOperation(
        id="tokens.list",
        method="GET",
        path="/tokens",
        role="admin",
        summary="List tokens of this API",
        answer=m.Tokens,
        do=lambda desk, _: desk.tokens(),
    ),
    AdminOperation(
        id="tokens.create",
        method="POST",
        path="/tokens",
        role="admin",
        summary="Make a token of this API",
        body=m.CreateToken,
        answer=m.NewToken,
        status=201,
        do=lambda desk, asked: desk.create_token(asked.actor, asked.body),
    ),
    AdminOperation(
        id="tokens.revoke",
        method="POST",
        path="/tokens/{token_id}/revoke",
        role="admin",
        summary="Revoke a token of this API",
        body=m.Revoke,
        answer=m.RevokedToken,
        do=lambda desk, asked: desk.revoke_token(asked.actor, asked.path["token_id"], asked.body),
    ),
)
"""In the order of the document. A path without variables stands before one with some that fits, too."""
