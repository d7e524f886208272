"""The admin application: who may report OPA's status, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from dataplane.edge.admin import MAX_STATUS_BYTES, admin_app

TOKEN = "t" * 32


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def reasons() -> list[str]:
    return []


@pytest.fixture
def admin(seen: list[Any], reasons: list[str]) -> TestClient:
    app = admin_app(
        problems=lambda: reasons,
        details=lambda: {"policy_revision": "1-gabcdef0-0123456789ab"},
        metrics=lambda: b"regogate_ready 1\n",
        on_status=seen.append,
        status_token=TOKEN,
    )
    return TestClient(app)


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_a_status_without_the_token_is_refused_and_not_taken(
    admin: TestClient, seen: list[Any], token: str
) -> None:
    headers = {"authorization": token} if token else {}
    assert admin.post("/status/main", json={"bundles": {}}, headers=headers).status_code == 401
    assert seen == []


def test_a_status_that_is_not_json_or_too_large_is_refused(admin: TestClient, seen: list[Any]) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert admin.post("/status/main", content=b"{", headers=headers).status_code == 400
    assert (
        admin.post("/status/main", content=b"1" * (MAX_STATUS_BYTES + 1), headers=headers).status_code == 413
    )
    assert seen == []


def test_a_status_with_the_token_is_taken(admin: TestClient, seen: list[Any]) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert admin.post("/status/main", json={"bundles": {}}, headers=headers).status_code == 204
    assert seen == [{"bundles": {}}]


def test_readiness_tells_why_not(admin: TestClient, reasons: list[str]) -> None:
    assert admin.get("/readyz").json()["ready"] is True
    reasons.append("policy: no signed bundle is active yet")
    answer = admin.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == reasons
    assert answer.json()["policy_revision"] == "1-gabcdef0-0123456789ab"


def test_liveness_and_metrics_are_told(admin: TestClient) -> None:
    assert admin.get("/livez").text == "ok\n"
    assert "regogate_ready" in admin.get("/metrics").text
