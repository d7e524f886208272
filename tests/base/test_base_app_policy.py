"""The detector of the bundle that is published here is begun before OPA says that it is active."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataplane.app_policy import detector_ahead
from dataplane.bundle.archive import DATA, member, pack
from dataplane.bundle.store import ChannelStore
from dataplane.policy.beside import Means
from dataplane.policy.made_ahead import MadeAhead

REVISION = "7-g0000000-0123456789ab"


class Store:
    """Publishes these tables; None: nothing."""

    def __init__(self, tables: dict[str, Any] | None) -> None:
        self._tables = tables

    async def current(self, channel: str) -> object:
        assert channel == "dev"
        if self._tables is None:
            return None
        content = pack([member(DATA, json.dumps({"regogate": self._tables}).encode())])
        return SimpleNamespace(bundle=SimpleNamespace(revision=REVISION, content=content))


class Noted(MadeAhead):
    """Notes what was begun."""

    def __init__(self) -> None:
        super().__init__(lambda revision, table: pytest.fail("asked for nothing"))
        self.begun: list[tuple[str, Mapping[str, Any]]] = []

    def begin(self, revision: str, table: Mapping[str, Any]) -> None:
        self.begun.append((revision, table))


@pytest.mark.parametrize(
    ("tables", "begun"),
    [
        ({"detectors": {"pii": {"medium": 60}}}, [(REVISION, {"pii": {"medium": 60}})]),
        ({"clients": {}}, []),
        (None, []),
    ],
    ids=["published", "no such table", "nothing published"],
)
def test_what_is_begun(tables: dict[str, Any] | None, begun: list[Any]) -> None:
    noted = Noted()
    means = cast(Means, SimpleNamespace(detectors=noted))
    asyncio.run(detector_ahead(cast(ChannelStore, Store(tables)), "dev", means))
    assert noted.begun == begun
