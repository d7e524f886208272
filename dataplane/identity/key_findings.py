"""Which keys somebody should do something about: old, unused, or for more than is used.

Pure: what the policy grants comes from its tables, what was used from records. Nobody is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from dataplane.config import KeySettings
from dataplane.identity.bindings import is_name
from dataplane.identity.models import KeyRow

DAY_US: Final = 86_400_000_000

OLD_DAYS: Final = 90
"""What counts as old where the installation sets no maximum age: the usual rotation of credentials."""

Kind = Literal[
    "old", "ending", "unused", "over-privileged", "unknown-client", "disabled-client", "unknown-network"
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Used = Mapping[str, Collection[tuple[str, str | None]]]
"""Operations and models that were allowed in the period, by client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about one key. `detail` is for a person; `names` are the grants or networks it is about."""

    key_id: str
    client_id: str
    kind: Kind
    detail: str
    names: tuple[str, ...] = ()


def days_left(row: KeyRow, now_us: int, settings: KeySettings) -> int | None:
    """Whole days until an active key ends, where that is `warn_days` or less; else None."""
    max_age_us = settings.max_age_days * DAY_US
    ends_us = row.ends_us(max_age_us)
    if ends_us is None or row.state(now_us, max_age_us) != "active":
        return None
    left_us = ends_us - now_us
    return left_us // DAY_US if left_us <= settings.warn_days * DAY_US else None


def findings(
    rows: Iterable[KeyRow],
    now_us: int,
    settings: KeySettings,
    *,
    unused_us: int | None = None,
    tables: Mapping[str, Any] | None = None,
    used: Used | None = None,
) -> list[Finding]:
    """What is found, in order of kind, client and key; nothing of keys that were revoked or are expired.

    `unused_us` is how long a key may rest (else `settings.unused_days`). Without `tables` (the policy's, by
    name) nothing is said of clients and networks, without `used` nothing of grants.
    """
    unused_us = settings.unused_days * DAY_US if unused_us is None else unused_us
    excess = None if tables is None or used is None else _Excess(tables, used)
    rows = list(rows)
    replaced = {row.rotated_from for row in rows if row.revoked_us is None}
    found: list[Finding] = []
    for row in rows:
        state = row.state(now_us, settings.max_age_days * DAY_US)
        if state not in ("active", "too_old"):
            continue
        about = _About(row)
        if row.id not in replaced:  # what was rotated is to end
            found += _age(about, row, now_us, settings, too_old=state == "too_old")
        if state == "active":
            found += _rest(about, row, now_us, unused_us)
        if tables is not None:
            found += _unknown(about, row, tables)
        if excess is not None and row.created_us <= now_us - unused_us:
            found += excess.of(about, row)
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.client_id, one.key_id))


class _About:
    def __init__(self, row: KeyRow) -> None:
        self._row = row

    def __call__(self, kind: Kind, detail: str, names: Iterable[str] = ()) -> Finding:
        row = self._row
        return Finding(key_id=row.id, client_id=row.client_id, kind=kind, detail=detail, names=tuple(names))


def _age(
    about: _About, row: KeyRow, now_us: int, settings: KeySettings, *, too_old: bool
) -> Iterator[Finding]:
    age_days = (now_us - row.created_us) // DAY_US
    left = days_left(row, now_us, settings)
    if too_old:
        yield about("old", f"{age_days} days old and refused since it was {settings.max_age_days}: rotate it")
    elif left is not None:
        yield about("ending", f"ends in {left} days: rotate it")
    elif age_days >= (settings.max_age_days or OLD_DAYS):
        yield about("old", f"{age_days} days old: rotate it")


def _rest(about: _About, row: KeyRow, now_us: int, unused_us: int) -> Iterator[Finding]:
    since_us = row.created_us if row.last_used_us is None else row.last_used_us
    rested_us = now_us - since_us
    if rested_us >= unused_us:
        never = "never used, made" if row.last_used_us is None else "used last"
        yield about("unused", f"{never} {rested_us // DAY_US} days ago: revoke it if nobody misses it")


def _unknown(about: _About, row: KeyRow, tables: Mapping[str, Any]) -> Iterator[Finding]:
    client = _row(tables, "clients", row.client_id)
    if client is None:
        yield about("unknown-client", "the policy has no such client, so every call is refused")
    elif client.get("enabled") is False:
        yield about("disabled-client", "the policy has disabled this client")
    networks = tables.get("networks")
    known = networks if isinstance(networks, dict) else {}
    missing = [one for one in row.networks if is_name(one) and one not in known]
    if missing:
        yield about("unknown-network", f"the policy has no network {', '.join(missing)}", missing)


class _Excess:
    """Grants that a client's calls did not need."""

    def __init__(self, tables: Mapping[str, Any], used: Used) -> None:
        self._tables = tables
        self._used = used

    def of(self, about: _About, row: KeyRow) -> Iterator[Finding]:
        """Nothing where the client made no call: then its keys are unused, which is said elsewhere."""
        used = self._used.get(row.client_id)
        client = _row(self._tables, "clients", row.client_id)
        tier = None if client is None else _row(self._tables, "tiers", client.get("tier"))
        if not used or tier is None:
            return
        operations = {operation for operation, _ in used}
        models = {model for _, model in used if model is not None}
        names = [
            *(f"model {one}" for one in _unneeded(tier.get("models"), models)),
            *(f"operation {one}" for one in _unneeded(tier.get("operations"), operations)),
        ]
        if names:
            yield about("over-privileged", f"granted and not used: {', '.join(names)}", names)


def _unneeded(patterns: Any, used: Collection[str]) -> list[str]:
    """Patterns of which nothing was used, and those that grant everything."""
    if not isinstance(patterns, list):
        return []
    texts = [one for one in patterns if isinstance(one, str)]
    return [one for one in texts if one == "*" or not any(map(_matches(one), used))]


def _matches(pattern: str) -> Callable[[str], bool]:
    """The contract's patterns: exact, or ending in one `*`."""
    if pattern.endswith("*"):
        return lambda name: name.startswith(pattern[:-1])
    return lambda name: name == pattern


def _row(tables: Mapping[str, Any], table: str, name: Any) -> Mapping[str, Any] | None:
    rows = tables.get(table)
    row = rows.get(name) if isinstance(rows, dict) and isinstance(name, str) else None
    return row if isinstance(row, dict) else None
