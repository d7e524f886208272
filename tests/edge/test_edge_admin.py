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


class Candidates:
    """One candidate, `t-1`."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def bundle(self, trial_id: str) -> bytes | None:
        return b"its bundle" if trial_id == "t-1" else None

    def observe(self, trial_id: str, status: Any) -> None:
        self.seen.append((trial_id, status))


@pytest.fixture
def candidates() -> Candidates:
    return Candidates()


@pytest.fixture
def trying(candidates: Candidates, seen: list[Any]) -> TestClient:
    app = admin_app(
        problems=list,
        details=dict,
        metrics=bytes,
        on_status=seen.append,
        status_token=TOKEN,
        candidates=candidates,
    )
    return TestClient(app, headers={"authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize("token", ["", "Bearer wrong", f"Basic {TOKEN}"])
def test_a_candidate_s_bundle_and_status_need_the_token(
    trying: TestClient, candidates: Candidates, token: str
) -> None:
    headers = {"authorization": token}
    assert trying.get("/candidates/t-1/bundle", headers=headers).status_code == 401
    assert trying.post("/candidates/t-1/status/g", json={}, headers=headers).status_code == 401
    assert candidates.seen == []


def test_a_candidate_s_opa_gets_its_bundle_once(trying: TestClient) -> None:
    assert trying.get("/candidates/t-2/bundle").status_code == 404
    answer = trying.get("/candidates/t-1/bundle")
    assert (answer.status_code, answer.content) == (200, b"its bundle")
    again = trying.get("/candidates/t-1/bundle", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_candidate_s_status_is_never_the_active_opa_s(
    trying: TestClient, candidates: Candidates, seen: list[Any]
) -> None:
    assert trying.post("/candidates/t-1/status/g", json={"bundles": {}}).status_code == 204
    assert candidates.seen == [("t-1", {"bundles": {}})]
    assert seen == []
    assert trying.post("/status/g", json={"bundles": {"main": {}}}).status_code == 204
    assert seen == [{"bundles": {"main": {}}}]
    assert len(candidates.seen) == 1


def test_a_gateway_without_candidates_has_none_to_give(admin: TestClient) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert admin.get("/candidates/t-1/bundle", headers=headers).status_code == 404
    assert admin.post("/candidates/t-1/status/g", json={}, headers=headers).status_code == 204
