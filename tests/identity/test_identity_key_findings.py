"""What an audit of keys finds, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dataplane.config import KeySettings
from dataplane.identity.key_findings import DAY_US, Finding, days_left, findings
from dataplane.identity.models import KeyRow

NOW_US = 1_790_000_000_000_000
SETTINGS = KeySettings(max_age_days=90, warn_days=14, unused_days=30)
TABLES: dict[str, Any] = {
    "clients": {
        "support": {"tier": "wide"},
        "exact": {"tier": "narrow"},
        "shut": {"tier": "narrow", "enabled": False},
        "odd": {"tier": ["x"]},
    },
    "tiers": {
        "wide": {"models": ["gpt-4o-mini", "gpt-4o", "o1*", "*"], "operations": ["chat.*", "models.*"]},
        "narrow": {"models": ["gpt-4o-mini", "demo*"], "operations": ["chat.*"]},
    },
    "networks": {"corp": ["10.0.0.0/8"]},
}
CHAT = "chat.completions.create"


def key(client: str = "exact", *, days: int = 40, used: int | None = 0, **about: Any) -> KeyRow:
    """A key made `days` ago and used last `used` days ago."""
    return KeyRow(
        id="abcdefghij",
        client_id=client,
        prefix="rgk_abcdefghij",
        digest=b"",
        created_us=NOW_US - days * DAY_US,
        last_used_us=None if used is None else NOW_US - used * DAY_US,
        **about,
    )


def kinds(*rows: KeyRow, **facts: Any) -> list[str]:
    return [one.kind for one in findings(rows, NOW_US, SETTINGS, **facts)]


def test_a_key_in_its_best_years_is_left_alone() -> None:
    used = {"exact": {(CHAT, "gpt-4o-mini"), (CHAT, "demo-2")}}
    row = key(networks=("corp", "192.0.2.0/24"))
    assert kinds(row, tables=TABLES, used=used) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (key(days=75), []),
        (key(days=76), ["ending"]),
        (key(days=90), ["old"]),
        (key(days=5, expires_us=NOW_US + 14 * DAY_US), ["ending"]),
        (key(days=5, expires_us=NOW_US + 15 * DAY_US), []),
        (key(days=200, expires_us=NOW_US), []),
        (key(days=200, revoked_us=NOW_US), []),
        (key(used=30), ["unused"]),
        (key(used=29), []),
        (key(used=None), ["unused"]),
        (key(days=29, used=None), []),
        (key(days=80, used=None), ["ending", "unused"]),
    ],
)
def test_age_and_rest(row: KeyRow, expected: list[str]) -> None:
    assert kinds(row) == expected


def test_without_a_maximum_age_old_is_what_is_usual() -> None:
    settings = KeySettings(max_age_days=0)
    assert [one.kind for one in findings([key(days=90)], NOW_US, settings)] == ["old"]
    assert findings([key(days=89)], NOW_US, settings) == []
    assert days_left(key(days=900), NOW_US, settings) is None


def test_a_key_that_was_rotated_may_end() -> None:
    old = key(days=85)
    new = replace(key(days=1), id="bbbbbbbbbb", rotated_from=old.id)
    assert kinds(old, new) == []
    assert kinds(old, replace(new, revoked_us=NOW_US)) == ["ending"]


def test_the_period_can_be_given() -> None:
    assert kinds(key(used=10), unused_us=10 * DAY_US) == ["unused"]


def test_what_the_policy_does_not_know() -> None:
    assert kinds(key("nobody"), tables=TABLES) == ["unknown-client"]
    assert kinds(key("shut"), tables=TABLES) == ["disabled-client"]
    [one] = findings([key(networks=("lab", "corp"))], NOW_US, SETTINGS, tables=TABLES)
    assert (one.kind, one.names) == ("unknown-network", ("lab",))


def test_grants_that_no_call_needed_and_grants_of_everything() -> None:
    used = {"support": {(CHAT, "gpt-4o-mini"), (CHAT, "o1-mini"), ("models.list", None)}}
    [one] = findings([key("support")], NOW_US, SETTINGS, tables=TABLES, used=used)
    assert one == Finding(
        key_id="abcdefghij",
        client_id="support",
        kind="over-privileged",
        detail="granted and not used: model gpt-4o, model *",
        names=("model gpt-4o", "model *"),
    )


def test_nothing_is_said_of_grants_where_nothing_can_be() -> None:
    used = {"exact": {(CHAT, "gpt-4o-mini")}, "odd": {(CHAT, "x")}}
    assert kinds(key("exact"), tables=TABLES, used={}) == []
    assert kinds(key("odd"), tables=TABLES, used=used) == []
    assert kinds(key("exact", days=3), tables=TABLES, used=used) == []
    assert kinds(key("exact"), tables={"clients": {"exact": {"tier": "t"}}, "tiers": []}, used=used) == []
    assert kinds(key("exact"), tables=TABLES, used=used) == ["over-privileged"]
