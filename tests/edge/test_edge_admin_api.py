"""The admin API at its edge: who gets in, what is refused and how it is told, and its own document."""

from __future__ import annotations

import json
import logging
from typing import Any

import jsonschema
import pytest
from admin_desk import KEY, FakeDesk
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dataplane.edge.admin_access import FAILURES, WINDOW_S, Failures
from dataplane.edge.admin_api import MAX_BODY_BYTES, AdminApi
from dataplane.edge.admin_routes import OPERATIONS, ROOT, AdminOperation
from dataplane.errors import Refused
from dataplane.surfaces.strict_json import parse

IDS = [one.id for one in OPERATIONS]
CHANGES = [one for one in OPERATIONS if one.changes]
BODIES: dict[str, dict[str, Any]] = {
    "CreateKey": {"client": "support", "expires": "90d", "networks": ["corp", "10.0.0.0/8"]},
    "RotateKey": {"overlap": "24h"},
    "Revoke": {"reason": "incident-42"},
    "CreateToken": {"name": "ci", "role": "viewer"},
}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(desk: FakeDesk, clock: Clock) -> TestClient:
    made = AdminApi(desk, parse_json=lambda data: parse(data).value, failures=Failures(clock=clock))
    return TestClient(Starlette(routes=made.routes()))


def path_of(one: AdminOperation) -> str:
    path = one.path.replace("{key_id}", KEY["id"]).replace("{client_id}", "support")
    return ROOT + path.replace("{token_id}", "aaaaaaaaaa")


def call(api: TestClient, one: AdminOperation, role: str | None, **options: Any) -> Any:
    if one.body is not None and "json" not in options and "content" not in options:
        options["json"] = BODIES[one.body.__name__]
    headers = {} if role is None else {"authorization": f"Bearer token-{role}"}
    return api.request(one.method, path_of(one), headers=headers | options.pop("headers", {}), **options)


def error(answer: Any) -> dict[str, Any]:
    """The error of an answer, which has one shape and is never cached."""
    document = answer.json()
    assert set(document) == {"error"}
    assert set(document["error"]) - {"field"} == {"code", "message", "request_id"}
    assert document["error"]["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    return document["error"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("one", OPERATIONS, ids=IDS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer token-nobody"},
        {"authorization": "Basic token-admin"},
        {"authorization": "token-admin"},
        {"x-api-key": "token-admin"},
        {"cookie": "token=token-admin"},
    ],
)
def test_nobody_without_a_token_gets_in(
    api: TestClient, desk: FakeDesk, one: AdminOperation, headers: dict[str, str]
) -> None:
    answer = call(api, one, None, headers=headers)
    assert (answer.status_code, error(answer)["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (desk.done, desk.failures) == ([], 1)


def test_two_tokens_are_none(api: TestClient) -> None:
    headers = [("authorization", "Bearer token-admin"), ("authorization", "Bearer token-viewer")]
    assert api.get(ROOT + "/whoami", headers=headers).status_code == 401


@pytest.mark.parametrize("one", OPERATIONS, ids=IDS)
def test_a_role_may_what_it_says_and_no_more(api: TestClient, desk: FakeDesk, one: AdminOperation) -> None:
    ranks = ["viewer", "operator", "admin"]
    for role in ranks:
        answer = call(api, one, role)
        if ranks.index(role) < ranks.index(one.role):
            assert (answer.status_code, error(answer)["code"]) == (403, "insufficient_role")
            assert desk.done == []
        else:
            assert answer.status_code == one.status
            one.answer.model_validate(answer.json())
    assert len(desk.done) == (len(ranks) - ranks.index(one.role) if one.changes else 0)


def test_what_each_role_may() -> None:
    may = {
        role: [one.id for one in OPERATIONS if one.role == role] for role in ("viewer", "operator", "admin")
    }
    assert may == {
        "viewer": ["whoami", "status", "keys.list", "keys.audit", "keys.get"],
        "operator": ["keys.rotate", "keys.revoke", "clients.rotate", "clients.revoke"],
        "admin": ["keys.create", "tokens.list", "tokens.create", "tokens.revoke"],
    }


@pytest.mark.parametrize("one", OPERATIONS, ids=IDS)
def test_glass_is_broken_with_a_reason_that_is_recorded_first(
    api: TestClient, desk: FakeDesk, one: AdminOperation, caplog: pytest.LogCaptureFixture
) -> None:
    if one.body is None or one.body.__name__ != "Revoke":  # whose body has the reason
        for bad in ("", "x" * 201, "a\tb"):
            answer = call(api, one, "break-glass", headers={"x-regogate-reason": bad})
            assert (answer.status_code, error(answer)["code"]) == (400, "reason_required")
        assert call(api, one, "break-glass").status_code == 400
    assert (desk.done, desk.glass) == ([], [])
    reason = {"x-regogate-reason": "incident-42"}
    with caplog.at_level(logging.WARNING, "regogate.admin"):
        answer = call(api, one, "break-glass", headers=reason)
    assert answer.status_code == one.status
    [(actor, what)] = desk.glass
    assert (actor.reason, what) == ("incident-42", f"{one.method} {one.path}")
    assert [record.message for record in caplog.records] == ["break-glass token used"]
    assert "incident-42" not in caplog.text

    desk.unrecordable, desk.done = True, []
    assert call(api, one, "break-glass", headers=reason).status_code == 503
    assert desk.done == []


@pytest.mark.parametrize("one", CHANGES, ids=[one.id for one in CHANGES])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b"null", 400, "invalid_json"),
        (b'{"reason": "a", "reason": "b"}', 400, "invalid_json"),
        (b'{"reason": NaN}', 400, "invalid_json"),
        (b'{"reason": 1e999}', 400, "invalid_json"),
        (b"\xef\xbb\xbf{}", 400, "invalid_json"),
        (b'{"reason": "\xff"}', 400, "invalid_json"),
        (b'{"reason": "a"} x', 400, "invalid_json"),
        (b'{"unknown": 1}', 400, "invalid_field"),
        (b'{"reason": 7}', 400, "invalid_field"),
        (b'{"reason": ""}', 400, "invalid_field"),
        (b'{"reason": "' + b"x" * MAX_BODY_BYTES + b'"}', 413, "body_too_large"),
    ],
)
def test_a_body_that_is_not_as_described_changes_nothing(
    api: TestClient, desk: FakeDesk, one: AdminOperation, body: bytes, status: int, code: str
) -> None:
    answer = call(api, one, "admin", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert desk.done == []


def test_fields_are_told_and_their_values_are_not(api: TestClient, desk: FakeDesk) -> None:
    one = next(one for one in OPERATIONS if one.id == "keys.create")
    for body, field in (
        ({"client": "a", "expires": "secret-1"}, "expires"),
        ({"client": "a", "networks": ["x"] * 33}, "networks"),
        ({"client": "a", "networks": "secret-1"}, "networks"),
        ({"client": 1}, "client"),
        ({}, "client"),
    ):
        told = error(call(api, one, "admin", json=body))
        assert told["field"] == field
        assert "secret-1" not in json.dumps(told)
    for kind in ("", "text/plain", "application/x-www-form-urlencoded"):
        answer = call(api, one, "admin", content=b"{}", headers={"content-type": kind})
        assert (answer.status_code, error(answer)["code"]) == (415, "unsupported_content_type")
    assert desk.done == []


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "client=a&client=b",
        "state=odd",
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=-1",
        "limit=%D9%A1",
        "client",
    ],
)
def test_a_query_that_is_not_as_described_is_refused(api: TestClient, query: str) -> None:
    answer = api.get(f"{ROOT}/keys?{query}", headers={"authorization": "Bearer token-viewer"})
    assert (answer.status_code, error(answer)["code"]) == (400, "invalid_query")


@pytest.mark.parametrize(
    "path", ["", "/", "/key", "/keys/", "/keys/a/b/c", "/openapi.yaml", "/../keys", "/keys//rotate"]
)
def test_other_paths_do_not_exist(api: TestClient, path: str) -> None:
    answer = api.get(ROOT + path, headers={"authorization": "Bearer token-admin"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/keys", "GET, POST"),
        ("OPTIONS", "/keys", "GET, POST"),
        ("PUT", "/keys/k3vq7m2xaz", "GET"),
        ("GET", "/keys/k3vq7m2xaz/revoke", "POST"),
        ("POST", "/whoami", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
def test_other_methods_are_named(api: TestClient, method: str, path: str, allow: str) -> None:
    answer = api.request(method, ROOT + path, headers={"authorization": "Bearer token-admin"})
    assert (answer.status_code, error(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allow


def test_what_is_not_there_and_what_fails_is_told_without_its_inside(
    api: TestClient, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"authorization": "Bearer token-viewer"}
    assert api.get(ROOT + "/keys/aaaaaaaaaa", headers=headers).status_code == 404
    desk.problem = RuntimeError("password=hunter2")
    answer = api.get(ROOT + "/whoami", headers=headers)
    assert (answer.status_code, error(answer)["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text + caplog.text
    desk.problem = Refused("gateway.audit_unavailable")
    assert api.get(ROOT + "/whoami", headers=headers).status_code == 503


def test_guessing_is_slowed_and_locks_nobody_out(api: TestClient, desk: FakeDesk, clock: Clock) -> None:
    bad, good = {"authorization": "Bearer guess"}, {"authorization": "Bearer token-viewer"}
    for _ in range(FAILURES):
        assert api.get(ROOT + "/whoami", headers=bad).status_code == 401
    answer = api.get(ROOT + "/whoami", headers=bad)
    assert (answer.status_code, error(answer)["code"]) == (429, "too_many_failures")
    assert int(answer.headers["retry-after"]) > 0
    assert desk.failures == FAILURES
    assert api.get(ROOT + "/whoami", headers=good).status_code == 200
    clock.now += WINDOW_S
    assert api.get(ROOT + "/whoami", headers=bad).status_code == 401


def test_sources_are_bounded() -> None:
    failures = Failures(clock=Clock())
    for number in range(5000):
        assert failures.admit(str(number)) is None
    assert len(failures._sources) <= 1024


def test_no_answer_opens_the_api_to_pages_or_caches(api: TestClient) -> None:
    headers = {"authorization": "Bearer token-viewer", "origin": "https://evil.example"}
    answer = api.get(ROOT + "/keys", headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "set-cookie"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


def test_the_document_has_every_operation_and_only_what_answers(api: TestClient) -> None:
    document = api.get(ROOT + "/openapi.json").json()
    told = {
        (method.upper(), path, about["operationId"], about["x-regogate-role"])
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    }
    assert told == {(one.method, ROOT + one.path, one.id, one.role) for one in OPERATIONS}
    assert len(IDS) == len(set(IDS))
    for one in OPERATIONS:
        assert call(api, one, "admin").status_code == one.status


def test_the_document_is_openapi_and_its_references_lead_somewhere(api: TestClient) -> None:
    document = api.get(ROOT + "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(document["info"])
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if "$ref" in value else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(document) == {f"#/components/schemas/{name}" for name in schemas}
    for path, methods in document["paths"].items():
        for about in methods.values():
            inside = {one["name"] for one in about["parameters"] if one["in"] == "path"}
            assert inside == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert set(about["responses"]) >= {"400", "401", "403", "404", "409", "429", "503"}


@pytest.mark.parametrize("one", OPERATIONS, ids=IDS)
def test_answers_and_bodies_fit_the_document(api: TestClient, one: AdminOperation) -> None:
    document = api.get(ROOT + "/openapi.json").json()
    about = document["paths"][ROOT + one.path][one.method.lower()]

    def check(value: Any, content: dict[str, Any]) -> None:
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        jsonschema.validate(value, schema)

    check(call(api, one, "admin").json(), about["responses"][str(one.status)]["content"])
    check(call(api, one, None).json(), about["responses"]["401"]["content"])
    if one.body is not None:
        check(BODIES[one.body.__name__], about["requestBody"]["content"])
