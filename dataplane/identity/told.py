"""Keys and tokens as commands and the admin API tell them: plain values, times as RFC 3339, no secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dataplane.config import KeySettings
from dataplane.identity.admin_tokens import AdminToken
from dataplane.identity.key_findings import DAY_US, Finding, days_left
from dataplane.identity.models import KeyRow


def key_fields(row: KeyRow, now_us: int, settings: KeySettings) -> dict[str, Any]:
    """A key; what is absent is None."""
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


def token_fields(token: AdminToken, now_us: int) -> dict[str, Any]:
    """A token of the admin API; what is absent is None."""
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "created": time_text(token.created_us),
        "created_by": token.created_by,
        "expires": time_text(token.expires_us),
        "revoked": time_text(token.revoked_us),
        "revoked_reason": token.revoked_reason,
        "state": token.state(now_us),
    }


def finding_fields(one: Finding) -> dict[str, Any]:
    """What an audit found."""
    return {
        "key_id": one.key_id,
        "client_id": one.client_id,
        "finding": one.kind,
        "detail": one.detail,
        "names": list(one.names),
    }


def warning(row: KeyRow, now_us: int, settings: KeySettings) -> str | None:
    """Why somebody should do something about the key soon; None where nobody need."""
    left = days_left(row, now_us, settings)
    if left is None:
        return None
    return f"ends in {left} day{'s' * (left != 1)}" if left else "ends in less than a day"


def time_text(us: int | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if us is None:
        return None
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
