"""Keys as a person and a program read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dataplane.config import KeySettings
from dataplane.identity.key_findings import DAY_US, days_left
from dataplane.identity.models import KeyRow

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def fields(row: KeyRow, now_us: int, settings: KeySettings) -> dict[str, Any]:
    """What `--json` prints of a key; times are RFC 3339, absent ones null."""
    max_age_us = settings.max_age_days * DAY_US
    return {
        "id": row.id,
        "client_id": row.client_id,
        "prefix": row.prefix,
        "label": row.label,
        "created": time_text(row.created_us),
        "expires": time_text(row.expires_us),
        "ends": time_text(row.ends_us(max_age_us)),
        "last_used": time_text(row.last_used_us),
        "networks": list(row.networks),
        "certificate": row.certificate,
        "rotated_from": row.rotated_from,
        "revoked": time_text(row.revoked_us),
        "revoked_reason": row.revoked_reason,
        "state": row.state(now_us, max_age_us),
        "warning": warning(row, now_us, settings),
    }


def warning(row: KeyRow, now_us: int, settings: KeySettings) -> str | None:
    """Why somebody should do something about the key soon; None where nobody need."""
    left = days_left(row, now_us, settings)
    if left is None:
        return None
    return f"ends in {left} day{'s' * (left != 1)}" if left else "ends in less than a day"


def time_text(us: int | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if us is None else datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def print_columns(lines: Sequence[Sequence[str]]) -> None:
    """Lines of cells below each other, the first the headings."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def announce(row: KeyRow, settings: KeySettings) -> None:
    """Says on stderr what the key on stdout is."""
    ends = time_text(row.ends_us(settings.max_age_days * DAY_US))
    until = "does not expire" if ends is None else f"expires {ends}"
    bound = [f"network {', '.join(row.networks)}"] if row.networks else []
    bound += [f"certificate {row.certificate[:16]}..."] if row.certificate is not None else []
    only = f", for {' and '.join(bound)} only" if bound else ""
    typer.echo(
        f"Key {row.prefix} for client {row.client_id}, {until}{only}. It is shown this once:", err=True
    )
