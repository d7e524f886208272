"""Settings of limits: where quantities are counted. What the limits are is policy's."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from dataplane.config.base import FilePath, SecretRef, Section

MEMORY: Final = "memory"
_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_REDIS: Final = re.compile(
    rf"(rediss?)://(?:[A-Za-z0-9._~%-]+@)?{_HOST}(?::([0-9]{{1,5}}))?(?:/([0-9]{{1,4}})?)?|unix:///[^?#@]+"
)


def _store(text: str) -> str:
    if text == MEMORY:
        return text
    if re.match(r"[a-z]+://[^/@]*:[^/@]*@", text):
        raise ValueError("the password has a place of its own: limits.password, such as {file: PATH}")
    found = _REDIS.fullmatch(text)
    if found is None or not 0 < int(found[2] or 1) <= 65_535:
        raise ValueError(
            "must be memory, redis://HOST[:PORT][/DB], rediss://HOST[:PORT][/DB] or unix:///SOCKET"
        )
    return text


StoreUrl = Annotated[str, AfterValidator(_store)]


class LimitSettings(Section):
    """Where quantities are counted: in this process, or in one Redis or Valkey for all of them."""

    store: StoreUrl = MEMORY
    password: SecretRef | None = None
    ca_file: FilePath | None = None
    cluster: bool = False
    timeout_ms: int = Field(default=1000, ge=10, le=10_000)
    processes: int = Field(default=1, ge=1, le=100_000)
    share: float = Field(default=1.0, ge=0.000001, le=1)

    @model_validator(mode="after")
    def _whole(self) -> LimitSettings:
        shared = self.store != MEMORY
        for name, given in (
            ("password", self.password),
            ("ca_file", self.ca_file),
            ("cluster", self.cluster),
        ):
            if given and not shared:
                raise ValueError(f"{name} belongs to a store that is shared, not to memory")
        if self.ca_file is not None and not self.store.startswith("rediss://"):
            raise ValueError("ca_file belongs to a rediss:// store")
        if self.cluster and (self.store.startswith("unix:") or re.search(r"[^/]/[1-9][0-9]*$", self.store)):
            raise ValueError("a cluster is reached by redis:// or rediss://, and has database 0 only")
        return self
