"""A detector that was made ahead counts for its own revision and table alone, and once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, cast

import pytest

from dataplane.inspection_ports import Detector
from dataplane.policy.made_ahead import MadeAhead

TABLE = {"pii": {"medium": 60}, "custom": {}}


class Makes:
    """Says of each detector what it was made of."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __call__(self, revision: str, table: Mapping[str, Any]) -> Detector:
        self.threads.append(threading.current_thread().name)
        if "broken" in table:
            raise ValueError("broken is no row")
        return cast(Detector, (revision, dict(table)))


def test_what_was_begun_is_given_to_who_asks_for_the_same() -> None:
    makes = Makes()
    ahead = MadeAhead(makes)
    ahead.begin("1-g0000000-aa", TABLE)
    assert ahead("1-g0000000-aa", dict(reversed(TABLE.items()))) == ("1-g0000000-aa", TABLE)
    assert makes.threads == ["detector ahead"]


def test_it_is_given_once() -> None:
    makes = Makes()
    ahead = MadeAhead(makes)
    ahead.begin("1-g0000000-aa", TABLE)
    ahead("1-g0000000-aa", TABLE)
    ahead("1-g0000000-aa", TABLE)
    assert makes.threads == ["detector ahead", "MainThread"]


@pytest.mark.parametrize(
    ("revision", "table"),
    [
        ("2-g0000000-aa", TABLE),
        ("1-g0000000-aa", {**TABLE, "pii": {"medium": 61}}),
        ("1-g0000000-aa", {**TABLE, "pii": {"medium": 60.0}}),
        ("1-g0000000-aa", {}),
    ],
    ids=["revision", "value", "kind of number", "empty"],
)
def test_for_anything_else_it_does_not_count(revision: str, table: dict[str, Any]) -> None:
    makes = Makes()
    ahead = MadeAhead(makes)
    ahead.begin("1-g0000000-aa", TABLE)
    assert ahead(revision, table) == (revision, table)
    assert "MainThread" in makes.threads


def test_what_is_wrong_is_raised_where_it_is_asked_for() -> None:
    ahead = MadeAhead(Makes())
    ahead.begin("1-g0000000-aa", {"broken": {}})
    with pytest.raises(ValueError, match="broken"):
        ahead("1-g0000000-aa", {"broken": {}})
